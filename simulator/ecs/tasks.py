"""The handle by which a test moves a task through life."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from simulator.clock import Clock
from simulator.described import LIFE, Container, Health, Status, TaskState
from simulator.events import Events, task_state_change
from simulator.hosts import Hosts, Port

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
EXITED = "Essential container in task exited"
SCALED_IN = "Scaling activity initiated by deployment"
_MINUTE = 60


class Owner(Protocol):
    """The service that a task belongs to, as far as the task needs it."""

    @property
    def frozen(self) -> Mapping[str, TaskState] | None:
        """The states that the API still answers with, by ARN; None: the true ones."""

    @property
    def scheduled(self) -> bool:
        """Whether the scheduler moves the service's tasks, and no test has to."""

    def task_changed(self, task: "Task") -> None:
        """A task of the service has changed."""


class Task:
    """A task, by the handle a test holds it by. Each change but of health sends an event.

    `protected_until` is the end of its scale-in protection, in seconds since 1970.
    """

    def __init__(
        self, state: TaskState, service: Owner | None, hosts: Hosts, events: Events, clock: Clock
    ) -> None:
        self.state = state
        self.service = service
        self.hidden = False
        self.protected_until: float | None = None
        self._hosts = hosts
        self._events = events
        self._clock = clock
        self._lock = threading.Lock()
        hosts.move_in(state.ip, self)

    @property
    def arn(self) -> str:
        """The task's ARN."""
        return self.state.arn

    @property
    def id(self) -> str:
        """The task's id: 32 hexadecimal digits."""
        return self.state.id

    @property
    def ip(self) -> str:
        """The task's address."""
        return self.state.ip

    @property
    def seen(self) -> TaskState | None:
        """What the API knows of the task: nothing yet, a frozen state, or the truth."""
        if self.service is None or self.service.frozen is None:
            return self.state
        return self.service.frozen.get(self.arn)

    @property
    def protected(self) -> bool:
        """Whether scale-in and deployments leave it alone."""
        return self.protected_until is not None and self._clock.now() < self.protected_until

    @property
    def _scheduled(self) -> bool:
        return self.service is not None and self.service.scheduled

    def announce(self) -> None:
        """Send an event of the task as it is now."""
        self._events.add(partial(task_state_change, self.state))

    def becomes(self, status: Status) -> None:
        """Move the task to a status. Past RUNNING it is to stop, or its container has ended."""
        now = self._clock.now()
        changes: dict[str, Any] = {"last_status": status}
        if status == "RUNNING":
            changes["started_at"] = now
        if LIFE.index(status) > LIFE.index("RUNNING") and not self.state.stop_code:
            changes |= _stopping(now, "EssentialContainerExited", EXITED)
        if status == "STOPPED":
            changes["stopped_at"] = now
            changes["containers"] = tuple(map(self._ended, self.state.containers))
        self._change(now, **changes)
        if status == "STOPPED":
            self._hosts.move_out(self.ip, self)

    def stop(self, reason: str = SCALED_IN, code: str = "ServiceSchedulerInitiated") -> None:
        """Make the task stop: it leaves the listing, and deactivates."""
        now = self._clock.now()
        unborn = self.state.started_at is None and self._scheduled
        status = "DEPROVISIONING" if unborn else "DEACTIVATING"
        self._change(now, last_status=status, **_stopping(now, code, reason))

    def exit(self, code: int = 1, reason: str | None = None, container: str | None = None) -> None:
        """One of its containers ends, the first by default, and the task with it."""
        self._end("EssentialContainerExited", EXITED, code, reason, container)

    def run_out_of_memory(self, container: str | None = None) -> None:
        """The kernel kills one of its containers, the first by default."""
        self.exit(137, OUT_OF_MEMORY, container)

    def fail_to_start(self, reason: str) -> None:
        """It never runs: its image can't be pulled, say."""
        self._end("TaskFailedToStart", reason, None, reason, None)

    def protect(self, minutes: float = 120) -> None:
        """Protect it against scale-in and deployments; no event is sent."""
        self.protected_until = self._clock.now() + minutes * _MINUTE

    def unprotect(self) -> None:
        """End the protection."""
        self.protected_until = None

    def exits_with(self, code: int) -> None:
        """Say what its containers end with; a status with an event follows."""
        with self._lock:
            ended = tuple(replace(each, exit_code=code) for each in self.state.containers)
            self.state = replace(self.state, containers=ended)

    def health(self, health: Health) -> None:
        """Set the task's health. ECS sends no event for it, so the version stays too."""
        with self._lock:
            self.state = replace(self.state, health=health)
        self._changed()

    def port(self, port: Port) -> None:
        """Let the task's port listen, be closed, or stay silent."""
        self._hosts.set(self.ip, port)
        self._changed()

    def hide(self) -> None:
        """DescribeTasks answers MISSING for the task, though ListTasks lists it."""
        self.hidden = True

    def show(self) -> None:
        """DescribeTasks knows the task again."""
        self.hidden = False

    def _end(
        self, stop_code: str, why: str, code: int | None, reason: str | None, name: str | None
    ) -> None:
        """The task ends by itself: at once, or as fast as the scheduler sees it off."""
        now = self._clock.now()
        name = name or self.state.containers[0].name
        containers = tuple(
            replace(each, exit_code=code, reason=reason) if each.name == name else each
            for each in self.state.containers
        )
        status: Status = "DEPROVISIONING"
        changes = {"containers": containers} | _stopping(now, stop_code, why)
        self._hosts.move_out(self.ip, self)
        self._change(now, last_status=status, **changes)
        if not self._scheduled:
            self.becomes("STOPPED")

    def _ended(self, container: Container) -> Container:
        """A container when its task has stopped: one that ran has an exit code."""
        if container.exit_code is not None or self.state.started_at is None:
            return container
        return replace(container, exit_code=0)

    def _change(self, now: float, **changes: Any) -> None:
        with self._lock:
            version = self.state.version + 1
            self.state = replace(self.state, version=version, updated_at=now, **changes)
            self.announce()
        self._changed()

    def _changed(self) -> None:
        if self.service is not None:
            self.service.task_changed(self)


def _stopping(now: float, code: str, reason: str) -> dict[str, Any]:
    return {
        "desired_status": "STOPPED",
        "stopping_at": now,
        "stop_code": code,
        "stopped_reason": reason,
    }
