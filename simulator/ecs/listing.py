"""ListTasks and DescribeTasks, with the paging, limits and failures of the ECS API."""

import base64
import itertools
import json
from collections.abc import Mapping
from typing import Any

from simulator.described import TaskState
from simulator.ecs.clusters import Cluster
from simulator.ecs.control_plane import Ecs
from simulator.ecs.services import Service
from simulator.ecs.tasks import Task
from simulator.gateway import Operation
from simulator.wire import ApiError, to_json

_PAGE = 100  # ListTasks: "maxResults ... can be between 1 and 100"
_BATCH = 100  # DescribeTasks: "A list of up to 100 task IDs or full ARN entries"


def operations(ecs: Ecs) -> Mapping[str, Operation]:
    """The ECS operations this simulator knows."""
    return {
        "ListTasks": lambda parameters: list_tasks(ecs, parameters),
        "DescribeTasks": lambda parameters: describe_tasks(ecs, parameters),
    }


def list_tasks(ecs: Ecs, parameters: Mapping[str, Any]) -> bytes:
    """A page of the ARNs of tasks whose *desired* status is the one asked for."""
    _spend(ecs)
    cluster = _cluster(ecs, parameters)
    service = _service(cluster, parameters)
    size = parameters.get("maxResults", _PAGE)
    if not 1 <= size <= _PAGE:
        raise _invalid(f"maxResults must be between 1 and {_PAGE}, not {size}")
    wanted = (cluster.arn, service and service.name, parameters.get("desiredStatus", "RUNNING"))
    start = _position(parameters["nextToken"], wanted) if "nextToken" in parameters else 0

    arns: list[str] = []
    for position, task in enumerate(itertools.islice(cluster.tasks, start, None), start):
        if not _matches(task, service, wanted[2]):
            continue
        if len(arns) == size:
            return to_json({"taskArns": arns, "nextToken": _token(position, wanted)})
        arns.append(task.arn)
    return to_json({"taskArns": arns})


def describe_tasks(ecs: Ecs, parameters: Mapping[str, Any]) -> bytes:
    """The tasks asked for, and a failure for each that is not known now."""
    _spend(ecs)
    cluster = _cluster(ecs, parameters)
    asked = parameters.get("tasks", [])
    if not 1 <= len(asked) <= _BATCH:
        raise _invalid(f"tasks must hold between 1 and {_BATCH} entries, not {len(asked)}")
    tasks: list[bytes] = []
    failures: list[dict[str, str]] = []
    for arn in asked:
        state = _known(cluster, arn)
        if state is None:
            full = arn if arn.startswith("arn:") else f"{_prefix(cluster)}{arn}"
            failures.append({"arn": full, "reason": "MISSING"})
        else:
            tasks.append(state.json)
    return b'{"tasks":[%b],"failures":%b}' % (b",".join(tasks), to_json(failures))


def _spend(ecs: Ecs) -> None:
    if ecs.bucket is not None and not ecs.bucket.take():
        raise ApiError("ThrottlingException", "Rate exceeded")


def _cluster(ecs: Ecs, parameters: Mapping[str, Any]) -> Cluster[Service]:
    asked = parameters.get("cluster", "default")
    cluster = ecs.clusters.get(asked.rpartition("/")[2])
    if cluster is None or asked not in (cluster.name, cluster.arn):
        raise ApiError("ClusterNotFoundException", "Cluster not found.")
    return cluster


def _service(cluster: Cluster[Service], parameters: Mapping[str, Any]) -> Service | None:
    asked = parameters.get("serviceName")
    if asked is None:
        return None
    service = cluster.services.get(asked.rpartition("/")[2])
    if service is None or asked not in (service.name, service.arn):
        raise ApiError("ServiceNotFoundException", "Service not found.")
    return service


def _matches(task: Task, service: Service | None, desired: str) -> bool:
    if service is not None and task.service is not service:
        return False
    state = task.seen
    return state is not None and state.desired_status == desired


def _known(cluster: Cluster[Service], arn: str) -> TaskState | None:
    task = cluster.by_id.get(arn.rpartition("/")[2])
    if task is None or task.hidden or arn not in (task.id, task.arn):
        return None
    return task.seen


def _token(position: int, wanted: tuple[object, ...]) -> str:
    return base64.b64encode(json.dumps([position, *wanted]).encode()).decode()


def _position(token: str, wanted: tuple[object, ...]) -> int:
    """Where a page starts; only a token that this very listing gave is good."""
    try:
        position, *rest = json.loads(base64.b64decode(token, validate=True))
    except (ValueError, TypeError):
        raise _invalid("Invalid token") from None
    if rest != list(wanted) or not isinstance(position, int):
        raise _invalid("Invalid token")
    return position


def _prefix(cluster: Cluster[Service]) -> str:
    return f"{cluster.arn.replace(':cluster/', ':task/')}/"


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)
