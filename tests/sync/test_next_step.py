"""What a run does after a round, by table: go on, wait or stop."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import entries

from discovery.model import Decision
from discovery.sync.rounds import (
    RESERVE,
    Again,
    Budget,
    Policy,
    Progress,
    Stop,
    WaitUntil,
    after,
    counted,
    is_last,
    next_step,
)

FAILING = Decision(entries(a="10.0.0.1"), (), frozenset("ab"), 2, 0, False, settled=False)
SETTLED = replace(FAILING, failing=frozenset(), settled=True)
POLICY = Policy(rounds=3, interval=5.0, panic_percent=0)
PLENTY = Budget(now=100.0, left=20.0, cost=1.0, listing_from=0.0)


@pytest.mark.parametrize(
    ("progress", "budget", "expected"),
    [
        # A round that failed is followed by the next one that counts, an interval later.
        (Progress(1, frozenset("a"), due=105.0), PLENTY, WaitUntil(105.0)),
        # A round that was lost, or a request that came during the last one: at once.
        (Progress(1, frozenset()), PLENTY, Again()),
        (Progress(), PLENTY, Again()),
        # It must fit: the wait, what the last one cost, and the reserve.
        (Progress(1, frozenset("a"), due=105.0), PLENTY._replace(left=7.0), WaitUntil(105.0)),
        (Progress(1, frozenset("a"), due=105.0), PLENTY._replace(left=6.9), Stop()),
        (Progress(), PLENTY._replace(left=2.0), Again()),
        (Progress(), PLENTY._replace(left=1.9), Stop()),
        # ECS's budget may allow the listing only later than the interval does.
        (Progress(1, frozenset("a"), due=105.0), PLENTY._replace(listing_from=118.5), Stop()),
        (
            Progress(1, frozenset("a"), due=105.0),
            PLENTY._replace(listing_from=118.0),
            WaitUntil(105.0),
        ),
        (Progress(), PLENTY._replace(listing_from=118.5), Stop()),
        # A moment that has passed needs no wait.
        (Progress(1, frozenset("a"), due=90.0), PLENTY._replace(left=2.0), WaitUntil(90.0)),
    ],
)
def test_how_a_run_goes_on(progress: Progress, budget: Budget, expected: object) -> None:
    """A round begins only if it can end in time: what comes before it counts."""
    assert expected == next_step(progress, budget)


@pytest.mark.parametrize(
    ("number", "left", "listing_from", "expected"),
    [
        (1, 20.0, 0.0, False),
        (2, 20.0, 0.0, False),
        (3, 20.0, 0.0, True),  # the last by number
        (2, 6.9, 0.0, True),  # the last by time: 5 s of interval, 1 s of cost, the reserve
        (2, 7.0, 0.0, False),
        (2, 20.0, 118.5, True),  # by ECS's budget
        (1, 6.9, 0.0, False),  # law 5: a task that failed only once stays
        (1, 0.0, 118.5, False),
    ],
)
def test_which_round_is_the_last(
    number: int, left: float, listing_from: float, expected: bool
) -> None:
    """Only after the last round is a listed task dropped for failed checks."""
    budget = PLENTY._replace(left=left, listing_from=listing_from)
    assert expected == is_last(Progress(number), POLICY, budget)


def test_with_one_round_the_first_is_the_last() -> None:
    """RETRY_COUNT=1 is what the operator chose."""
    assert is_last(Progress(1), replace(POLICY, rounds=1), PLENTY)


def test_what_is_known_after_a_round() -> None:
    """Failures add up from round to round, and a request in between moves no due moment."""
    first = after(Progress(), FAILING, 100.0, POLICY)
    assert Progress(1, frozenset("ab"), due=105.0) == first
    assert Progress(1, frozenset("ab"), due=105.0) == after(first, FAILING, 102.0, POLICY)
    assert Progress(2, frozenset("ab"), due=None) == counted(first)


def test_a_lost_round_proves_no_failure() -> None:
    """Law 5: a round that was not published breaks the row of failures."""
    assert Progress(2, frozenset()) == after(Progress(2, frozenset("ab")), None, 100.0, POLICY)


def test_a_settled_run_begins_anew_for_a_request() -> None:
    """Nothing of the run before counts against a task in the next."""
    assert Progress() == after(Progress(3, frozenset("a"), 101.0), SETTLED, 100.0, POLICY)


def test_the_reserve_is_the_publication_s() -> None:
    """Listing and checking end a second before the deadline."""
    assert RESERVE == 1.0
