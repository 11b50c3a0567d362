"""The simulator as a whole: everything started together, and stopped together."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Self

from simulator import ec2
from simulator.account import REGION
from simulator.calls import Call, Calls
from simulator.clock import Clock
from simulator.ecs import api
from simulator.ecs.control_plane import Ecs
from simulator.ecs.definitions import log_stream
from simulator.ecs.services import Service
from simulator.ecs.tasks import Task
from simulator.elb import TargetGroups
from simulator.events import Events
from simulator.faults import Faults
from simulator.gateway import Gateway, Operation
from simulator.hosts import Hosts
from simulator.http import HttpServer
from simulator.lambda_api import Functions
from simulator.logs import api as logs_api
from simulator.logs.store import Logs
from simulator.scaling import Scaling
from simulator.secrets import Secrets
from simulator.sns import Topics
from simulator.valkey import Valkey


class Simulator:
    """A pocket AWS on loopback: ECS, EC2, Secrets Manager, tasks with ports, and Valkey.

    Everything runs from construction to close(), best as a context manager.
    `latency` is the time in seconds that each AWS call takes; set it any time.
    `valkey_cluster` starts Valkey in cluster mode. `clock` is the time of all
    that happens by itself: the real one by default.
    """

    def __init__(
        self, latency: float = 0.0, valkey_cluster: bool = False, clock: Clock | None = None
    ) -> None:
        self.clock = clock or Clock()
        with ExitStack() as started:
            started.callback(self.clock.stop)
            self.hosts = Hosts()
            started.callback(self.hosts.stop)
            self.valkey = Valkey(cluster=valkey_cluster)
            started.callback(self.valkey.close)
            self.events = Events()
            self.ecs = Ecs(self.hosts, self.events, self.clock)
            self.elb = TargetGroups(self.hosts, self.clock)
            self.logs = Logs(self.clock)
            self.scaling = Scaling(self.ecs)
            self.secrets = Secrets()
            self.sns = Topics(self.clock)
            self.functions = Functions()
            operations = {
                **logs_api.operations(self.logs),
                **self.scaling.operations(),
                **self.sns.operations(),
                **self.elb.operations(),
                **api.operations(self.ecs),
                **ec2.operations(self.ecs),
                **self.secrets.operations(),
                **self.functions.operations(),
            }
            self._gateway = Gateway(operations, latency)
            self._server = HttpServer(self._gateway.answer)
            started.callback(self._server.stop)
            started.callback(self._gateway.stop)
            self._started = started.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop everything; a second call does nothing."""
        self._started.close()

    @property
    def url(self) -> str:
        """The address of the AWS endpoint, for AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def calls(self) -> Calls:
        """The AWS calls that were made."""
        return self._gateway.calls

    @property
    def operations(self) -> dict[str, Operation]:
        """What each operation answers, by its name; add those that a test needs besides."""
        return self._gateway.operations

    @property
    def faults(self) -> Faults:
        """The faults put on AWS operations."""
        return self._gateway.faults

    @property
    def latency(self) -> float:
        """Seconds that each AWS call takes."""
        return self._gateway.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._gateway.latency = seconds

    @property
    def on_call(self) -> Callable[[Call], None] | None:
        """Called with each AWS call before it is looked at, in a thread of its own."""
        return self._gateway.on_call

    @on_call.setter
    def on_call(self, hook: Callable[[Call], None] | None) -> None:
        self._gateway.on_call = hook

    def refuse(self) -> None:
        """The AWS endpoint refuses connections, and those that are open close."""
        self._server.refuse()

    def accept(self) -> None:
        """The AWS endpoint accepts connections again, on the same port."""
        self._server.accept()

    def log(self, task: Task, *lines: str, container: str | None = None) -> None:
        """Have a container of a task, the first by default, log lines now.

        They go where its task definition says. Raises ValueError when that is
        not CloudWatch Logs.
        """
        definition = self.ecs.definitions.of(task.state.definition)
        group, stream = log_stream(definition, container, task.id)
        self.logs.put(group, stream, lines)

    def settings(
        self, service: Service, key: str = "ecs:task:iplist", **overrides: str | None
    ) -> dict[str, str]:
        """The environment that points the function at this simulator.

        An override replaces or adds a variable; None takes one out.
        """
        environment: dict[str, str | None] = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "ECS_CLUSTER_NAME": service.cluster.name,
            "ECS_SERVICE_NAME": service.name,
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(self.valkey.port),
            "REDIS_KEY": key,
            "HEALTH_CHECK_PORT": str(self.hosts.port),
        }
        if self.valkey.password is not None:
            environment["REDIS_SECRET_ARN"] = self.secrets.put("redis", self.valkey.password)
        if self.valkey.cluster:
            environment["REDIS_CLUSTER"] = "true"
        environment |= overrides
        return {name: value for name, value in environment.items() if value is not None}
