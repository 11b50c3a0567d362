"""The values that flow through a run: event, snapshot, decision, publication.

All are immutable and none does I/O. Those that exist once a task are
NamedTuples: 5,000 of them are built several times faster than dataclasses.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

RUNNING = "RUNNING"
STOPPED = "STOPPED"
UNHEALTHY = "UNHEALTHY"

# A task's life from here on only ends. In DEACTIVATING it still serves while it
# leaves its load balancer, but it has been told to stop.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
STOPPING_STATES = frozenset({"DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"})


class Task(NamedTuple):
    """One task as DescribeTasks told it."""

    id: str
    name: str  # family:revision
    last_status: str
    desired_status: str
    health_status: str  # HEALTHY, UNHEALTHY or UNKNOWN (no container health check)
    ip: str | None
    eni: str | None = None  # where to ask EC2 when the task carries no address
    created_at: float = 0.0  # seconds since the epoch

    @property
    def runs(self) -> bool:
        return self.last_status == RUNNING and self.desired_status == RUNNING


class Entry(NamedTuple):
    """A listed task: what a reader of the key sees of it, but for the times."""

    ip: str
    name: str  # family:revision


class Exclusion(NamedTuple):
    """A task left out of the list, and why."""

    task: str
    ip: str | None
    reason: str


class Probe(Enum):
    """What one TCP connect to a task said; the value is how a person reads it."""

    OPEN = "open"
    REFUSED = "connection refused"
    TIMED_OUT = "timed out"
    UNREACHABLE = "unreachable"
    UNANSWERED = "not reached before the deadline"

    @property
    def failed(self) -> bool:
        """The task was asked and did not accept; UNANSWERED says nothing of it."""
        return self not in (Probe.OPEN, Probe.UNANSWERED)


@dataclass(frozen=True)
class Snapshot:
    """The service as one listing saw it: every task that is meant to run."""

    tasks: tuple[Task, ...]
    missing: AbstractSet[str]  # ids listed but not found: lag, or just gone
    calls: int  # of ECS's shared budget


@dataclass(frozen=True)
class Standing:
    """What Redis holds before a publication: the ground it may build on."""

    generation: int  # changes with every publication and withdrawal
    listing: int  # the token of the listing that was published last
    entries: Mapping[str, Entry]  # task id -> listed entry
    withdrawn: AbstractSet[str]  # ids of tasks told to stop


@dataclass(frozen=True)
class Decision:
    """Who is listed, who is not, and why."""

    entries: Mapping[str, Entry]
    excluded: tuple[Exclusion, ...]
    failing: AbstractSet[str]  # tasks that failed in this round and in all before it
    running: int
    healthy: int
    degraded: bool
    settled: bool  # nothing that runs is left to wait for


class Outcome(Enum):
    """How an invocation ended, in the contract's words."""

    PUBLISHED = "published"
    KEPT = "kept"
    COALESCED = "coalesced"
    SUPERSEDED = "superseded"
    IGNORED = "ignored"
    CHECKED = "checked"
    STATUS = "status"
