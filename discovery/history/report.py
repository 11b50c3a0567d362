"""The answer: what is kept, newest change first, and each stop explained. Pure."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from discovery.model import STOPPED, Outcome
from discovery.stops import explain, stop_of
from discovery.task_record import TaskRecord, instance_from_json, task_from_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from discovery.history.request import Query
    from discovery.task_record import ContainerRecord, InstanceRecord

# Bytes. Lambda's answer holds 6,291,556 of them:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LIMIT = 5_500_000


class Item(NamedTuple):
    """One task or instance of the answer."""

    changed: float  # seconds since the epoch
    kind: str  # tasks or instances, as the answer names them
    shown: dict[str, Any]


def answer(
    tasks: Iterable[str], instances: Iterable[str], query: Query, now: float, limit: int = LIMIT
) -> dict[str, Any]:
    """The contract's answer from the records' texts, as much of it as `limit` bytes hold."""
    items = [*_tasks(tasks, query, now), *_instances(instances, query, now)]
    items.sort(key=lambda item: item.changed, reverse=True)
    shown: dict[str, list[dict[str, Any]]] = {"tasks": [], "instances": []}
    cut = {"tasks": 0, "instances": 0}
    left = limit
    for item in items:
        left -= len(json.dumps(item.shown)) + len(", ")
        if left < 0:
            cut[item.kind] += 1
        else:
            shown[item.kind].append(item.shown)
    return {"outcome": Outcome.HISTORY.value, "at": iso(now), **shown, "cut": cut}


def iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{moment.isoformat(timespec='milliseconds')[:-6]}Z"


def _tasks(texts: Iterable[str], query: Query, now: float) -> Iterator[Item]:
    for text in texts:
        record = task_from_json(text)
        if record is None or (query.stopped and record.last_status != STOPPED):
            continue
        times = (record.created, record.started, record.stopping, record.stopped)
        changed = max(each or 0.0 for each in times)
        if _recent(changed, query, now):
            yield Item(changed, "tasks", task(record))


def _instances(texts: Iterable[str], query: Query, now: float) -> Iterator[Item]:
    for text in () if query.stopped else texts:
        record = instance_from_json(text)
        changed = (record and record.updated) or 0.0
        if record and _recent(changed, query, now):
            yield Item(changed, "instances", instance(record))


def _recent(changed: float, query: Query, now: float) -> bool:
    return query.since is None or changed >= now - query.since * 60


def task(record: TaskRecord) -> dict[str, Any]:
    """A task as people read it; what ECS has not said is left out."""
    times = {
        f"{name}_at": iso(at)
        for name in ("created", "started", "stopping", "stopped")
        if (at := getattr(record, name)) is not None
    }
    shown = _filled(
        task=record.id,
        version=record.version,
        task_definition=record.task_definition,
        last_status=record.last_status,
        desired_status=record.desired_status,
        health=record.health,
        **times,
        address=record.address,
        zone=record.zone,
        launch_type=record.launch_type,
        instance=record.instance,
        started_by=record.started_by,
        containers=[_container(each) for each in record.containers],
    )
    if STOPPED in (record.last_status, record.desired_status) or record.stop_code:
        shown["stop"] = _stop(record)
    return shown


def instance(record: InstanceRecord) -> dict[str, Any]:
    """A container instance as people read it."""
    return _filled(
        instance=record.id,
        version=record.version,
        status=record.status,
        agent_connected=record.agent_connected,
        running_tasks=record.running_tasks,
        pending_tasks=record.pending_tasks,
        remaining_cpu=record.remaining_cpu,
        remaining_memory=record.remaining_memory,
        ec2_instance_id=record.ec2_instance_id,
        updated_at=None if record.updated is None else iso(record.updated),
    )


def _stop(record: TaskRecord) -> dict[str, Any]:
    """ECS's own words, and ours beside them."""
    theirs = {"stop_code": record.stop_code, "stopped_reason": record.stopped_reason}
    return {**theirs, **explain(stop_of(record))._asdict()}


def _container(record: ContainerRecord) -> dict[str, Any]:
    return _filled(**record._asdict())


def _filled(**fields: Any) -> dict[str, Any]:
    """The fields that say something; 0 and False do."""
    return {name: value for name, value in fields.items() if value not in (None, "", [])}
