"""What a diagnosis reads of ECS and Elastic Load Balancing, reduced to values."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Callable

from discovery.aws.service_reader import service_view
from discovery.aws.unseen import arn, call, required
from discovery.inspection import (
    ContainerView,
    DefinitionView,
    InspectedService,
    LogPlace,
    TargetGroupView,
    TargetView,
    UnseenError,
)
from discovery.lenient import count, mappings, text
from discovery.task_record import TaskRecord, task_record
from discovery.text import last_segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_ecs.client import ECSClient
    from types_boto3_elbv2.client import ElasticLoadBalancingv2Client

    from discovery.model import ServiceRef

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
PAGE = 100
DESCRIBES = 4  # DescribeTasks calls at once


class Inspector:
    """Looks at one service. Each method raises UnseenError."""

    def __init__(
        self,
        ecs: Callable[[], ECSClient],
        elb: Callable[[], ElasticLoadBalancingv2Client],
        service: ServiceRef,
    ) -> None:
        self._ecs, self._elb, self._service = ecs, elb, service

    def service(self) -> InspectedService:
        answer = self._call(
            "ecs:DescribeServices",
            f"service/{last_segment(self._service.cluster)}/{last_segment(self._service.service)}",
            lambda: self._ecs().describe_services,
            cluster=self._service.cluster,
            services=[self._service.service],
        )
        found = mappings(answer.get("services"))
        if len(found) != 1:
            raise UnseenError(
                "missing", "ecs:DescribeServices", str(self._service), "found no such service"
            )
        return InspectedService(service_view(found[0]), text(found[0].get("taskDefinition"), 512))

    def tasks(self, desired: str) -> tuple[TaskRecord, ...]:
        """The service's tasks that ECS wants RUNNING, or those that it STOPPED within the hour.

        A page is described while the next one is listed.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
        """
        with ThreadPoolExecutor(DESCRIBES, "inspector") as threads:
            pages = [threads.submit(self._described, arns) for arns in self._pages(desired)]
            return tuple(
                record
                for page in pages
                for raw in page.result()
                if (record := task_record(raw)) is not None
            )

    def _pages(self, desired: str) -> Iterator[list[str]]:
        params: dict[str, Any] = {
            "cluster": self._service.cluster,
            "serviceName": self._service.service,
            "desiredStatus": desired,
            "maxResults": PAGE,
        }
        where = f"container-instance/{last_segment(self._service.cluster)}/*"
        while True:
            answer = self._call("ecs:ListTasks", where, lambda: self._ecs().list_tasks, **params)
            arns = required(answer, "ecs:ListTasks", str(self._service), "taskArns")
            if arns:
                yield arns
            if not answer.get("nextToken"):
                return
            params["nextToken"] = answer["nextToken"]

    def _described(self, arns: list[str]) -> list[Any]:
        answer = self._call(
            "ecs:DescribeTasks",
            f"task/{last_segment(self._service.cluster)}/*",
            lambda: self._ecs().describe_tasks,
            cluster=self._service.cluster,
            tasks=arns,
        )
        return required(answer, "ecs:DescribeTasks", str(self._service), "tasks")

    def definition(self, name: str) -> DefinitionView:
        """A task definition, by ARN or family:revision."""
        answer = self._call(
            "ecs:DescribeTaskDefinition",
            f"task-definition/{last_segment(name)}",
            lambda: self._ecs().describe_task_definition,
            taskDefinition=name,
        )
        raw = answer.get("taskDefinition")
        if not raw:
            raise UnseenError(
                "failed", "ecs:DescribeTaskDefinition", name, "answered without taskDefinition"
            )
        return definition_view(raw)

    def target_group(self, group: str) -> TargetGroupView:
        answer = call(
            "elasticloadbalancing:DescribeTargetHealth",
            group,
            lambda: self._elb().describe_target_health,
            TargetGroupArn=group,
        )
        described = required(
            answer,
            "elasticloadbalancing:DescribeTargetHealth",
            group,
            "TargetHealthDescriptions",
        )
        return TargetGroupView(group, tuple(_target(each) for each in described))

    def _call(
        self, action: str, rest: str, make: Callable[[], Any], **params: Any
    ) -> Mapping[str, Any]:
        return call(action, arn(self._ecs(), "ecs", rest), make, **params)


def definition_view(raw: Mapping[str, Any]) -> DefinitionView:
    """A TaskDefinition of the ECS API, reduced."""
    return DefinitionView(
        last_segment(text(raw.get("taskDefinitionArn"), 512)),
        count(raw.get("memory")),
        tuple(_container(each) for each in mappings(raw.get("containerDefinitions"))),
    )


def _container(raw: Mapping[str, Any]) -> ContainerView:
    log = raw.get("logConfiguration") or {}
    options = log.get("options") or {}
    group = options.get("awslogs-group")
    place = None
    if log.get("logDriver") == "awslogs" and group:
        place = LogPlace(
            options.get("awslogs-region", ""), group, options.get("awslogs-stream-prefix", "")
        )
    return ContainerView(
        name=text(raw.get("name"), 255),
        essential=raw.get("essential") is not False,
        memory=count(raw.get("memory")),
        log_driver=text(log.get("logDriver")),
        log_mode=text(options.get("mode")),
        place=place,
    )


def _target(raw: Mapping[str, Any]) -> TargetView:
    target, health = raw.get("Target") or {}, raw.get("TargetHealth") or {}
    return TargetView(
        text(target.get("Id")),
        count(target.get("Port")) or 0,
        text(health.get("State")),
        text(health.get("Reason")),
        text(health.get("Description"), 500),
    )
