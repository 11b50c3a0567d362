"""From what ECS says of a task or container instance to what is kept of it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Callable

from discovery.lenient import LONGEST_READ, mappings
from discovery.model import STOPPED, StoredChange
from discovery.stop_codes import GONE
from discovery.task_record import InstanceRecord, TaskRecord, instance_record, task_record, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from discovery.task_record import Record

    Mask = Callable[[str], str]

# ECS refuses a whole DescribeTasks call for one id of another length.
_ID = re.compile(r"[A-Za-z0-9-]{32}|[A-Za-z0-9-]{36}")


def of_event(detail: Mapping[str, Any], mask: Mask) -> StoredChange | None:
    """What a task's or an instance's event says. None: it names none that ECS could have."""
    record: Record | None = of_task(detail, mask) or instance_record(detail)
    return change(record) if record and _ID.fullmatch(record.id) else None


def of_task(source: Mapping[str, Any], mask: Mask) -> TaskRecord | None:
    """The record of an event's or a description's task, without secrets in its reasons.

    A pull error quotes a signed URL at times. It is masked before the reason is cut, as half a
    signature cannot be known for one.
    """
    record = task_record(_masked(source, mask))
    return record if record and _ID.fullmatch(record.id) else None


def change(record: Record, expected: str = "") -> StoredChange:
    """The change that keeps a record; `expected` is the text from which it was made."""
    if isinstance(record, InstanceRecord):
        kind, ended, at = "instance", record.status == "INACTIVE", record.updated
    else:
        kind, ended, at = "task", record.last_status == STOPPED, record.stopped
    stopped = (at or 0.0) if ended else None
    return StoredChange(kind, record.id, record.version, to_json(record), stopped, expected)


def gone(record: TaskRecord, now: float) -> TaskRecord:
    """The record of a task that ECS does not know any more, though it was not seen to stop."""
    return record._replace(
        last_status=STOPPED, desired_status=STOPPED, stopped=now, stopped_reason=GONE, stop_code=""
    )


def _masked(source: Mapping[str, Any], mask: Mask) -> Mapping[str, Any]:
    containers = mappings(source.get("containers"))
    if not source.get("stoppedReason") and not any(each.get("reason") for each in containers):
        return source
    masked = [_with_masked(each, "reason", mask) for each in containers]
    return {**_with_masked(source, "stoppedReason", mask), "containers": masked}


def _with_masked(source: Mapping[str, Any], name: str, mask: Mask) -> dict[str, Any]:
    text = source.get(name)
    masked = {name: mask(text[:LONGEST_READ])} if isinstance(text, str) else {}
    return {**source, **masked}
