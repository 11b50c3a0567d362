"""Container instances: ListContainerInstances and DescribeContainerInstances."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from simulator.described import TaskState
from simulator.ecs.clusters import ARN, Region
from simulator.events import container_instance_state_change

_CPU, _MEMORY = 2048, 3904


@dataclass
class Instance:
    """A container instance. A task runs on it that was started with its ARN.

    Each change sends an event.
    """

    arn: str
    cluster_arn: str
    region: Region
    tasks: Callable[[], list[TaskState]]
    """The states of the cluster's tasks."""
    ec2_id: str
    status: Literal["ACTIVE", "DRAINING"] = "ACTIVE"
    connected: bool = True
    version: int = 1
    registered_at: float = 0.0

    def drain(self) -> None:
        """Set it to DRAINING."""
        self.status = "DRAINING"
        self.changed()

    def disconnect(self) -> None:
        """Its agent is not heard of any more."""
        self.connected = False
        self.changed()

    def connect(self) -> None:
        """Its agent is heard of again."""
        self.connected = True
        self.changed()

    def changed(self) -> None:
        """Count a change of any kind, and send its event."""
        self.version += 1
        detail = self.described()
        del detail["version"], detail["registeredAt"]
        now = self.region.clock.now()
        self.region.events.add(
            partial(container_instance_state_change, self.cluster_arn, self.version, now, **detail)
        )

    def described(self) -> dict[str, Any]:
        """The ContainerInstance of the ECS API reference."""
        here = [state for state in self.tasks() if state.instance == self.arn]
        here = [state for state in here if state.last_status != "STOPPED"]
        cpu = _CPU - sum(int(state.cpu) for state in here)
        memory = _MEMORY - sum(int(state.memory) for state in here)
        running = sum(state.last_status == "RUNNING" for state in here)
        return {
            "agentConnected": self.connected,
            "attributes": [],
            "containerInstanceArn": self.arn,
            "ec2InstanceId": self.ec2_id,
            "pendingTasksCount": len(here) - running,
            "registeredAt": self.registered_at,
            "registeredResources": _resources(_CPU, _MEMORY),
            "remainingResources": _resources(cpu, memory),
            "runningTasksCount": running,
            "status": self.status,
            "version": self.version,
            "versionInfo": {"agentVersion": "1.98.0", "dockerVersion": "DockerVersion: 25.0.13"},
        }


def register(
    region: Region, cluster_arn: str, tasks: Callable[[], list[TaskState]], number: int
) -> Instance:
    """A new instance of a cluster."""
    cluster = cluster_arn.rpartition("/")[2]
    digits = uuid.uuid5(uuid.NAMESPACE_URL, f"{cluster_arn}/{number}").hex
    arn = f"{ARN}:container-instance/{cluster}/{digits}"
    ec2_id, now = f"i-0{digits[:16]}", region.clock.now()
    return Instance(arn, cluster_arn, region, tasks, ec2_id, registered_at=now)


def _resources(cpu: int, memory: int) -> list[dict[str, Any]]:
    return [
        {"name": "CPU", "type": "INTEGER", "doubleValue": 0.0, "longValue": 0, "integerValue": cpu},
        {
            "name": "MEMORY",
            "type": "INTEGER",
            "doubleValue": 0.0,
            "longValue": 0,
            "integerValue": memory,
        },
    ]
