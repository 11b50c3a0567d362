"""The action that follows from an event, by whose event it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Union

from discovery.events import (
    InstanceChange,
    Manual,
    ServiceChange,
    TaskChange,
    Tick,
    invalid,
    moment,
    plain,
    task_id,
    text,
)
from discovery.model import RUNNING, STOPPED, STOPPING_STATES
from discovery.text import bare_urls, last_segment, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from discovery.events import Event
    from discovery.settings import ServiceSettings

_LOGGED = ("taskArn", "lastStatus", "desiredStatus", "version", "stopCode", "stoppedReason")


@dataclass(frozen=True)
class Sync:
    """List, probe and publish; first withdraw the task `stopping`, if there is one."""

    reason: str
    stopping: str | None = None  # task id
    new_task_ids: frozenset[str] = frozenset()  # tasks that ECS will probably list
    dry_run: bool = False
    happened_at: float | None = None  # seconds since the epoch
    log_fields: str = ""  # of a task's change
    scheduled: bool = False
    # Look at each task, and not only at those that may have changed.
    full: bool = False
    shared: bool = False  # every stack of the cluster gets this event at the same instant
    # The task or the container instance as its event shows it.
    changed: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Status:
    """Answer with what Redis holds."""


@dataclass(frozen=True)
class Recycle:
    """Start a recycle of the service, show the one that goes on, or command it."""

    params: Mapping[str, Any]


@dataclass(frozen=True)
class Diagnose:
    """Look at the service and answer what is wrong with it."""

    params: Mapping[str, Any]


@dataclass(frozen=True)
class History:
    """Answer with the latest state of the tasks and instances."""

    params: Mapping[str, Any]


@dataclass(frozen=True)
class Ignore:
    """An event of something else."""

    reason: str


Action = Union[Sync, Status, Recycle, Diagnose, History, Ignore]


def route(event: Event, service: ServiceSettings) -> Action:
    """The action for an event. Events of other clusters and services are ignored.

    Raises InvalidEventError naming a field of our service's event that is wrong.
    """
    if isinstance(event, Tick):
        return Sync("the schedule", scheduled=True, full=True)
    if isinstance(event, Manual):
        return _route_manual(event, service)
    return _foreign(event, service) or _route_ours(event)


def _route_manual(event: Manual, service: ServiceSettings) -> Action:
    if event.action == "status":
        return Status()
    if event.action == "diagnose":
        return Diagnose(event.params)
    if event.action == "history":
        return History(event.params)
    if event.action == "recycle":
        for field, named, ours in (
            ("cluster_name", event.cluster_name, (service.cluster, service.cluster_name)),
            ("service_name", event.service_name, (service.service, service.service_name)),
        ):
            if named is not None and named not in ours:
                raise invalid(field, named, repr(ours[-1]))
        return Recycle(event.params)
    dry_run = bool(event.params.get("dry_run", False))
    return Sync("a manual invoke", dry_run=dry_run, full=True)


def _route_ours(event: TaskChange | ServiceChange | InstanceChange) -> Action:
    if isinstance(event, TaskChange):
        return _route_task(event.detail, event.time)
    if isinstance(event, InstanceChange):
        return Sync(
            "a container instance changed",
            happened_at=event.happened_at,
            shared=True,
            changed=event.detail,
        )
    return Sync(f"the service reports {one_line(event.what)}", happened_at=event.happened_at)


def _route_task(detail: Mapping[str, Any], sent_at: float | None) -> Action:
    task = task_id(text(detail, "taskArn"))
    last, desired = text(detail, "lastStatus"), text(detail, "desiredStatus")
    stopping = desired == STOPPED or last in STOPPING_STATES
    return Sync(
        "a task state change:",
        stopping=task if stopping else None,
        new_task_ids=frozenset({task} if last == desired == RUNNING else ()),
        happened_at=moment(detail.get("updatedAt")) or sent_at,
        log_fields="".join(f" {name}={_logged(detail.get(name))}" for name in _LOGGED),
        changed=detail,
    )


def _logged(value: Any) -> str:
    return plain(bare_urls(value) if isinstance(value, str) else value)


def _foreign(
    event: TaskChange | ServiceChange | InstanceChange, service: ServiceSettings
) -> Ignore | None:
    """Why the event is not one of our service's; None: it is."""
    if event.cluster_arn is not None:
        # Only an ARN in the settings distinguishes regions and accounts.
        ours = service.cluster if ":" in service.cluster else service.cluster_name
        theirs = event.cluster_arn if ":" in ours else last_segment(event.cluster_arn)
        if theirs != ours:
            return Ignore(f"of cluster {one_line(repr(theirs))}, not {ours!r}")
    name = service.service_name
    if isinstance(event, TaskChange) and event.group != f"service:{name}":
        return Ignore(f"of group {one_line(repr(event.group))}, not of service {name!r}")
    if isinstance(event, ServiceChange) and event.service != name:
        return Ignore(f"of service {one_line(repr(event.service))}, not {name!r}")
    return None
