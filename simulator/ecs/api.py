"""The operations of ECS, each with the throttle that it counts for."""

from collections.abc import Callable, Mapping
from typing import Any

from simulator.ecs import instance_api, listing, service_api, tag_api, task_api
from simulator.ecs.control_plane import Bucket, Ecs
from simulator.ecs.definitions import describe
from simulator.ecs.requests import Parameters
from simulator.gateway import Operation
from simulator.wire import ApiError, to_json

_OPERATIONS: Mapping[str, tuple[Callable[[Ecs, Parameters], bytes], Bucket | None]] = {
    "ListTasks": (listing.list_tasks, "cluster_read"),
    "DescribeTasks": (listing.describe_tasks, "cluster_read"),
    "ListContainerInstances": (instance_api.list_instances, "cluster_read"),
    "DescribeContainerInstances": (instance_api.describe_instances, "cluster_read"),
    "StopTask": (task_api.stop_task, "cluster_modify"),
    "DescribeServices": (service_api.describe_services, "service_read"),
    "ListServices": (service_api.list_services, "service_read"),
    "UpdateService": (service_api.update_service, "service_modify"),
    "GetTaskProtection": (task_api.get_task_protection, "task_protection"),
    "UpdateTaskProtection": (task_api.update_task_protection, "task_protection"),
    "ListTagsForResource": (tag_api.list_tags, None),
    "TagResource": (tag_api.tag_resource, None),
    "UntagResource": (tag_api.untag_resource, None),
}


def operations(ecs: Ecs) -> Mapping[str, Operation]:
    """The ECS operations this simulator knows."""
    known = {name: _throttled(ecs, act, bucket) for name, (act, bucket) in _OPERATIONS.items()}
    return known | {"DescribeTaskDefinition": lambda parameters: _definition(ecs, parameters)}


def _throttled(
    ecs: Ecs, act: Callable[[Ecs, Parameters], bytes], bucket: Bucket | None
) -> Operation:
    def answer(parameters: Mapping[str, Any]) -> bytes:
        if bucket is not None:
            ecs.spend(bucket)
        return act(ecs, parameters)

    return answer


def _definition(ecs: Ecs, parameters: Parameters) -> bytes:
    """DescribeTaskDefinition."""
    ecs.spend("definition_read")
    found = ecs.definitions.find(parameters.get("taskDefinition", ""))
    if found is None:
        raise ApiError("ClientException", "Unable to describe task definition.")
    tags: dict[str, Any] = {"tags": []} if "TAGS" in parameters.get("include", []) else {}
    return to_json({"taskDefinition": describe(found)} | tags)
