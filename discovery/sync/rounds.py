"""What a run does after each round: pure.

The rounds that count are `interval` seconds apart, `rounds` of them at most. A request that
comes while a run waits is answered at once, by a round that does not count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Union

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from discovery.model import Decision

# Seconds kept for the publication and for giving up the place: listing and
# checking end this long before the deadline.
RESERVE = 1.0


@dataclass(frozen=True)
class Progress:
    """Where a run stands. Moments are those of the deadline's clock, durations are in seconds."""

    number: int = 1  # of the round that counts
    failed: AbstractSet[str] | None = None  # failed in every round so far; None: no round yet
    due: float | None = None  # when the next round that counts begins


class Budget(NamedTuple):
    """The time there is at a moment, and what another round takes of it."""

    now: float
    left: float  # seconds before the deadline
    cost: float  # seconds that listing and checking took in the last round
    paced: float  # the moment before which ECS's budget allows no listing

    def allows(self, start: float) -> bool:
        """Whether a round that begins at this moment, or when the pace allows, ends in time."""
        return max(start, self.paced, self.now) - self.now + self.cost + RESERVE <= self.left


@dataclass(frozen=True)
class Stop:
    """No time is left for another round."""


@dataclass(frozen=True)
class WaitUntil:
    """The next round that counts begins at this moment, or a request comes first."""

    due: float


@dataclass(frozen=True)
class Again:
    """The next round begins at once."""


Step = Union[Stop, WaitUntil, Again]


def is_last(progress: Progress, rounds: int, interval: float, budget: Budget) -> bool:
    """Whether a task that has failed in every round so far will get no further chance.

    Out of time, the second round and any later one is as good as the last. A single one is
    not: a task that failed only once stays.
    """
    late = not budget.allows(budget.now + interval)
    return progress.number >= rounds or (progress.number > 1 and late)


def after(progress: Progress, decision: Decision | None, now: float, interval: float) -> Progress:
    """Where the run stands after a round; None: it was not published, as a newer listing was."""
    if decision is None:
        # The round is lost, and so is the proof that any task failed in it.
        return replace(progress, failed=frozenset())
    if decision.settled:
        return Progress()
    due = now + interval if progress.due is None else progress.due
    return replace(progress, failed=decision.failing, due=due)


def next_step(progress: Progress, budget: Budget) -> Step:
    """How the run goes on: `progress` is the one after its last round."""
    start = budget.now if progress.due is None else progress.due
    if not budget.allows(start):
        return Stop()
    return Again() if progress.due is None else WaitUntil(progress.due)


def counted(progress: Progress) -> Progress:
    """The next round counts: the wait for it is over."""
    return replace(progress, number=progress.number + 1, due=None)
