"""From an event to what is to be done: pure, and strict about what it accepts.

Events arrive at least once and in any order, so none is believed about the
state of the service: each only says "look again". The one exception is a task
that was told to stop, which is final.
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
    from discovery.settings import Settings


@dataclass(frozen=True)
class Sync:
    """List, check and publish; first withdraw `stopping`, if it is given."""

    reason: str
    stopping: str | None = None  # task id
    arrived: frozenset[str] = frozenset()  # ids of tasks that will likely be listed
    dry_run: bool = False
    happened_at: float | None = None  # seconds since the epoch
    history: str = ""  # what the log tells of a task's change
    shared: bool = False  # every stack of the cluster gets this event at the same instant


@dataclass(frozen=True)
class Status:
    """Answer with what Redis holds."""


@dataclass(frozen=True)
class Ignore:
    """Somebody else's event."""

    reason: str


Action = Union[Sync, Status, Ignore]

_HISTORY = ("taskArn", "lastStatus", "desiredStatus", "version", "stopCode", "stoppedReason")


_SHOWN = reprlib.Repr()  # bounded in length and depth
_SHOWN.maxstring = _SHOWN.maxother = 200


def parse(event: Any, settings: Settings) -> Action:
    """What the event asks for. Raises InvalidEventError naming the field."""
    if not isinstance(event, Mapping):
        raise _invalid("event", event, "a JSON object")
    if "source" not in event and "detail-type" not in event:
        return _manual(event)
    source, kind = event.get("source"), event.get("detail-type")
    if source == "aws.events":
        if kind != "Scheduled Event":
            raise _invalid("detail-type", kind, "'Scheduled Event'")
        return Sync("the schedule")
    if source != "aws.ecs":
        raise _invalid("source", source, "'aws.ecs' or 'aws.events'")
    if not isinstance(kind, str) or kind not in _ECS_KINDS:
        raise _invalid("detail-type", kind, " or ".join(map(repr, _ECS_KINDS)))
    return _ECS_KINDS[kind](event, settings)


def _manual(event: Mapping[str, Any]) -> Action:
    for field in event:
        if field not in ("action", "dry_run"):
            raise _invalid(str(field), event[field], "nothing: a manual event has action, dry_run")
    action, dry_run = event.get("action", "sync"), event.get("dry_run", False)
    if action not in ("sync", "status"):
        raise _invalid("action", action, "'sync' or 'status'")
    if not isinstance(dry_run, bool):
        raise _invalid("dry_run", dry_run, "true or false")
    if action == "status":
        return Status()
    return Sync("a manual invoke", dry_run=dry_run)


def _task_change(event: Mapping[str, Any], settings: Settings) -> Action:
    detail = _detail(event)
    foreign = _foreign_cluster(_text(detail, "clusterArn"), settings)
    if foreign:
        return foreign
    # A standalone task's group is `family:NAME`, or whatever RunTask was told.
    group = detail.get("group")
    if group is not None and not isinstance(group, str):
        raise _invalid("detail.group", group, "text")
    if group != f"service:{settings.service_name}":
        return Ignore(f"of group {one_line(repr(group))}, not of service {settings.service_name!r}")
    task = _task_id(_text(detail, "taskArn"))
    last, desired = _text(detail, "lastStatus"), _text(detail, "desiredStatus")
    stopping = desired == STOPPED or last in STOPPING_STATES
    return Sync(
        "a task state change:",
        stopping=task if stopping else None,
        arrived=frozenset({task} if last == desired == RUNNING else ()),
        happened_at=_time(detail.get("updatedAt")) or _time(event.get("time")),
        history="".join(f" {name}={_plain(detail.get(name))}" for name in _HISTORY),
    )


def _service_change(event: Mapping[str, Any], settings: Settings) -> Action:
    """Service Action and Deployment State Change name their service in `resources`."""
    resources = event.get("resources")
    arn = resources[0] if isinstance(resources, (list, tuple)) and resources else None
    if not isinstance(arn, str) or ":service/" not in arn:
        raise _invalid("resources[0]", arn, "the ARN of a service")
    prefix, _, path = arn.partition(":service/")
    *cluster, name = path.split("/")
    detail = _detail(event)
    # ARNs from before 2018 lack the cluster; a Service Action tells it beside.
    if "clusterArn" in detail:
        foreign = _foreign_cluster(_text(detail, "clusterArn"), settings)
    else:
        foreign = _foreign_cluster(f"{prefix}:cluster/{cluster[0]}", settings) if cluster else None
    if foreign:
        return foreign
    if name != settings.service_name:
        return Ignore(f"of service {one_line(repr(name))}, not {settings.service_name!r}")
    what = detail.get("eventName") or event["detail-type"]
    return Sync(f"the service reports {one_line(what)}", happened_at=_time(event.get("time")))


def _instance_change(event: Mapping[str, Any], settings: Settings) -> Action:
    foreign = _foreign_cluster(_text(_detail(event), "clusterArn"), settings)
    return foreign or Sync(
        "a container instance changed", happened_at=_time(event.get("time")), shared=True
    )


_ECS_KINDS = {
    "ECS Task State Change": _task_change,
    "ECS Service Action": _service_change,
    "ECS Deployment State Change": _service_change,
    "ECS Container Instance State Change": _instance_change,
}


def _foreign_cluster(arn: str, settings: Settings) -> Ignore | None:
    # Only an ARN in the settings tells regions and accounts apart.
    ours = settings.cluster if ":" in settings.cluster else settings.cluster_name
    theirs = arn if ":" in ours else arn.rsplit("/", 1)[-1]
    return None if theirs == ours else Ignore(f"of cluster {one_line(repr(theirs))}, not {ours!r}")


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
    """Only the metric needs it, so a time that cannot be read spoils nothing."""
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    except (AttributeError, ValueError, OverflowError):
        return None


def _invalid(field: str, held: Any, wanted: str) -> InvalidEventError:
    return InvalidEventError(
        f"The event's field {one_line(field, 100)} holds {one_line(_SHOWN.repr(held), 200)}; "
        f"it must be {wanted}. "
        "Nothing was read or written. Mend the rule or the caller that sends it."
    )
