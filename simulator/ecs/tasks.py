"""The handle by which a test moves a task through life."""

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from simulator.described import LIFE, Health, Status, TaskState
from simulator.events import Events, task_state_change
from simulator.hosts import Hosts, Port


class Owner(Protocol):
    """The service that a task belongs to, as far as the task needs it."""

    @property
    def frozen(self) -> Mapping[str, TaskState] | None:
        """The states that the API still answers with, by ARN; None: the true ones."""


class Task:
    """A task, by the handle a test holds it by. Each change but of health sends an event."""

    def __init__(
        self, state: TaskState, service: Owner | None, hosts: Hosts, events: Events
    ) -> None:
        self.state = state
        self.service = service
        self.hidden = False
        self._hosts = hosts
        self._events = events
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

    def announce(self) -> None:
        """Send an event of the task as it is now."""
        self._events.add(partial(task_state_change, self.state))

    def becomes(self, status: Status) -> None:
        """Move the task to a status. Past RUNNING it has been told to stop, or has died."""
        now = time.time()
        changes: dict[str, Any] = {"last_status": status}
        if status == "RUNNING":
            changes["started_at"] = now
        if LIFE.index(status) > LIFE.index("RUNNING") and not self.state.stop_code:
            changes |= _stopping(now, "EssentialContainerExited", "Essential container exited")
        if status == "STOPPED":
            changes["stopped_at"] = now
        self._change(now, **changes)
        if status == "STOPPED":
            self._hosts.move_out(self.ip, self)

    def stop(
        self,
        reason: str = "Scaling activity initiated by deployment",
        code: str = "ServiceSchedulerInitiated",
    ) -> None:
        """Tell the task to stop: it leaves the listing, and deactivates."""
        now = time.time()
        self._change(now, last_status="DEACTIVATING", **_stopping(now, code, reason))

    def health(self, health: Health) -> None:
        """Set the task's health. ECS sends no event for it, so the version stays too."""
        with self._lock:
            self.state = replace(self.state, health=health)

    def port(self, port: Port) -> None:
        """Let the task's port listen, be closed, or stay silent."""
        self._hosts.set(self.ip, port)

    def hide(self) -> None:
        """DescribeTasks answers MISSING for the task, though ListTasks lists it."""
        self.hidden = True

    def show(self) -> None:
        """DescribeTasks knows the task again."""
        self.hidden = False

    def _change(self, now: float, **changes: Any) -> None:
        with self._lock:
            version = self.state.version + 1
            self.state = replace(self.state, version=version, updated_at=now, **changes)
            self.announce()


def _stopping(now: float, code: str, reason: str) -> dict[str, Any]:
    return {
        "desired_status": "STOPPED",
        "stopping_at": now,
        "stop_code": code,
        "stopped_reason": reason,
    }
