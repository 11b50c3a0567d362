"""A service, by the handle a test holds it by."""

import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Unpack

from simulator import events
from simulator.described import TaskState
from simulator.ecs.clusters import ARN, Cluster, TaskOptions
from simulator.ecs.deployments import IN_PROGRESS, Deployment
from simulator.ecs.life import Delays, Failure, Kind, Life
from simulator.ecs.tasks import Task
from simulator.elb import TargetGroup

_EVENTS = 100  # DescribeServices: "The event stream for your service. A maximum of 100"


@dataclass(frozen=True)
class ServiceEvent:
    """A line of the service's event stream."""

    id: str
    at: float
    message: str


class Service:
    """A service. `definition`, family:revision, is what its next tasks run.

    A test moves the tasks of a service by hand, unless it has a scheduler
    (Ecs.create_service with `desired`). `minimum_percent`, `maximum_percent`,
    `circuit_breaker`, `rollback`, `grace` (seconds in which ELB health checks
    count for nothing), `room` (the tasks that there is capacity for) and
    `reuse_addresses` are read whenever the scheduler acts: change them any time.
    """

    def __init__(self, cluster: "Cluster[Service]", name: str) -> None:
        region = cluster.region
        self.cluster = cluster
        self.name = name
        self.arn = f"{ARN}:service/{cluster.name}/{name}"
        self.created_at = region.clock.now()
        self.frozen: Mapping[str, TaskState] | None = None
        self.status: Literal["ACTIVE", "INACTIVE"] = "ACTIVE"
        self.strategy: Literal["REPLICA", "DAEMON"] = "REPLICA"
        self.tags: dict[str, str] = {}
        self.events: deque[ServiceEvent] = deque(maxlen=_EVENTS)
        self.target_groups: list[TargetGroup] = []
        self.minimum_percent, self.maximum_percent = 100, 200
        self.circuit_breaker = self.rollback = False
        self.grace = 0.0
        self.room: int | None = None
        self.reuse_addresses = False
        self.life = Life(region.clock, region.rng)
        self.watchers: list[Callable[[], object]] = []
        self.task_watchers: list[Callable[[Task], object]] = []
        self.scheduled = False
        self._desired: int | None = None
        self._lag = 0.0
        self._rng = region.rng
        self._clock = region.clock
        first = self._deployment(f"{name}:1")
        first.becomes("COMPLETED", "ECS deployment {id} completed.", first.created_at)
        self.deployments = [first]
        """Newest first: the PRIMARY one, and those that it still replaces."""

    @property
    def cluster_arn(self) -> str:
        """The ARN of the service's cluster."""
        return self.cluster.arn

    @property
    def primary(self) -> Deployment:
        """The deployment whose tasks are started."""
        return self.deployments[0]

    @property
    def deployment(self) -> str:
        """The id of the primary deployment: startedBy of the tasks that start now."""
        return self.primary.id

    @property
    def definition(self) -> str:
        """What the next tasks run; set it, and no deployment comes of it."""
        return self.primary.definition

    @definition.setter
    def definition(self, name: str) -> None:
        self.primary.definition = name

    @property
    def tasks(self) -> list[Task]:
        """All tasks the service has had, stopped ones too, oldest first."""
        return [task for task in self.cluster.tasks if task.service is self]

    @property
    def alive(self) -> list[Task]:
        """Its tasks that are not to stop, oldest first."""
        return [task for task in self.tasks if task.state.desired_status == "RUNNING"]

    @property
    def running(self) -> list[Task]:
        """Its tasks that run and are not to stop, oldest first."""
        return [task for task in self.alive if task.state.last_status == "RUNNING"]

    @property
    def desired(self) -> int:
        """The desired count; of a service without a scheduler, the tasks it happens to have."""
        return len(self.alive) if self._desired is None else self._desired

    @property
    def delays(self) -> Delays:
        """How long each step in a task's life takes; replace it any time."""
        return self.life.delays

    @delays.setter
    def delays(self, delays: Delays) -> None:
        self.life.delays = delays

    @property
    def lag(self) -> float:
        """Seconds by which DescribeServices is behind; it begins when it is set.

        The ECS API is eventually consistent. math.inf: it stays as it is now.
        """
        return self._lag

    @lag.setter
    def lag(self, seconds: float) -> None:
        self._lag = seconds
        self.changed()

    def start_task(self, **options: Unpack[TaskOptions]) -> Task:
        """Start a task: RUNNING, with an address of its own whose port listens."""
        return self.cluster.start(self, f"service:{self.name}", self.definition, options)

    def start_tasks(self, count: int, **options: Unpack[TaskOptions]) -> list[Task]:
        """Start many tasks alike."""
        return [self.start_task(**options) for _ in range(count)]

    def freeze_listing(self) -> None:
        """From now on ListTasks and DescribeTasks answer as of this moment.

        The ECS API is eventually consistent; this is a lag as long as you like.
        """
        self.frozen = {task.arn: task.state for task in self.tasks}

    def thaw_listing(self) -> None:
        """ListTasks and DescribeTasks answer with the true states again."""
        self.frozen = None

    def scale(self, desired: int) -> None:
        """Set the desired count."""
        self._desired = desired
        self.changed()

    def deploy(self, definition: str | None = None) -> Deployment:
        """Begin a deployment: of this definition, or of the same one by force."""
        with self.cluster.region.lock:
            made = self._deployment(definition or self.definition)
            made.becomes("IN_PROGRESS", IN_PROGRESS, made.created_at)
            for older in self.deployments:
                older.status = "ACTIVE"
            self.deployments.insert(0, made)
            self.announce_deployment(made, "SERVICE_DEPLOYMENT_IN_PROGRESS")
        self.changed()
        return made

    def fails(self, failure: Failure | Kind, times: int | None = None) -> None:
        """The next `times` tasks that the scheduler starts go wrong; None: all."""
        self.life.fails(failure, times)

    def recovers(self) -> None:
        """The next tasks start well."""
        self.life.recovers()

    def attach(self, group: TargetGroup) -> None:
        """Put a target group before it: the scheduler registers and judges its tasks there."""
        self.target_groups.append(group)
        group.watchers.append(self.changed)
        for task in self.running:
            group.register(task.ip)

    def delete(self) -> None:
        """Delete it by force: its tasks end at once, and it stays known as INACTIVE."""
        self.status, self.scheduled, self._desired = "INACTIVE", False, 0
        self.watchers.clear()
        self.task_watchers.clear()
        for task in self.tasks:
            if task.state.last_status != "STOPPED":
                task.becomes("STOPPED")

    def say(self, message: str) -> None:
        """Add a line to the service's event stream, after "(service <name>) "."""
        text = f"(service {self.name}) {message}"
        seed = f"{self.arn}/{len(self.events)}/{self._clock.now()}/{text}"
        event = ServiceEvent(str(uuid.uuid5(uuid.NAMESPACE_URL, seed)), self._clock.now(), text)
        self.events.appendleft(event)

    def announce(self, name: str, kind: str = "INFO", **detail: Any) -> None:
        """Send an event: ECS Service Action."""
        at = self._clock.now()
        action = partial(events.service_action, self, name, kind, at, **detail)
        self.cluster.region.events.add(action)

    def announce_deployment(self, deployment: Deployment, name: str, kind: str = "INFO") -> None:
        """Send an event: ECS Deployment State Change."""
        change = partial(
            events.deployment_state_change,
            self,
            name,
            kind,
            self._clock.now(),
            deployment.id,
            deployment.reason,
        )
        self.cluster.region.events.add(change)

    def changed(self) -> None:
        """Call the watchers of the service."""
        for watcher in list(self.watchers):
            watcher()

    def task_changed(self, task: Task) -> None:
        """A task of the service has changed."""
        for watcher in list(self.task_watchers):
            watcher(task)
        self.changed()

    def _deployment(self, definition: str) -> Deployment:
        now = self._clock.now()
        return Deployment(f"ecs-svc/{self._rng.getrandbits(63):019d}", definition, now, now)
