"""A task as ECS knows it, and as it writes it down: the Task of its API reference."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from simulator.account import ACCOUNT, REGION
from simulator.wire import to_json

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
class Container:
    """A container of a task, as far as it is not as its task is."""

    name: str
    image: str
    digest: str
    exit_code: int | None = None
    """Known once it has ended; none is known of one that never started."""
    reason: str | None = None


@dataclass(frozen=True)
class TaskState:
    """One version of a task. A change makes a new one, so its JSON is made once."""

    arn: str
    cluster_arn: str
    group: str
    started_by: str
    definition: str
    """family:revision"""
    containers: tuple[Container, ...]
    cpu: str
    memory: str
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
    instance: str | None = None
    """The ARN of the container instance that it runs on; None: it runs on Fargate."""

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


# The statuses of a container, and of an interface, where they differ from RUNNING
# and ATTACHED, by that of their task.
_CONTAINER = {
    "PROVISIONING": "PENDING",
    "PENDING": "PENDING",
    "ACTIVATING": "PENDING",
    "DEPROVISIONING": "STOPPED",
    "STOPPED": "STOPPED",
}
_INTERFACE = {"PROVISIONING": "PRECREATED", "STOPPED": "DELETED"}


def describe(task: TaskState) -> dict[str, Any]:
    """A task as DescribeTasks answers with it, with the fields that ECS fills."""
    described = {
        "attachments": [_service_connect(task), _network_interface(task)],
        "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}],
        "availabilityZone": f"{REGION}a",
        "clusterArn": task.cluster_arn,
        "connectivity": "CONNECTED",
        "connectivityAt": task.created_at,
        "containerInstanceArn": task.instance,
        "containers": [_container(task, index) for index in range(len(task.containers))],
        "cpu": task.cpu,
        "createdAt": task.created_at,
        "desiredStatus": task.desired_status,
        "enableExecuteCommand": False,
        "ephemeralStorage": {"sizeInGiB": 20},
        "group": task.group,
        "healthStatus": task.health,
        "lastStatus": task.last_status,
        "launchType": "EC2" if task.instance else "FARGATE",
        "memory": task.memory,
        "overrides": {"containerOverrides": [], "inferenceAcceleratorOverrides": []},
        "platformFamily": None if task.instance else "Linux",
        "platformVersion": None if task.instance else "1.4.0",
        "startedAt": task.started_at,
        "startedBy": task.started_by or None,
        "stopCode": task.stop_code,
        "stoppedAt": task.stopped_at,
        "stoppedReason": task.stopped_reason,
        "stoppingAt": task.stopping_at,
        "tags": [],
        "taskArn": task.arn,
        "taskDefinitionArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{task.definition}",
        "version": task.version,
    }
    return {name: value for name, value in described.items() if value is not None}


def _uuid(task: TaskState, variant: str) -> str:
    digits = task.id
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _service_connect(task: TaskState) -> dict[str, Any]:
    # It comes first, as on AWS: attachments[0] is not always the ENI.
    return {
        "id": _uuid(task, "9"),
        "type": "ServiceConnect",
        "status": _INTERFACE.get(task.last_status, "ATTACHED"),
        "details": [{"name": "ContainerName", "value": "ecs-service-connect-x7Kq2"}],
    }


def _network_interface(task: TaskState) -> dict[str, Any]:
    details = {"subnetId": "subnet-0a1b2c3d4e5f60718"}
    if task.last_status != "PROVISIONING":
        details |= {"networkInterfaceId": task.eni, "macAddress": task.mac}
        if task.address_from == "attachment" and ":" not in task.ip:
            details["privateDnsName"] = f"ip-{task.ip.replace('.', '-')}.ec2.internal"
            details["privateIPv4Address"] = task.ip
    return {
        "id": _uuid(task, "8"),
        "type": "ElasticNetworkInterface",
        "status": _INTERFACE.get(task.last_status, "ATTACHED"),
        "details": [{"name": name, "value": value} for name, value in details.items()],
    }


def _container(task: TaskState, index: int) -> dict[str, Any]:
    container = task.containers[index]
    interfaces = []
    if task.last_status != "PROVISIONING" and task.address_from != "ec2":
        field = "ipv6Address" if ":" in task.ip else "privateIpv4Address"
        interfaces = [{"attachmentId": _uuid(task, "8"), field: task.ip}]
    path = task.arn.partition(":task/")[2]
    pulled = task.started_at is not None
    described = {
        "containerArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:container/{path}/"
        + _uuid(task, "ab"[index % 2]),
        "cpu": "0",
        "exitCode": container.exit_code,
        "healthStatus": task.health,
        "image": container.image,
        "imageDigest": container.digest if pulled else None,
        "lastStatus": _CONTAINER.get(task.last_status, "RUNNING"),
        "name": container.name,
        "networkInterfaces": interfaces,
        "reason": container.reason,
        "runtimeId": f"{task.id}-2171{task.id[:6]}" if pulled else None,
        "taskArn": task.arn,
    }
    return {name: value for name, value in described.items() if value is not None}
