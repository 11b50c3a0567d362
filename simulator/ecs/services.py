"""A service, by the handle a test holds it by."""

from collections.abc import Mapping
from typing import Unpack

from simulator.described import TaskState
from simulator.ecs.clusters import ARN, Cluster, TaskOptions
from simulator.ecs.tasks import Task


class Service:
    """A service. `definition`, family:revision, is what its next tasks run."""

    def __init__(self, cluster: "Cluster[Service]", name: str) -> None:
        self.cluster = cluster
        self.name = name
        self.arn = f"{ARN}:service/{cluster.name}/{name}"
        self.definition = f"{name}:1"
        self.deployment = f"ecs-svc/{cluster.region.rng.getrandbits(63):019d}"
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
        """ListTasks and DescribeTasks answer with the true states again."""
        self.frozen = None
