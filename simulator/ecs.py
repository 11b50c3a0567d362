"""ECS, as a test sees it: clusters, services, and tasks that it moves through life."""

import random
import threading
import time
from collections.abc import Mapping
from typing import TypedDict, Unpack

from simulator.account import ACCOUNT, REGION
from simulator.events import Events
from simulator.hosts import Hosts, Port
from simulator.tasks import LIFE, AddressFrom, Health, Status, Task, TaskState
from simulator.throttle import TokenBucket

_ARN = f"arn:aws:ecs:{REGION}:{ACCOUNT}"


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


class Ecs:
    """The clusters of one account and region, and the throttle they share."""

    def __init__(self, hosts: Hosts, events: Events) -> None:
        self.hosts = hosts
        self.events = events
        self.clusters: dict[str, Cluster] = {}
        self.bucket: TokenBucket | None = None
        self.lock = threading.RLock()
        self.rng = random.Random(2014_11_13)  # task ids differ, and are the same in each run

    def create_cluster(self, name: str) -> "Cluster":
        """A cluster; the existing one if there is one of this name."""
        with self.lock:
            return self.clusters.setdefault(name, Cluster(self, name))

    def create_service(self, cluster: str, name: str) -> "Service":
        """A service without tasks. Its cluster is made when absent."""
        home = self.create_cluster(cluster)
        with self.lock:
            return home.services.setdefault(name, Service(home, name))

    def throttle(self, burst: int = 100, per_second: float = 20) -> None:
        """Limit ListTasks and DescribeTasks together, by default as AWS does.

        100 and 20: "Cluster resource read actions" under "Request throttling
        for the Amazon ECS API" in its API reference.
        """
        self.bucket = TokenBucket(burst, per_second)

    def unthrottle(self) -> None:
        """No limit, as at the start."""
        self.bucket = None


class Cluster:
    """A cluster: its services, and all tasks in it in the order they started."""

    def __init__(self, ecs: Ecs, name: str) -> None:
        self.ecs = ecs
        self.name = name
        self.arn = f"{_ARN}:cluster/{name}"
        self.services: dict[str, Service] = {}
        self.tasks: list[Task] = []
        self.by_id: dict[str, Task] = {}

    def run_task(self, definition: str = "migration:1", **options: Unpack[TaskOptions]) -> Task:
        """Start a standalone task: its group is `family:...`."""
        group = f"family:{definition.partition(':')[0]}"
        return self.start(None, group, definition, options)

    def start(
        self, service: "Service | None", group: str, definition: str, options: TaskOptions
    ) -> Task:
        """Start a task; Service.start_task and run_task are the ways to call this."""
        now = time.time()
        status = options.get("status", "RUNNING")
        with self.ecs.lock:
            state = TaskState(
                arn=f"{_ARN}:task/{self.name}/{self.ecs.rng.getrandbits(128):032x}",
                cluster_arn=self.arn,
                group=group,
                started_by=service.deployment if service else "",
                definition=definition,
                ip=options.get("ip") or self.ecs.hosts.new_address(),
                address_from=options.get("address_from", "attachment"),
                version=1,
                last_status=status,
                desired_status="RUNNING",
                health=options.get("health", "UNKNOWN"),
                created_at=now,
                updated_at=now,
                started_at=now if LIFE.index(status) >= LIFE.index("RUNNING") else None,
            )
            task = Task(state, service, self.ecs.hosts, self.ecs.events)
            task.port(options.get("port", "listens"))
            self.by_id[state.id] = task
            self.tasks.append(task)
            self.ecs.events.add(state)  # last: what an event tells of is there to be listed
        return task


class Service:
    """A service. `definition`, family:revision, is what its next tasks run."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = name
        self.arn = f"{_ARN}:service/{cluster.name}/{name}"
        self.definition = f"{name}:1"
        self.deployment = f"ecs-svc/{cluster.ecs.rng.getrandbits(63):019d}"
        self.frozen: Mapping[str, TaskState] | None = None

    @property
    def cluster_arn(self) -> str:
        """The ARN of the service's cluster."""
        return self.cluster.arn

    @property
    def tasks(self) -> list[Task]:
        """All tasks the service has had, stopped ones too, oldest first."""
        return [task for task in self.cluster.tasks if task.service is self]

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
        """ListTasks and DescribeTasks tell the truth again."""
        self.frozen = None
