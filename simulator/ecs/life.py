"""A task's way from PROVISIONING to STOPPED by the clock, and how it may go wrong."""

import random
from collections import deque
from dataclasses import dataclass, fields, replace
from typing import Literal

from simulator.clock import Act, Clock
from simulator.described import LIFE, Health, Status
from simulator.ecs.tasks import OUT_OF_MEMORY, Task
from simulator.hosts import Port

KILLED = 137
"""The exit code of a container that SIGKILL ended."""


@dataclass(frozen=True)
class Delays:
    """Seconds that each step takes. `spread` 0.5 makes each up to half as long again."""

    react: float = 1.0
    """From a change to what the scheduler does about it."""
    provision: float = 2.0
    pull: float = 5.0
    """The image; then the task runs."""
    listen: float = 1.0
    """From RUNNING until its port listens."""
    health: float = 5.0
    """From RUNNING until the container's health check has its first result."""
    deactivate: float = 1.0
    stop: float = 2.0
    """From SIGTERM to the end of the process."""
    stop_timeout: float = 30.0
    """Then it is killed."""
    deprovision: float = 1.0
    fail: float = 0.5
    """From RUNNING to the end of a task that is to end by itself."""
    backoff: float = 10.0
    """The first wait of a scheduler whose tasks do not start; the next ones double."""
    replace: float = 300.0
    """From one failed placement to the next attempt."""
    spread: float = 0.0

    def times(self, factor: float) -> "Delays":
        """All of them longer or shorter, but for the spread."""
        names = [each.name for each in fields(self) if each.name != "spread"]
        return replace(self, **{name: getattr(self, name) * factor for name in names})


@dataclass(frozen=True)
class Failure:
    """What becomes of a task that the scheduler starts.

    It never runs (`starting`), ends soon after it ran (`running`), or stays:
    with its port closed or silent, or with a health check that fails.
    """

    when: Literal["starting", "running", "never"]
    reason: str = ""
    """Of a task that never runs, its stoppedReason; else its container's reason."""
    exit_code: int | None = None
    port: Port = "listens"
    health: Health | None = None


Kind = Literal[
    "cannot_pull",
    "resource_initialization",
    "cannot_start",
    "exits",
    "out_of_memory",
    "never_listens",
    "silent",
    "unhealthy",
]
FAILURES: dict[Kind, Failure] = {
    "cannot_pull": Failure(
        "starting",
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to "
        "resolve ref 111122223333.dkr.ecr.us-east-1.amazonaws.com/lobby:latest: not found",
    ),
    "resource_initialization": Failure(
        "starting",
        "ResourceInitializationError: unable to pull secrets or registry auth: execution "
        "resource retrieval failed: unable to retrieve secret from asm",
    ),
    "cannot_start": Failure(
        "starting",
        "CannotStartContainerError: Error response from daemon: failed to create task for "
        'container: exec: "lobby": executable file not found in $PATH: unknown',
    ),
    "exits": Failure("running", exit_code=1),
    "out_of_memory": Failure("running", OUT_OF_MEMORY, KILLED),
    "never_listens": Failure("never", port="closed"),
    "silent": Failure("never", port="silent"),
    "unhealthy": Failure("never", health="UNHEALTHY"),
}
_WELL = Failure("never")


class Life:
    """Moves the tasks of one service along, by the clock."""

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self.delays = Delays()
        self.exit_code = 0
        """Of a container that was stopped in time."""
        self.health_check = False
        """Whether the containers have a health check: else their health is UNKNOWN."""
        self._clock = clock
        self._rng = rng
        self._failures: deque[Failure] = deque()
        self._lasting: Failure | None = None
        self._ending: set[tuple[str, Status]] = set()

    def fails(self, failure: Failure | Kind, times: int | None = None) -> None:
        """The next `times` tasks go wrong like this; None: all, until recovers()."""
        failure = failure if isinstance(failure, Failure) else FAILURES[failure]
        if times is None:
            self._lasting = failure
        else:
            self._failures.extend([failure] * times)

    def recovers(self) -> None:
        """The next tasks start well."""
        self._failures.clear()
        self._lasting = None

    def begin(self, task: Task) -> None:
        """See a task off that is PROVISIONING now."""
        failure = self._failures.popleft() if self._failures else self._lasting or _WELL
        self._later(self.delays.provision, lambda: self._provisioned(task, failure))

    def end(self, task: Task) -> None:
        """See a task that is to stop to its next step; once for each is enough."""
        delays, status = self.delays, task.state.last_status
        if (task.id, status) in self._ending:
            return
        self._ending.add((task.id, status))
        if status == "DEACTIVATING":
            self._later(delays.deactivate, lambda: self._deactivated(task))
        elif status == "STOPPING":
            killed = delays.stop > delays.stop_timeout
            code = KILLED if killed else self.exit_code
            self._later(min(delays.stop, delays.stop_timeout), lambda: self._ended(task, code))
        elif status == "DEPROVISIONING":
            self._later(delays.deprovision, lambda: self._deprovisioned(task))
        elif status == "STOPPED":
            self._ending -= {(task.id, each) for each in LIFE}

    def _provisioned(self, task: Task, failure: Failure) -> None:
        if self._at(task, "PROVISIONING"):
            task.becomes("PENDING")
            self._later(self.delays.pull, lambda: self._pulled(task, failure))

    def _pulled(self, task: Task, failure: Failure) -> None:
        if not self._at(task, "PENDING"):
            return
        if failure.when == "starting":
            task.fail_to_start(failure.reason)
            return
        task.becomes("RUNNING")
        if failure.when == "running":
            self._later(self.delays.fail, lambda: self._fail(task, failure))
            return
        self._later(self.delays.listen, lambda: self._listens(task, failure.port))
        if self.health_check or failure.health:
            health: Health = failure.health or "HEALTHY"
            self._later(self.delays.health, lambda: self._checked(task, health))

    def _fail(self, task: Task, failure: Failure) -> None:
        if self._at(task, "RUNNING"):
            task.exit(failure.exit_code or 0, failure.reason or None)

    def _listens(self, task: Task, port: Port) -> None:
        if self._at(task, "RUNNING"):
            task.port(port)

    def _checked(self, task: Task, health: Health) -> None:
        if self._at(task, "RUNNING"):
            task.health(health)

    @staticmethod
    def _deactivated(task: Task) -> None:
        if task.state.last_status == "DEACTIVATING":
            task.becomes("STOPPING")

    @staticmethod
    def _ended(task: Task, code: int) -> None:
        if task.state.last_status == "STOPPING":
            task.port("closed")
            task.exits_with(code)
            task.becomes("DEPROVISIONING")

    @staticmethod
    def _deprovisioned(task: Task) -> None:
        if task.state.last_status == "DEPROVISIONING":
            task.becomes("STOPPED")

    @staticmethod
    def _at(task: Task, status: Status) -> bool:
        return task.state.last_status == status and task.state.desired_status == "RUNNING"

    def _later(self, seconds: float, act: Act) -> None:
        spread = self.delays.spread
        factor = self._rng.uniform(1.0, 1.0 + spread) if spread else 1.0
        self._clock.after(seconds * factor, act)
