"""What requests to ECS have in common: names, and pages."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from simulator.described import TaskState
from simulator.ecs.clusters import Cluster
from simulator.ecs.control_plane import Ecs
from simulator.ecs.services import Service
from simulator.ecs.tasks import Task
from simulator.wire import ApiError

_REMEMBERED = 3600.0  # "Stopped tasks only appear in the returned results for at least one hour"

Parameters = Mapping[str, Any]


def cluster_of(ecs: Ecs, parameters: Parameters) -> Cluster[Service]:
    """The cluster that is meant. Raises ApiError."""
    name = parameters.get("cluster", "default")
    cluster = ecs.clusters.get(name.rpartition("/")[2])
    if cluster is None or name not in (cluster.name, cluster.arn):
        raise ApiError("ClusterNotFoundException", "Cluster not found.")
    return cluster


def find_service(cluster: Cluster[Service], name: str) -> Service | None:
    """The service of this name or ARN."""
    service = cluster.services.get(name.rpartition("/")[2])
    return service if service and name in (service.name, service.arn) else None


def service_of(cluster: Cluster[Service], name: str) -> Service:
    """The service of this name or ARN. Raises ApiError."""
    service = find_service(cluster, name)
    if service is None:
        raise ApiError("ServiceNotFoundException", "Service not found.")
    return service


def find_task(cluster: Cluster[Service], name: str) -> Task | None:
    """The task of this id or ARN, if ECS still remembers it."""
    task = cluster.by_id.get(name.rpartition("/")[2])
    if task is None or task.hidden or name not in (task.id, task.arn):
        return None
    return task if remembers(cluster, task.state) else None


def remembers(cluster: Cluster[Service], state: TaskState) -> bool:
    """Whether ECS still knows a task: for an hour after it has stopped."""
    stopped_at = state.stopped_at
    return stopped_at is None or cluster.region.clock.now() - stopped_at < _REMEMBERED


def task_arn(cluster: Cluster[Service], name: str) -> str:
    """The ARN of a task, known or not, by its id or ARN."""
    prefix = cluster.arn.replace(":cluster/", ":task/")
    return name if name.startswith("arn:") else f"{prefix}/{name}"


def page(
    found: Sequence[str], wanted: tuple[object, ...], parameters: Parameters, size: int
) -> tuple[list[str], str | None]:
    """The part of what was found that the request wants, and the token of the next."""
    start = position(parameters["nextToken"], wanted) if "nextToken" in parameters else 0
    end = start + size
    return list(found[start:end]), token(end, wanted) if end < len(found) else None


def page_size(parameters: Parameters, largest: int, default: int | None = None) -> int:
    """The size of page that the request wants. Raises ApiError."""
    size: int = parameters.get("maxResults", default or largest)
    if not 1 <= size <= largest:
        raise invalid(f"maxResults must be between 1 and {largest}, not {size}")
    return size


def token(position: int, wanted: tuple[object, ...]) -> str:
    """A nextToken that is good for the same listing alone."""
    return base64.b64encode(json.dumps([position, *wanted]).encode()).decode()


def position(token: str, wanted: tuple[object, ...]) -> int:
    """Where a page starts; only a token that this very listing gave is good."""
    try:
        start, *rest = json.loads(base64.b64decode(token, validate=True))
    except (ValueError, TypeError):
        raise invalid("Invalid token") from None
    if rest != list(wanted) or not isinstance(start, int):
        raise invalid("Invalid token")
    return start


def invalid(message: str) -> ApiError:
    """The error that ECS answers a wrong parameter with."""
    return ApiError("InvalidParameterException", message)
