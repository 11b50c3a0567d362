"""What a recycle and a diagnosis read of a service, apart from its tasks.

Each answer is reduced to values. An answer that lacks what it must have is an EcsError.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Literal

from discovery.aws.errors import AwsFailure, explain
from discovery.errors import EcsError
from discovery.service import Deployment, Scaling, ServiceEvent, ServiceView, Suspended
from discovery.text import last_segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from types_boto3_application_autoscaling.client import ApplicationAutoScalingClient
    from types_boto3_ecs.client import ECSClient
    from types_boto3_elbv2.client import ElasticLoadBalancingv2Client

    from discovery.model import ServiceRef

# Of Application Auto Scaling.
NAMESPACE: Literal["ecs"] = "ecs"
DIMENSION: Literal["ecs:service:DesiredCount"] = "ecs:service:DesiredCount"
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_GetTaskProtection.html
PROTECTIONS = 10
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
DESCRIPTIONS = 100


class ServiceReader:
    """Reads one service, its scaling and its target groups. Raises EcsError."""

    def __init__(
        self,
        ecs: Callable[[], ECSClient],
        scaling: Callable[[], ApplicationAutoScalingClient],
        elb: Callable[[], ElasticLoadBalancingv2Client],
        service: ServiceRef,
    ) -> None:
        self._ecs, self._scaling, self._elb, self._service = ecs, scaling, elb, service

    def service(self) -> ServiceView:
        answer = self._call(
            "ecs:DescribeServices",
            lambda: self._ecs().describe_services(
                cluster=self._service.cluster, services=[self._service.service], include=["TAGS"]
            ),
        )
        services = answer.get("services")
        if not isinstance(services, list) or len(services) != 1:
            raise EcsError(
                f"ecs:DescribeServices did not find {self._service}: set ECS_CLUSTER_NAME and "
                "ECS_SERVICE_NAME to a service that exists"
            )
        return service_view(services[0])

    def scaling(self) -> Scaling | None:
        """The service's scalable target; None: nothing scales it."""
        answer = self._call(
            "application-autoscaling:DescribeScalableTargets",
            lambda: self._scaling().describe_scalable_targets(
                ServiceNamespace=NAMESPACE,
                ResourceIds=[self.resource_id],
                ScalableDimension=DIMENSION,
            ),
        )
        targets = answer.get("ScalableTargets")
        if not isinstance(targets, list):
            raise EcsError(
                "application-autoscaling:DescribeScalableTargets answered without ScalableTargets "
                f"for {self._service}: the next run tries again"
            )
        return scaling_view(targets[0]) if targets else None

    @property
    def resource_id(self) -> str:
        """https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ScalableTarget.html"""
        cluster, service = map(last_segment, (self._service.cluster, self._service.service))
        return f"service/{cluster}/{service}"

    def protected(self, tasks: Iterable[str], enough: int) -> frozenset[str]:
        """Ids of the tasks that say that they are working.

        Ends after so many tasks that are not protected: the others are not looked at.
        """
        found: set[str] = set()
        seen = 0
        for batch in _batches(list(tasks), PROTECTIONS):
            if seen - len(found) >= enough:
                break
            seen += len(batch)
            answer = self._call(
                "ecs:GetTaskProtection",
                partial(
                    self._ecs().get_task_protection, cluster=self._service.cluster, tasks=batch
                ),
            )
            found |= {
                last_segment(each["taskArn"])
                for each in answer.get("protectedTasks") or []
                if each.get("protectionEnabled")
            }
        return frozenset(found)

    def stopped(self, tasks: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """The descriptions of those tasks that have stopped or are stopping, by id."""
        found: dict[str, Mapping[str, Any]] = {}
        for batch in _batches(list(tasks), DESCRIPTIONS):
            answer = self._call(
                "ecs:DescribeTasks",
                partial(self._ecs().describe_tasks, cluster=self._service.cluster, tasks=batch),
            )
            for raw in answer.get("tasks") or []:
                if raw.get("desiredStatus") == "STOPPED":
                    found[last_segment(raw["taskArn"])] = raw
        return found

    def healthy_targets(self, target_group: str) -> frozenset[str] | None:
        """The addresses that a target group calls healthy; None: its targets are instances."""
        answer = self._call(
            "elasticloadbalancing:DescribeTargetHealth",
            lambda: self._elb().describe_target_health(TargetGroupArn=target_group),
        )
        states = {
            each["Target"]["Id"]: each.get("TargetHealth", {}).get("State")
            for each in answer.get("TargetHealthDescriptions") or []
        }
        if any(id.startswith("i-") for id in states):
            return None
        return frozenset(id for id, state in states.items() if state == "healthy")

    def _call(self, operation: str, call: Callable[[], Any]) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = call()
        except AwsFailure as error:
            raise EcsError(
                f"{operation} for {self._service} {explain(operation, error)}."
            ) from error
        return answer


def service_view(raw: Mapping[str, Any]) -> ServiceView:
    """One service of DescribeServices. Times are numbers or datetimes."""
    controller = (raw.get("deploymentController") or {}).get("type", "ECS")
    return ServiceView(
        arn=raw.get("serviceArn", ""),
        status=raw.get("status", ""),
        desired=int(raw.get("desiredCount", 0)),
        running=int(raw.get("runningCount", 0)),
        pending=int(raw.get("pendingCount", 0)),
        daemon=raw.get("schedulingStrategy") == "DAEMON",
        controller=controller,
        deployments=tuple(
            Deployment(
                each.get("id", ""),
                each.get("status", ""),
                each.get("rolloutState", ""),
                int(each.get("failedTasks", 0)),
                each.get("rolloutStateReason", ""),
            )
            for each in raw.get("deployments") or []
        ),
        events=tuple(
            ServiceEvent(_seconds(each.get("createdAt")), each.get("message", ""))
            for each in raw.get("events") or []
        ),
        target_groups=tuple(
            each["targetGroupArn"]
            for each in raw.get("loadBalancers") or []
            if each.get("targetGroupArn")
        ),
        tags={each["key"]: each.get("value", "") for each in raw.get("tags") or []},
    )


def scaling_view(raw: Mapping[str, Any]) -> Scaling:
    flags = raw.get("SuspendedState") or {}
    return Scaling(
        int(raw["MinCapacity"]),
        int(raw["MaxCapacity"]),
        Suspended(
            bool(flags.get("DynamicScalingInSuspended")),
            bool(flags.get("DynamicScalingOutSuspended")),
            bool(flags.get("ScheduledScalingSuspended")),
        ),
    )


def _seconds(value: Any) -> float:
    if isinstance(value, (int, float)):
        return float(value)
    return float(value.timestamp()) if hasattr(value, "timestamp") else 0.0


def _batches(values: list[str], size: int) -> list[list[str]]:
    return [values[start : start + size] for start in range(0, len(values), size)]
