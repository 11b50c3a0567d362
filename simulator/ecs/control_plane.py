"""ECS, as a test sees it: clusters and services by their names, and the throttles."""

from collections.abc import Mapping
from typing import Any, Literal

from simulator.clock import Clock
from simulator.ecs.clusters import Cluster, Region
from simulator.ecs.definitions import Definitions
from simulator.ecs.deployments import IN_PROGRESS
from simulator.ecs.descriptions import Past
from simulator.ecs.instances import Instance, register
from simulator.ecs.scheduler import Scheduler
from simulator.ecs.services import Service
from simulator.events import Events
from simulator.hosts import Hosts
from simulator.throttle import TokenBucket
from simulator.wire import ApiError

Bucket = Literal[
    "cluster_read",
    "cluster_modify",
    "service_read",
    "service_modify",
    "task_protection",
    "definition_read",
]
LIMITS: Mapping[Bucket, tuple[int, float]] = {
    "cluster_read": (100, 20),
    "cluster_modify": (100, 40),
    "service_read": (100, 20),
    "service_modify": (50, 5),
    "task_protection": (200, 80),
    "definition_read": (50, 20),
}
"""AWS's own: burst and calls a second of an account and region.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
"""


class Ecs:
    """The clusters of one account and region, and the throttles they share."""

    def __init__(self, hosts: Hosts, events: Events, clock: Clock) -> None:
        self.region = Region(hosts, events, clock)
        self.clusters: dict[str, Cluster[Service]] = {}
        self._buckets: dict[Bucket, TokenBucket] = {}
        self._instances: dict[str, list[Instance]] = {}
        self._past: dict[str, Past] = {}
        self._tags: dict[str, dict[str, str]] = {}

    @property
    def definitions(self) -> Definitions:
        """The task definitions."""
        return self.region.definitions

    def create_cluster(self, name: str) -> Cluster[Service]:
        """A cluster; the existing one if there is one of this name."""
        with self.region.lock:
            return self.clusters.setdefault(name, Cluster(self.region, name))

    def create_service(
        self,
        cluster: str,
        name: str,
        desired: int | None = None,
        *,
        steady: bool = False,
        daemon: bool = False,
    ) -> Service:
        """A service; the existing one if there is one of this name in the cluster.

        Without `desired` a test starts and moves its tasks. With it a scheduler
        does, by the clock; with `steady` the tasks run and listen from the start,
        else they have their whole way before them. Of a `daemon` service `desired`
        is the number of instances. Its cluster is made when absent.
        """
        home = self.create_cluster(cluster)
        with self.region.lock:
            if name in home.services:
                return home.services[name]
            service = home.services[name] = Service(home, name)
            self._past[service.arn] = Past(service)
            if daemon:
                service.strategy = "DAEMON"
            if desired is not None:
                self._schedule(service, desired, steady)
        return service

    def add_instance(self, cluster: str) -> Instance:
        """A new container instance, by whose ARN a task starts on it (option `instance`)."""
        home = self.create_cluster(cluster)
        known = self._instances.setdefault(home.arn, [])
        states = lambda: [task.state for task in home.tasks]  # noqa: E731
        known.append(register(self.region, home.arn, states, len(known)))
        return known[-1]

    def instances(self, cluster: Cluster[Service]) -> list[Instance]:
        """The container instances of a cluster."""
        return self._instances.get(cluster.arn, [])

    def advance(self, seconds: float = 0.0) -> None:
        """Let time pass on the simulator's clock: what is due in it is done."""
        self.region.clock.advance(seconds)

    def answer(self, service: Service) -> dict[str, Any]:
        """What DescribeServices answers for a service now, less its tags."""
        return self._past[service.arn].answer()

    def tags_of(self, arn: str) -> dict[str, str] | None:
        """The tags of a service, task or cluster; None: there is no such thing."""
        kind, _, path = arn.rpartition(":")[2].partition("/")
        cluster = self.clusters.get(path.partition("/")[0])
        name = path.rpartition("/")[2]
        if cluster is None:
            return None
        if kind == "service":
            service = cluster.services.get(name)
            return service.tags if service and service.arn == arn else None
        task = cluster.by_id.get(name)
        known = [cluster.arn] + ([task.arn] if task else [])
        return self._tags.setdefault(arn, {}) if arn in known else None

    def throttle(self, burst: int = 100, per_second: float = 20) -> None:
        """Limit ListTasks and DescribeTasks together, by default as AWS does."""
        self.limit("cluster_read", burst, per_second)

    def throttle_all(self) -> None:
        """Limit every operation as AWS does."""
        for bucket, (burst, per_second) in LIMITS.items():
            self.limit(bucket, burst, per_second)

    def limit(self, bucket: Bucket, burst: int, per_second: float) -> None:
        """Limit the operations of one bucket together; time is the simulator's clock."""
        self._buckets[bucket] = TokenBucket(burst, per_second, self.region.clock.now)

    def unthrottle(self) -> None:
        """No limit, as at the start."""
        self._buckets.clear()

    def spend(self, bucket: Bucket) -> None:
        """Take one call from a bucket. Raises ApiError when there is none."""
        limited = self._buckets.get(bucket)
        if limited is not None and not limited.take():
            raise ApiError("ThrottlingException", "Rate exceeded")

    def _schedule(self, service: Service, desired: int, steady: bool) -> None:
        first = service.primary
        if steady:
            service.start_tasks(desired)
        else:
            first.becomes("IN_PROGRESS", IN_PROGRESS, service.created_at)
            service.announce_deployment(first, "SERVICE_DEPLOYMENT_IN_PROGRESS")
        Scheduler(service)
        service.scale(desired)
