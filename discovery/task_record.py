"""What a person needs of a task or container instance, in one shape for both sources. Pure.

An ECS event's `detail` and a DescribeTasks answer differ in three ways: the event writes times as
text and the answer as seconds since the epoch, they name attachment types differently, and the
event lacks the health. All else is read alike.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, Union

from discovery.lenient import (
    count,
    cut,
    id_of,
    integer,
    json_array,
    mappings,
    seconds,
    text,
    version,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 1000  # bytes of a record as JSON, so that 5,000 tasks stay under 5 MB

_NAME, _REASON = 255, 1024  # characters, as ECS limits them
_CONTAINERS = 10  # as ECS limits a task definition
# Characters of a reason, a digest and a name: as they were read, and ever shorter until all fits.
_CUTS = (
    (_REASON, 80, _NAME),
    (400, 80, 100),
    (400, 19, 60),  # sha256: and 12 digits, as Docker shortens a digest
    (200, 19, 60),
    (80, 19, 40),
    (24, 0, 20),
    (0, 0, 10),
)


class ContainerRecord(NamedTuple):
    name: str
    exit_code: int | None = None
    reason: str = ""
    image_digest: str = ""
    last_status: str = ""


class TaskRecord(NamedTuple):
    """A task as one version of it was. Times are in seconds since the epoch; "": not known."""

    id: str
    version: int = 0
    last_status: str = ""
    desired_status: str = ""
    created: float | None = None
    started: float | None = None
    stopping: float | None = None
    stopped: float | None = None
    health: str = ""
    stop_code: str = ""
    stopped_reason: str = ""
    containers: tuple[ContainerRecord, ...] = ()
    task_definition: str = ""  # family:revision
    zone: str = ""
    instance: str = ""  # container instance id
    launch_type: str = ""
    started_by: str = ""
    group: str = ""
    address: str = ""


class InstanceRecord(NamedTuple):
    """A container instance as one version of it was; CPU in units, memory in MiB."""

    id: str
    version: int = 0
    status: str = ""
    agent_connected: bool | None = None
    running_tasks: int | None = None
    pending_tasks: int | None = None
    remaining_cpu: int | None = None
    remaining_memory: int | None = None
    ec2_instance_id: str = ""
    updated: float | None = None  # seconds since the epoch; only events say it


Record = Union[TaskRecord, InstanceRecord]
R = TypeVar("R", TaskRecord, InstanceRecord)


def task_record(source: Any) -> TaskRecord | None:
    """The task in an ECS Task State Change's `detail` or in a DescribeTasks answer.

    None if it names no task; whatever else is odd is left out.
    """
    if not isinstance(source, Mapping) or not id_of(source.get("taskArn")):
        return None
    containers = mappings(source.get("containers"))[:_CONTAINERS]
    return _fitting(
        TaskRecord(
            id=id_of(source.get("taskArn")),
            version=version(source.get("version")),
            last_status=text(source.get("lastStatus")),
            desired_status=text(source.get("desiredStatus")),
            created=seconds(source.get("createdAt")),
            started=seconds(source.get("startedAt")),
            stopping=seconds(source.get("stoppingAt")),
            stopped=seconds(source.get("stoppedAt")),
            health=text(source.get("healthStatus"), len("UNHEALTHY")),
            stop_code=text(source.get("stopCode")),
            stopped_reason=text(source.get("stoppedReason"), _REASON),
            containers=tuple(_container(each) for each in containers),
            task_definition=id_of(source.get("taskDefinitionArn")),
            zone=text(source.get("availabilityZone")),
            instance=id_of(source.get("containerInstanceArn")),
            launch_type=text(source.get("launchType")),
            started_by=text(source.get("startedBy"), 128),
            group=text(source.get("group"), _NAME),
            address=next(_addresses(source), ""),
        )
    )


def instance_record(source: Any) -> InstanceRecord | None:
    """The instance in a Container Instance State Change or a DescribeContainerInstances answer.

    None if it names no instance; whatever else is odd is left out.
    """
    if not isinstance(source, Mapping) or not id_of(source.get("containerInstanceArn")):
        return None
    connected = source.get("agentConnected")
    remaining = {
        each.get("name"): count(each.get("integerValue"))
        for each in mappings(source.get("remainingResources"))
        if isinstance(each.get("name"), str)
    }
    return InstanceRecord(
        id=id_of(source.get("containerInstanceArn")),
        version=version(source.get("version")),
        status=text(source.get("status")),
        agent_connected=connected if isinstance(connected, bool) else None,
        running_tasks=count(source.get("runningTasksCount")),
        pending_tasks=count(source.get("pendingTasksCount")),
        remaining_cpu=remaining.get("CPU"),
        remaining_memory=remaining.get("MEMORY"),
        ec2_instance_id=text(source.get("ec2InstanceId")),
        updated=seconds(source.get("updatedAt")),
    )


def newer(held: R, arrived: R) -> R:
    """The one to keep: `held` itself if the other is no news.

    A higher version replaces a lower one. An equal one only fills what is blank, as an event lacks
    what a description has, and brings a task's health, which changes without a new version.
    """
    if arrived.version != held.version or arrived.id != held.id:
        return arrived if arrived.id == held.id and arrived.version > held.version else held
    filled = held._replace(**_blanks(held, arrived))
    if isinstance(filled, TaskRecord) and isinstance(arrived, TaskRecord):
        filled = _fitting(
            filled._replace(
                health=arrived.health or filled.health,
                containers=_filled(filled.containers, arrived.containers),
            )
        )
    return held if filled == held else filled


def to_json(record: Record) -> str:
    """The record as a JSON array of its fields in order: at most LARGEST bytes, version second."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def task_from_json(raw: str | bytes) -> TaskRecord | None:
    """What to_json wrote, by this version of the code or another; None if it cannot be read."""
    fields = dict(zip(TaskRecord._fields, json_array(raw)))
    if not text(fields.get("id")):
        return None
    for name, value in fields.items():
        if name in ("created", "started", "stopping", "stopped"):
            fields[name] = seconds(value)
        elif name not in ("version", "containers"):
            fields[name] = text(value, _REASON)
    fields["version"] = version(fields.get("version"))
    rows = fields.get("containers")
    rows = rows[:_CONTAINERS] if isinstance(rows, list) else []
    fields["containers"] = tuple(_container_row(row) for row in rows if isinstance(row, list))
    return _fitting(TaskRecord(**fields))


def instance_from_json(raw: str | bytes) -> InstanceRecord | None:
    """What to_json wrote, by this version of the code or another; None if it cannot be read."""
    fields = dict(zip(InstanceRecord._fields, json_array(raw)))
    if not text(fields.get("id")):
        return None
    for name, value in fields.items():
        if name in ("id", "status", "ec2_instance_id"):
            fields[name] = text(value)
        elif name == "agent_connected":
            fields[name] = value if isinstance(value, bool) else None
        elif name == "updated":
            fields[name] = seconds(value)
        elif name != "version":
            fields[name] = count(value)
    fields["version"] = version(fields.get("version"))
    return InstanceRecord(**fields)


def _container(source: Mapping[str, Any]) -> ContainerRecord:
    return ContainerRecord(
        name=text(source.get("name"), _NAME),
        exit_code=integer(source.get("exitCode")),
        reason=text(source.get("reason"), _REASON),
        image_digest=text(source.get("imageDigest")),
        last_status=text(source.get("lastStatus")),
    )


def _container_row(row: list[Any]) -> ContainerRecord:
    name, code, reason, digest, status = (*row, *[None] * 5)[:5]
    return ContainerRecord(
        text(name, _NAME), integer(code), text(reason, _REASON), text(digest), text(status)
    )


def _addresses(source: Mapping[str, Any]) -> Iterator[str]:
    """Where the task may be reached, best first: IPv4 before IPv6, the ENI before containers."""
    eni = [
        detail
        for each in mappings(source.get("attachments"))
        if each.get("type") in ("eni", "ElasticNetworkInterface")
        for detail in mappings(each.get("details"))
    ]
    nets = [
        net
        for each in mappings(source.get("containers"))
        for net in mappings(each.get("networkInterfaces"))
    ]
    for of_eni, of_net in (("privateIPv4Address", "privateIpv4Address"), ("ipv6Address",) * 2):
        yield from filter(None, (text(d.get("value")) for d in eni if d.get("name") == of_eni))
        yield from filter(None, (text(net.get(of_net)) for net in nets))


def _fitting(record: TaskRecord) -> TaskRecord:
    """The record with its texts cut until its JSON has at most LARGEST bytes."""
    for reason, digest, name in _CUTS:
        shorter = record._replace(
            stopped_reason=cut(record.stopped_reason, reason),
            group=cut(record.group, max(name, 40)),
            containers=tuple(
                each._replace(
                    name=cut(each.name, name),
                    reason=cut(each.reason, reason),
                    image_digest=each.image_digest[:digest].strip(),
                )
                for each in record.containers
            ),
        )
        # An event lacks the health, and shall be cut as its description is.
        if len(to_json(shorter._replace(health="UNHEALTHY")).encode()) <= LARGEST:
            return shorter
    # What is left is of no use to a reader: ids and statuses far beyond what ECS writes.
    return TaskRecord(record.id[:64].strip(), record.version, created=record.created)


def _filled(
    held: tuple[ContainerRecord, ...], arrived: tuple[ContainerRecord, ...]
) -> tuple[ContainerRecord, ...]:
    names = [each.name for each in arrived]  # a name that was cut may stand for two
    theirs = {each.name: each for each in arrived if names.count(each.name) == 1}
    return tuple(each._replace(**_blanks(each, theirs.get(each.name, each))) for each in held)


def _blanks(held: Any, arrived: Any) -> dict[str, Any]:
    """The fields that `held` lacks and `arrived` has; 0 and False are values."""
    return {
        name: theirs
        for name, ours, theirs in zip(held._fields, held, arrived)
        if ours in (None, "", ()) and theirs not in (None, "", ())
    }
