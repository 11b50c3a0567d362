"""A task: what ECS knows of it, and the handle by which a test moves it through life."""

import threading
import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

from simulator.described import describe
from simulator.hosts import Hosts, Port
from simulator.wire import to_json

if TYPE_CHECKING:
    from simulator.ecs import Service
    from simulator.events import Events

Status = Literal[
    "PROVISIONING",
    "PENDING",
    "ACTIVATING",
    "RUNNING",
    "DEACTIVATING",
    "STOPPING",
    "DEPROVISIONING",
    "STOPPED",
]
LIFE: tuple[Status, ...] = get_args(Status)
"""The statuses of a task, in the order it goes through them."""

Health = Literal["HEALTHY", "UNHEALTHY", "UNKNOWN"]
AddressFrom = Literal["attachment", "containers", "ec2"]
"""Where a task's address is to be found: in its ENI attachment (and its
containers, as on Fargate), in its containers alone, or from EC2 alone."""


@dataclass(frozen=True)
class TaskState:
    """One version of a task. A change makes a new one, so its JSON is made once."""

    arn: str
    cluster_arn: str
    group: str
    started_by: str
    definition: str
    """family:revision"""
    ip: str
    address_from: AddressFrom
    version: int
    last_status: Status
    desired_status: Literal["RUNNING", "STOPPED"]
    health: Health
    created_at: float
    updated_at: float
    """Times are in seconds since 1970."""
    started_at: float | None = None
    stopping_at: float | None = None
    stopped_at: float | None = None
    stop_code: str | None = None
    stopped_reason: str | None = None

    @property
    def id(self) -> str:
        """The last part of the ARN: 32 hexadecimal digits."""
        return self.arn[-32:]

    @property
    def eni(self) -> str:
        """The id of the task's network interface."""
        return f"eni-0{self.id[:16]}"

    @property
    def mac(self) -> str:
        """The MAC address of the task's network interface."""
        return ":".join(("0a", *(self.id[i : i + 2] for i in range(0, 10, 2))))

    @property
    def attached(self) -> bool:
        """Whether the task has its network interface: all its life but both ends."""
        return self.last_status not in ("PROVISIONING", "STOPPED")

    @cached_property
    def json(self) -> bytes:
        """The task as DescribeTasks answers with it."""
        return to_json(describe(self))


class Task:
    """A task, by the handle a test holds it by. Each change but of health sends an event."""

    def __init__(
        self, state: TaskState, service: "Service | None", hosts: Hosts, events: "Events"
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
            self._events.add(self.state)


def _stopping(now: float, code: str, reason: str) -> dict[str, Any]:
    return {
        "desired_status": "STOPPED",
        "stopping_at": now,
        "stop_code": code,
        "stopped_reason": reason,
    }
