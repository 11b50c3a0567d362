"""ECS, as a test sees it: clusters and services by their names, and the throttle they share."""

from simulator.ecs.clusters import Cluster, Region
from simulator.ecs.services import Service
from simulator.events import Events
from simulator.hosts import Hosts
from simulator.throttle import TokenBucket


class Ecs:
    """The clusters of one account and region, and the throttle they share."""

    def __init__(self, hosts: Hosts, events: Events) -> None:
        self.region = Region(hosts, events)
        self.clusters: dict[str, Cluster[Service]] = {}
        self.bucket: TokenBucket | None = None

    def create_cluster(self, name: str) -> Cluster[Service]:
        """A cluster; the existing one if there is one of this name."""
        with self.region.lock:
            return self.clusters.setdefault(name, Cluster(self.region, name))

    def create_service(self, cluster: str, name: str) -> Service:
        """A service without tasks. Its cluster is made when absent."""
        home = self.create_cluster(cluster)
        with self.region.lock:
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
