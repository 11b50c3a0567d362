"""A service as the API reference has it, and as late as a test wants it."""

from collections import deque
from typing import Any

from simulator.account import ACCOUNT, REGION
from simulator.ecs.deployments import Deployment
from simulator.ecs.services import Service

_STARTING = ("PROVISIONING", "PENDING", "ACTIVATING")
_DEFINITION = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/"
_NETWORK = {
    "awsvpcConfiguration": {
        "assignPublicIp": "DISABLED",
        "securityGroups": ["sg-0a1b2c3d4e5f60718"],
        "subnets": ["subnet-0a1b2c3d4e5f60718"],
    }
}


class Past:
    """What DescribeServices answered before, for as long as its lag needs it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._answers: deque[tuple[float, dict[str, Any]]] = deque()
        self._lag = 0.0
        service.watchers.append(self.record)

    def record(self) -> None:
        """Note what is true now, if there is a lag."""
        service = self._service
        if service.lag != self._lag:  # it begins anew
            self._lag = service.lag
            self._answers.clear()
        if self._lag != 0:
            self._answers.append((service.cluster.region.clock.now(), describe(service)))

    def answer(self) -> dict[str, Any]:
        """The service as of `lag` seconds ago."""
        if not self._answers:
            return describe(self._service)
        seen = self._service.cluster.region.clock.now() - self._service.lag
        while len(self._answers) > 1 and self._answers[1][0] <= seen:
            self._answers.popleft()
        return self._answers[0][1]


def describe(service: Service) -> dict[str, Any]:
    """The Service of the ECS API reference, less its tags."""
    alive = service.alive
    active = service.status == "ACTIVE"
    return {
        "clusterArn": service.cluster_arn,
        "createdAt": service.created_at,
        "createdBy": f"arn:aws:iam::{ACCOUNT}:role/deployer",
        "deploymentConfiguration": _configuration(service),
        "deploymentController": {"type": "ECS"},
        "deployments": [_deployment(service, each) for each in service.deployments * active],
        "desiredCount": service.desired,
        "enableECSManagedTags": True,
        "enableExecuteCommand": False,
        "events": [
            {"id": each.id, "createdAt": each.at, "message": each.message}
            for each in service.events
        ],
        "healthCheckGracePeriodSeconds": int(service.grace),
        "launchType": "FARGATE",
        "loadBalancers": [
            {
                "targetGroupArn": group.arn,
                "containerName": service.definition.partition(":")[0],
                "containerPort": group.port,
            }
            for group in service.target_groups
        ],
        "networkConfiguration": _NETWORK,
        "pendingCount": sum(task.state.last_status in _STARTING for task in alive),
        "placementConstraints": [],
        "placementStrategy": [],
        "platformFamily": "Linux",
        "platformVersion": "LATEST",
        "propagateTags": "NONE",
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/"
        "AWSServiceRoleForECS",
        "runningCount": sum(task.state.last_status == "RUNNING" for task in alive),
        "schedulingStrategy": service.strategy,
        "serviceArn": service.arn,
        "serviceName": service.name,
        "serviceRegistries": [],
        "status": service.status,
        "taskDefinition": _DEFINITION + service.definition,
    }


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as the API writes them."""
    return [{"key": key, "value": value} for key, value in tags.items()]


def _configuration(service: Service) -> dict[str, Any]:
    return {
        "deploymentCircuitBreaker": {
            "enable": service.circuit_breaker,
            "rollback": service.rollback,
        },
        "maximumPercent": service.maximum_percent,
        "minimumHealthyPercent": service.minimum_percent,
        "strategy": "ROLLING",
    }


def _deployment(service: Service, deployment: Deployment) -> dict[str, Any]:
    tasks = [each for each in service.alive if each.state.started_by == deployment.id]
    primary = deployment is service.primary
    return {
        "createdAt": deployment.created_at,
        "desiredCount": service.desired if primary else len(tasks),
        "failedTasks": deployment.failed,
        "id": deployment.id,
        "launchType": "FARGATE",
        "networkConfiguration": _NETWORK,
        "pendingCount": sum(task.state.last_status in _STARTING for task in tasks),
        "platformFamily": "Linux",
        "platformVersion": "1.4.0",
        "rolloutState": deployment.rollout,
        "rolloutStateReason": deployment.reason,
        "runningCount": sum(task.state.last_status == "RUNNING" for task in tasks),
        "status": deployment.status,
        "taskDefinition": _DEFINITION + deployment.definition,
        "updatedAt": deployment.updated_at,
    }
