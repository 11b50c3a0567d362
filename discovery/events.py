"""From an event to an action, in two pure steps: `parse` reads the event, `route` decides.

Events arrive at least once and in any order, so an event proves nothing about the service: each
one only says "look again". The one exception is a task that is stopping, as that is final.
Shapes: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_cwe_events.html
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Union

from discovery.errors import InvalidEventError
from discovery.model import RUNNING, STOPPED, STOPPING_STATES
from discovery.text import one_line

if TYPE_CHECKING:
    from discovery.settings import ServiceSettings


# What an event says.


@dataclass(frozen=True)
class TaskChange:
    """An ECS Task State Change."""

    cluster_arn: str
    group: str | None  # service:NAME for a service's task
    detail: Mapping[str, Any]  # read once the event is known to be ours
    time: float | None  # when it was sent, in seconds since the epoch


@dataclass(frozen=True)
class ServiceChange:
    """An ECS Service Action or Deployment State Change."""

    cluster_arn: str | None
    service: str  # name
    what: str
    happened_at: float | None


@dataclass(frozen=True)
class InstanceChange:
    """An ECS Container Instance State Change."""

    cluster_arn: str
    happened_at: float | None


@dataclass(frozen=True)
class Tick:
    """The schedule's minute."""


@dataclass(frozen=True)
class Manual:
    """A person's or a program's invoke."""

    action: str
    dry_run: bool


Event = Union[TaskChange, ServiceChange, InstanceChange, Tick, Manual]


# What is done about it.


@dataclass(frozen=True)
class Sync:
    """List, probe and publish; first withdraw the task `stopping`, if there is one."""

    reason: str
    stopping: str | None = None  # task id
    new_task_ids: frozenset[str] = frozenset()  # tasks that ECS will probably list
    dry_run: bool = False
    happened_at: float | None = None  # seconds since the epoch
    log_fields: str = ""  # of a task's change
    shared: bool = False  # every stack of the cluster gets this event at the same instant


@dataclass(frozen=True)
class Status:
    """Answer with what Redis holds."""


@dataclass(frozen=True)
class Ignore:
    """An event of something else."""

    reason: str


Action = Union[Sync, Status, Ignore]


def route(event: Event, service: ServiceSettings) -> Action:
    """The action for an event. Events of other clusters and services are ignored.

    Raises InvalidEventError naming a field of our service's event that is wrong.
    """
    if isinstance(event, Tick):
        return Sync("the schedule")
    if isinstance(event, Manual):
        return _route_manual(event)
    return _foreign(event, service) or _route_ours(event)


def _route_manual(event: Manual) -> Action:
    if event.action == "status":
        return Status()
    return Sync("a manual invoke", dry_run=event.dry_run)


def _route_ours(event: TaskChange | ServiceChange | InstanceChange) -> Action:
    if isinstance(event, TaskChange):
        return _route_task(event.detail, event.time)
    if isinstance(event, InstanceChange):
        return Sync("a container instance changed", happened_at=event.happened_at, shared=True)
    return Sync(f"the service reports {one_line(event.what)}", happened_at=event.happened_at)


def _route_task(detail: Mapping[str, Any], sent_at: float | None) -> Action:
    task = _task_id(_text(detail, "taskArn"))
    last, desired = _text(detail, "lastStatus"), _text(detail, "desiredStatus")
    stopping = desired == STOPPED or last in STOPPING_STATES
    return Sync(
        "a task state change:",
        stopping=task if stopping else None,
        new_task_ids=frozenset({task} if last == desired == RUNNING else ()),
        happened_at=_time(detail.get("updatedAt")) or sent_at,
        log_fields="".join(f" {name}={_plain(detail.get(name))}" for name in _LOGGED),
    )


def _foreign(
    event: TaskChange | ServiceChange | InstanceChange, service: ServiceSettings
) -> Ignore | None:
    """Why the event is not one of our service's; None: it is."""
    if event.cluster_arn is not None:
        # Only an ARN in the settings distinguishes regions and accounts.
        ours = service.cluster if ":" in service.cluster else service.cluster_name
        theirs = event.cluster_arn if ":" in ours else event.cluster_arn.rsplit("/", 1)[-1]
        if theirs != ours:
            return Ignore(f"of cluster {one_line(repr(theirs))}, not {ours!r}")
    name = service.service_name
    if isinstance(event, TaskChange) and event.group != f"service:{name}":
        return Ignore(f"of group {one_line(repr(event.group))}, not of service {name!r}")
    if isinstance(event, ServiceChange) and event.service != name:
        return Ignore(f"of service {one_line(repr(event.service))}, not {name!r}")
    return None


_LOGGED = ("taskArn", "lastStatus", "desiredStatus", "version", "stopCode", "stoppedReason")

_SHOWN = reprlib.Repr()  # bounded in length and depth
_SHOWN.maxstring = _SHOWN.maxother = 200


def parse(event: Any) -> Event:
    """What the event says. Raises InvalidEventError naming the field that is wrong."""
    if not isinstance(event, Mapping):
        raise _invalid("event", event, "a JSON object")
    if "source" not in event and "detail-type" not in event:
        return _manual(event)
    source, kind = event.get("source"), event.get("detail-type")
    if source == "aws.events":
        if kind != "Scheduled Event":
            raise _invalid("detail-type", kind, "'Scheduled Event'")
        return Tick()
    if source != "aws.ecs":
        raise _invalid("source", source, "'aws.ecs' or 'aws.events'")
    if not isinstance(kind, str) or kind not in _ECS_KINDS:
        raise _invalid("detail-type", kind, " or ".join(map(repr, _ECS_KINDS)))
    return _ECS_KINDS[kind](event)


def _manual(event: Mapping[str, Any]) -> Event:
    for field in event:
        if field not in ("action", "dry_run"):
            raise _invalid(
                str(field), event[field], "no such field: a manual event has action and dry_run"
            )
    action, dry_run = event.get("action", "sync"), event.get("dry_run", False)
    if action not in ("sync", "status"):
        raise _invalid("action", action, "'sync' or 'status'")
    if not isinstance(dry_run, bool):
        raise _invalid("dry_run", dry_run, "true or false")
    return Manual(action, dry_run)


def _task_change(event: Mapping[str, Any]) -> Event:
    detail = _detail(event)
    # A standalone task's group is `family:NAME`, or any text that RunTask was given.
    group = detail.get("group")
    if group is not None and not isinstance(group, str):
        raise _invalid("detail.group", group, "text")
    return TaskChange(_text(detail, "clusterArn"), group, detail, _time(event.get("time")))


def _service_change(event: Mapping[str, Any]) -> Event:
    """Service Action and Deployment State Change name their service in `resources`."""
    resources = event.get("resources")
    arn = resources[0] if isinstance(resources, (list, tuple)) and resources else None
    if not isinstance(arn, str) or ":service/" not in arn:
        raise _invalid("resources[0]", arn, "the ARN of a service")
    prefix, _, path = arn.partition(":service/")
    *cluster, name = path.split("/")
    detail = _detail(event)
    # ARNs from before 2018 lack the cluster; a Service Action names it in the detail, too.
    if "clusterArn" in detail:
        cluster_arn: str | None = _text(detail, "clusterArn")
    else:
        cluster_arn = f"{prefix}:cluster/{cluster[0]}" if cluster else None
    what = str(detail.get("eventName") or event["detail-type"])
    return ServiceChange(cluster_arn, name, what, _time(event.get("time")))


def _instance_change(event: Mapping[str, Any]) -> Event:
    return InstanceChange(_text(_detail(event), "clusterArn"), _time(event.get("time")))


_ECS_KINDS = {
    "ECS Task State Change": _task_change,
    "ECS Service Action": _service_change,
    "ECS Deployment State Change": _service_change,
    "ECS Container Instance State Change": _instance_change,
}


def _detail(event: Mapping[str, Any]) -> dict[str, Any]:
    detail = event.get("detail")
    if not isinstance(detail, dict):
        raise _invalid("detail", detail, "a JSON object")
    return detail


def _text(detail: Mapping[str, Any], name: str) -> str:
    value = detail.get(name)
    if not isinstance(value, str) or not value:
        raise _invalid(f"detail.{name}", value, "text")
    return value


def _task_id(arn: str) -> str:
    found = re.fullmatch(r"arn:[^:]+:ecs:[^:]*:[^:]*:task/(?:[^/]+/)?([A-Za-z0-9-]+)", arn)
    if not found:
        raise _invalid("detail.taskArn", arn, "the ARN of a task")
    return found.group(1)


def _plain(value: Any) -> str:
    return one_line(value) if isinstance(value, (str, int)) else "None"


def _time(value: Any) -> float | None:
    """Only the metric needs it, so a time that cannot be read is no error."""
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    except (AttributeError, ValueError, OverflowError):
        return None


def _invalid(field: str, value: Any, expected: str) -> InvalidEventError:
    return InvalidEventError(
        f"Invalid event: {one_line(field, 100)} is {one_line(_SHOWN.repr(value), 200)}, expected "
        f"{expected}. Nothing was read or written. Correct the rule or the caller that sends it."
    )
