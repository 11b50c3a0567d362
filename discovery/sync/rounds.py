"""What a run does after each round. Pure.

The rounds that count are `interval` seconds apart, `rounds` of them at most. A request that
comes while a run waits is answered at once, by a round that does not count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Union

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from discovery.model import Decision

# Seconds kept for publishing and for releasing the lease: listings and probes end this long
# before the deadline.
RESERVE = 1.0


@dataclass(frozen=True)
class Policy:
    """How a run goes about its rounds."""

    rounds: int
    interval: float  # seconds
    panic_percent: float


@dataclass(frozen=True)
class Progress:
    """How far a run has come. Moments are on the deadline's clock, durations in seconds."""

    number: int = 1  # of the round that counts
    failed: AbstractSet[str] | None = None  # in every round so far; None: before the first
    due: float | None = None  # when the next round that counts begins


class Budget(NamedTuple):
    """The time that is left at a moment, and what another round takes of it."""

    now: float
    left: float  # seconds before the deadline
    cost: float  # seconds that listing and probing took in the last round
    listing_from: float  # the moment before which the rate limit allows no listing

    def allows(self, start: float) -> bool:
        """Whether a round that begins then, or when the rate limit allows it, ends in time."""
        return max(start, self.listing_from, self.now) - self.now + self.cost + RESERVE <= self.left


@dataclass(frozen=True)
class Stop:
    """There is no time for another round."""


@dataclass(frozen=True)
class WaitUntil:
    """The next round that counts begins at this moment, or a request comes first."""

    due: float


@dataclass(frozen=True)
class Again:
    """The next round begins at once."""


Step = Union[Stop, WaitUntil, Again]


def is_last(progress: Progress, policy: Policy, budget: Budget) -> bool:
    """Whether a task that has failed in every round so far gets no further chance.

    When time runs out, the second round or any later one is the last. The first one never is:
    a task that failed only once stays.
    """
    late = not budget.allows(budget.now + policy.interval)
    return progress.number >= policy.rounds or (progress.number > 1 and late)


def after(progress: Progress, decision: Decision | None, now: float, policy: Policy) -> Progress:
    """The progress after a round. None: the round was superseded and is not published."""
    if decision is None:
        # With the round, the proof is lost that any task failed in it.
        return replace(progress, failed=frozenset())
    if decision.settled:
        return Progress()
    due = now + policy.interval if progress.due is None else progress.due
    return replace(progress, failed=decision.failing, due=due)


def next_step(progress: Progress, budget: Budget) -> Step:
    """How the run goes on; `progress` is the one after its last round."""
    start = budget.now if progress.due is None else progress.due
    if not budget.allows(start):
        return Stop()
    return Again() if progress.due is None else WaitUntil(progress.due)


def counted(progress: Progress) -> Progress:
    """The wait is over, and the next round counts."""
    return replace(progress, number=progress.number + 1, due=None)
