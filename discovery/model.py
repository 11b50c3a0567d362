"""The values that a run is made of: snapshot, decision, publication.

They do no I/O. What exists once for each task is a NamedTuple: 5,000 of them are built several
times faster than dataclasses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

RUNNING = "RUNNING"
UNKNOWN = "UNKNOWN"
STOPPED = "STOPPED"
UNHEALTHY = "UNHEALTHY"

NO_IDS: AbstractSet[str] = frozenset()

# From these states on, a task's life only ends. In DEACTIVATING it still serves while it leaves
# its load balancer, but ECS has already decided to stop it.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
STOPPING_STATES = frozenset({"DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"})


class ServiceRef(NamedTuple):
    """The service whose tasks are listed."""

    cluster: str  # name or ARN, as the API takes it
    service: str  # name or ARN
    port: int  # the port that every task listens on

    def __str__(self) -> str:
        return f"service {self.service} of cluster {self.cluster}"


class Endpoint(NamedTuple):
    """Where a task accepts connections. It identifies a probe and a listed task."""

    host: str  # an IPv4 or IPv6 address
    port: int


class Task(NamedTuple):
    """One task as DescribeTasks describes it."""

    id: str
    name: str  # family:revision
    last_status: str
    desired_status: str
    health_status: str  # HEALTHY, UNHEALTHY or UNKNOWN (no container health check)
    endpoint: Endpoint | None
    eni: str | None = None  # the interface to look up in EC2 if the task carries no address
    created_at: float = 0.0  # seconds since the epoch

    @property
    def runs(self) -> bool:
        return self.last_status == RUNNING and self.desired_status == RUNNING

    @property
    def needs_probe(self) -> bool:
        """Whether the result of a probe can change anything for this task."""
        return self.runs and self.endpoint is not None and self.health_status != UNHEALTHY


class Page(NamedTuple):
    """The tasks of one page of ListTasks. `missing` are ids that DescribeTasks did not find."""

    tasks: list[Task]
    missing: list[str]
    calls: int  # this page's share of the calls to ECS


class Entry(NamedTuple):
    """A listed task."""

    endpoint: Endpoint
    name: str  # family:revision


class Exclusion(NamedTuple):
    """A task that is not listed, and why."""

    task: str
    ip: str | None
    reason: str


class Probe(Enum):
    """The result of one TCP connect. The value is the reason that people read."""

    OPEN = "open"
    REFUSED = "connection refused"
    TIMED_OUT = "timed out"
    UNREACHABLE = "unreachable"
    UNANSWERED = "not reached before the deadline"

    @property
    def failed(self) -> bool:
        """The task did not accept. UNANSWERED proves nothing about the task."""
        return self not in (Probe.OPEN, Probe.UNANSWERED)


@dataclass(frozen=True)
class Snapshot:
    """The service as one listing saw it: every task that ECS wants to run."""

    tasks: tuple[Task, ...]
    missing: AbstractSet[str]  # ids that were listed and not found: ECS lags, or they just ended
    calls: int  # to ECS, out of the account's budget
    # Ids of the tasks that this listing has neither described nor probed, as Redis confirms them.
    assumed: AbstractSet[str] = frozenset()

    @property
    def full(self) -> bool:
        """Whether each task was described."""
        return not self.assumed


@dataclass(frozen=True)
class PublishedState:
    """What Redis holds before a publication."""

    generation: int  # changes with every publication and every withdrawal
    listing: int  # fencing token of the listing that was published last
    entries: Mapping[str, Entry]  # task id -> listed task
    withdrawn: AbstractSet[str]  # ids of the tasks that may not be listed
    # The listed tasks that ran and accepted a connection when they were last looked at, and that
    # no event has named since: id -> when it was created, in seconds since the epoch.
    confirmed: Mapping[str, float] = field(default_factory=dict)


class Grant(NamedTuple):
    """The lease is ours and a listing may start."""

    token: int  # fencing token
    state: PublishedState
    wait: float = 0.0  # seconds from now before which the rate limit allows no further listing
    full: bool = True  # the listing has to look at each task


class RetryAfter(NamedTuple):
    """The rate limit allows the next listing only after this time."""

    seconds: float


class LeaseHeld(NamedTuple):
    """Another run holds the lease."""


class Published(NamedTuple):
    """The list is written, without the tasks (ids) that were withdrawn after the decision."""

    generation: int
    withdrawn: AbstractSet[str]
    released: bool = False  # the lease is given back


class Superseded(NamedTuple):
    """A listing that began later is published already."""


@dataclass(frozen=True)
class Decision:
    """Which tasks are listed, which are not, and why."""

    entries: Mapping[str, Entry]
    excluded: tuple[Exclusion, ...]
    failing: AbstractSet[str]  # ids of tasks that failed in this round and in all before it
    running: int
    healthy: int
    degraded: bool
    settled: bool  # no running task is left to wait for
    # The listed tasks that ran and accepted a connection: id -> when it was created.
    confirmed: Mapping[str, float] = field(default_factory=dict)


class StoredRecord(NamedTuple):
    """A recycle's record as Redis holds it."""

    version: int  # rises with every write
    text: str  # "" if there is none
    command: str  # pause, resume or cancel, until the record answers it


class StoredChange(NamedTuple):
    """A record to keep, unless one of this version or a higher one is kept."""

    kind: str  # task or instance
    id: str
    version: int
    text: str  # JSON that begins with id and version
    stopped: float | None = None  # seconds since the epoch, 0: not known; None: it lives
    expected: str = ""  # the text of the same version that this one may replace


class KeptVersion(NamedTuple):
    """What Redis keeps of a task, in short."""

    version: int  # -1: nothing that can be read
    health: str
    stopped: bool


class Outcome(Enum):
    """How an invocation ended, in the contract's words."""

    PUBLISHED = "published"
    KEPT = "kept"
    COALESCED = "coalesced"
    SUPERSEDED = "superseded"
    IGNORED = "ignored"
    CHECKED = "checked"
    STATUS = "status"
    HISTORY = "history"
