"""Clusters, and the tasks in them."""

import random
import threading
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypedDict, TypeVar, Unpack

from simulator.account import ACCOUNT, REGION
from simulator.clock import Clock
from simulator.described import LIFE, AddressFrom, Health, Status, TaskState
from simulator.ecs.definitions import Definitions
from simulator.ecs.tasks import Owner, Task
from simulator.events import Events
from simulator.hosts import Hosts, Port

ARN = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
S = TypeVar("S")


class TaskOptions(TypedDict, total=False):
    """How a task starts, where it is not as by default."""

    status: Status
    """RUNNING by default."""
    port: Port
    """"listens" by default; later only the test changes it, and STOPPED, which closes it."""
    ip: str
    """One that no task has had, by default; give one to hand it on, or for IPv6."""
    health: Health
    """UNKNOWN by default, as for a task without a health check."""
    address_from: AddressFrom
    """"attachment" by default."""
    instance: str
    """The ARN of its container instance; it runs on Fargate by default."""


class Starter(Owner, Protocol):
    """The service that starts a task, as far as the cluster needs it."""

    @property
    def deployment(self) -> str: ...


@dataclass
class Region:
    """What all clusters of one account and region share."""

    hosts: Hosts
    events: Events
    clock: Clock
    definitions: Definitions = field(default_factory=Definitions)
    lock: threading.RLock = field(default_factory=threading.RLock)
    # Task ids differ, and are the same in each run.
    rng: random.Random = field(default_factory=lambda: random.Random(2014_11_13))


class Cluster(Generic[S]):
    """A cluster: its services, and all tasks in it in the order they started."""

    def __init__(self, region: Region, name: str) -> None:
        self.region = region
        self.name = name
        self.arn = f"{ARN}:cluster/{name}"
        self.services: dict[str, S] = {}
        self.tasks: list[Task] = []
        self.by_id: dict[str, Task] = {}

    def run_task(self, definition: str = "migration:1", **options: Unpack[TaskOptions]) -> Task:
        """Start a standalone task: its group is `family:...`."""
        group = f"family:{definition.partition(':')[0]}"
        return self.start(None, group, definition, options)

    def start(
        self, service: Starter | None, group: str, definition: str, options: TaskOptions
    ) -> Task:
        """Start a task; Service.start_task and run_task are the ways to call this."""
        now = self.region.clock.now()
        status = options.get("status", "RUNNING")
        region = self.region
        made_of = region.definitions.of(definition)
        with region.lock:
            state = TaskState(
                arn=f"{ARN}:task/{self.name}/{region.rng.getrandbits(128):032x}",
                cluster_arn=self.arn,
                group=group,
                started_by=service.deployment if service else "",
                definition=definition,
                containers=made_of.task_containers(),
                cpu=made_of.cpu,
                memory=made_of.memory,
                ip=options.get("ip") or region.hosts.new_address(),
                address_from=options.get("address_from", "attachment"),
                version=1,
                last_status=status,
                desired_status="RUNNING",
                health=options.get("health", "UNKNOWN"),
                created_at=now,
                updated_at=now,
                started_at=now if LIFE.index(status) >= LIFE.index("RUNNING") else None,
                instance=options.get("instance"),
            )
            task = Task(state, service, region.hosts, region.events, region.clock)
            task.port(options.get("port", "listens"))
            self.by_id[state.id] = task
            self.tasks.append(task)
            task.announce()  # last: a task that an event names is there to be listed
        if service is not None:
            service.task_changed(task)
        return task
