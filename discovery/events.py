"""What an event says. Pure, and strict about what it accepts; `routing` decides what follows.

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
from typing import Any, Union

from discovery.errors import InvalidEventError
from discovery.text import one_line

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
    detail: Mapping[str, Any]
    happened_at: float | None


@dataclass(frozen=True)
class Tick:
    """The schedule's minute."""


@dataclass(frozen=True)
class Manual:
    """A person's or a program's invoke."""

    action: str
    params: Mapping[str, Any]  # without the action
    # The service that an older form of a recycle names; None: it names none.
    cluster_name: str | None = None
    service_name: str | None = None


Event = Union[TaskChange, ServiceChange, InstanceChange, Tick, Manual]


_SHOWN = reprlib.Repr()  # bounded in length and depth
_SHOWN.maxstring = _SHOWN.maxother = 200


def parse(event: Any) -> Event:
    """What the event says. Raises InvalidEventError naming the field that is wrong."""
    if not isinstance(event, Mapping):
        raise invalid("event", event, "a JSON object")
    if "source" not in event and "detail-type" not in event:
        return _manual(event)
    source, kind = event.get("source"), event.get("detail-type")
    if source == "aws.events":
        if kind != "Scheduled Event":
            raise invalid("detail-type", kind, "'Scheduled Event'")
        return Tick()
    if source != "aws.ecs":
        raise invalid("source", source, "'aws.ecs' or 'aws.events'")
    if not isinstance(kind, str) or kind not in _ECS_KINDS:
        raise invalid("detail-type", kind, " or ".join(map(repr, _ECS_KINDS)))
    return _ECS_KINDS[kind](event)


# The fields of each manual action; None: they are checked where the capability is loaded.
_MANUAL = {
    "sync": ("dry_run",),
    "status": ("dry_run",),
    "recycle": None,
    "diagnose": None,
    "history": ("task", "since", "stopped"),
}
# The form that an older recycling function took.
_OLDER = ("cluster_name", "service_name", "maintain_service_state", "wait_time")


def _manual(event: Mapping[str, Any]) -> Event:
    if "action" not in event and "service_name" in event:
        return _older_recycle(event)
    action = event.get("action", "sync")
    if not isinstance(action, str) or action not in _MANUAL:
        raise invalid("action", action, " or ".join(map(repr, _MANUAL)))
    params = {str(name): value for name, value in event.items() if name != "action"}
    fields = _MANUAL[action]
    for name in params if fields is not None else ():
        if name not in (fields or ()):
            expected = f"no such field: {action} takes {', '.join(fields or ())}"
            raise invalid(name, params[name], expected)
    if not isinstance(params.get("dry_run", False), bool):
        raise invalid("dry_run", params["dry_run"], "true or false")
    return Manual(action, params)


def _older_recycle(event: Mapping[str, Any]) -> Event:
    for name in event:
        if name not in _OLDER:
            raise invalid(str(name), event[name], f"no such field beside {', '.join(_OLDER)}")
    for name in ("cluster_name", "service_name"):
        if not isinstance(event.get(name), str):
            raise invalid(name, event.get(name), "text")
    params = {name: event[name] for name in _OLDER[2:] if name in event}
    return Manual("recycle", params, event["cluster_name"], event["service_name"])


def _task_change(event: Mapping[str, Any]) -> Event:
    detail = _detail(event)
    # A standalone task's group is `family:NAME`, or any text that RunTask was given.
    group = detail.get("group")
    if group is not None and not isinstance(group, str):
        raise invalid("detail.group", group, "text")
    return TaskChange(text(detail, "clusterArn"), group, detail, moment(event.get("time")))


def _service_change(event: Mapping[str, Any]) -> Event:
    """Service Action and Deployment State Change name their service in `resources`."""
    resources = event.get("resources")
    arn = resources[0] if isinstance(resources, (list, tuple)) and resources else None
    if not isinstance(arn, str) or ":service/" not in arn:
        raise invalid("resources[0]", arn, "the ARN of a service")
    prefix, _, path = arn.partition(":service/")
    *cluster, name = path.split("/")
    detail = _detail(event)
    # ARNs from before 2018 lack the cluster; a Service Action names it in the detail, too.
    if "clusterArn" in detail:
        cluster_arn: str | None = text(detail, "clusterArn")
    else:
        cluster_arn = f"{prefix}:cluster/{cluster[0]}" if cluster else None
    what = str(detail.get("eventName") or event["detail-type"])
    return ServiceChange(cluster_arn, name, what, moment(event.get("time")))


def _instance_change(event: Mapping[str, Any]) -> Event:
    detail = _detail(event)
    return InstanceChange(text(detail, "clusterArn"), detail, moment(event.get("time")))


_ECS_KINDS = {
    "ECS Task State Change": _task_change,
    "ECS Service Action": _service_change,
    "ECS Deployment State Change": _service_change,
    "ECS Container Instance State Change": _instance_change,
}


def _detail(event: Mapping[str, Any]) -> dict[str, Any]:
    detail = event.get("detail")
    if not isinstance(detail, dict):
        raise invalid("detail", detail, "a JSON object")
    return detail


def text(detail: Mapping[str, Any], name: str) -> str:
    value = detail.get(name)
    if not isinstance(value, str) or not value:
        raise invalid(f"detail.{name}", value, "text")
    return value


def task_id(arn: str) -> str:
    found = re.fullmatch(r"arn:[^:]+:ecs:[^:]*:[^:]*:task/(?:[^/]+/)?([A-Za-z0-9-]+)", arn)
    if not found:
        raise invalid("detail.taskArn", arn, "the ARN of a task")
    return found.group(1)


def plain(value: Any) -> str:
    return one_line(value) if isinstance(value, (str, int)) else "None"


def moment(value: Any) -> float | None:
    """Only the metric needs it, so a time that cannot be read is no error."""
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    except (AttributeError, ValueError, OverflowError):
        return None


def invalid(field: str, value: Any, expected: str) -> InvalidEventError:
    """The error for a field that holds something else than expected."""
    return InvalidEventError(
        f"Invalid event: {one_line(field, 100)} is {one_line(_SHOWN.repr(value), 200)}, expected "
        f"{expected}. Nothing was read or written. Correct the rule or the caller that sends it."
    )
