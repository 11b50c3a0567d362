"""Task definitions: what DescribeTaskDefinition answers with, and a task is made of."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.account import ACCOUNT, REGION
from simulator.described import Container

_ARN = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/"


@dataclass(frozen=True)
class ContainerDefinition:
    """A container of a task definition. `image` is by default the family's, from ECR.

    `log` is its logConfiguration: by default awslogs to /ecs/<family> with the
    prefix `ecs`; {} is none. `memory` is its limit in MiB.
    """

    name: str
    image: str | None = None
    memory: int | None = None
    essential: bool = True
    port: int | None = None
    stop_timeout: int | None = None
    health_check: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    log: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class TaskDefinition:
    """A revision of a family. CPU units and MiB of memory are text, as ECS has them."""

    family: str
    revision: int
    containers: tuple[ContainerDefinition, ...]
    cpu: str = "256"
    memory: str = "512"
    status: str = "ACTIVE"

    @property
    def name(self) -> str:
        """family:revision"""
        return f"{self.family}:{self.revision}"

    @property
    def arn(self) -> str:
        """The ARN of the revision."""
        return _ARN + self.name

    def image_of(self, container: ContainerDefinition) -> str:
        """The image that a container runs."""
        return container.image or f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{self.family}:latest"

    def task_containers(self) -> tuple[Container, ...]:
        """The containers of a new task. Each revision has found another image under its tag."""
        return tuple(
            Container(
                each.name,
                self.image_of(each),
                "sha256:" + hashlib.sha256(f"{self.name}/{each.name}".encode()).hexdigest(),
            )
            for each in self.containers
        )


def log_stream(definition: TaskDefinition, name: str | None, task_id: str) -> tuple[str, str]:
    """The log group and stream of a task's container, the first by default.

    Raises ValueError when its lines go elsewhere than to CloudWatch Logs.
    """
    containers = {each.name: each for each in definition.containers}
    container = containers[name or definition.containers[0].name]
    log = _log(definition.family, container) or {}
    if log.get("logDriver") != "awslogs":
        raise ValueError(f"container {container.name} logs to {log.get('logDriver')}")
    options = log["options"]
    prefix = options.get("awslogs-stream-prefix")
    return options["awslogs-group"], f"{prefix}/{container.name}/{task_id}"


class Definitions:
    """The task definitions of one account and region.

    One that nobody has registered is made when it is needed: a task of one
    container, of the family's name.
    """

    def __init__(self) -> None:
        self._known: dict[str, TaskDefinition] = {}

    def register(
        self, family: str, *containers: ContainerDefinition, cpu: str = "256", memory: str = "512"
    ) -> TaskDefinition:
        """A new revision of a family, one above its last."""
        revisions = [each.revision for each in self._known.values() if each.family == family]
        made = TaskDefinition(family, max(revisions, default=0) + 1, containers, cpu, memory)
        self._known[made.name] = made
        return made

    def of(self, name: str) -> TaskDefinition:
        """The definition of a task, by family:revision."""
        family, _, revision = name.partition(":")
        default = TaskDefinition(family, int(revision or 1), (ContainerDefinition(family),))
        return self._known.setdefault(name, default)

    def find(self, name: str) -> TaskDefinition | None:
        """By ARN, family:revision, or family, which is its newest active revision."""
        name = name.removeprefix(_ARN)
        if ":" in name:
            return self._known.get(name)
        active = [e for e in self._known.values() if e.family == name and e.status == "ACTIVE"]
        return max(active, key=lambda each: each.revision, default=None)


def describe(definition: TaskDefinition) -> dict[str, Any]:
    """The TaskDefinition of the ECS API reference."""
    return {
        "compatibilities": ["EC2", "FARGATE"],
        "containerDefinitions": [_container(definition, each) for each in definition.containers],
        "cpu": definition.cpu,
        "family": definition.family,
        "memory": definition.memory,
        "networkMode": "awsvpc",
        "placementConstraints": [],
        "requiresCompatibilities": ["FARGATE"],
        "revision": definition.revision,
        "status": definition.status,
        "taskDefinitionArn": definition.arn,
        "volumes": [],
    }


def _container(definition: TaskDefinition, container: ContainerDefinition) -> dict[str, Any]:
    port, check = container.port, list(container.health_check)
    described = {
        "cpu": 0,
        "environment": [{"name": k, "value": v} for k, v in container.environment.items()],
        "essential": container.essential,
        "healthCheck": {"command": check} if check else None,
        "image": definition.image_of(container),
        "logConfiguration": _log(definition.family, container),
        "memory": container.memory,
        "mountPoints": [],
        "name": container.name,
        "portMappings": [{"containerPort": port, "hostPort": port}] if port else [],
        "stopTimeout": container.stop_timeout,
    }
    return {name: value for name, value in described.items() if value is not None}


def _log(family: str, container: ContainerDefinition) -> Mapping[str, Any] | None:
    if container.log is not None:
        return container.log or None
    options = {
        "awslogs-group": f"/ecs/{family}",
        "awslogs-region": REGION,
        "awslogs-stream-prefix": "ecs",
    }
    return {"logDriver": "awslogs", "options": options}
