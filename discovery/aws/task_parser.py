"""DescribeTasks' answers, reduced to what a run needs, and checked for completeness. Pure.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from discovery.errors import EcsError
from discovery.model import Endpoint, Task
from discovery.text import last_segment, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from discovery.model import ServiceRef


class Described(NamedTuple):
    """A batch of tasks, as far as DescribeTasks found them."""

    tasks: list[Task]
    missing: list[str]  # ids


def complete(
    service: ServiceRef,
    arns: Sequence[str],
    known: Mapping[str, Task],
    prefetched: Mapping[str, Mapping[str, Any]],
    answer: Mapping[str, Any],
) -> Described:
    """Each of the listed tasks, from the answer or from what was prefetched (by ARN).

    Of a task that is `known` (by id) only its status is read.

    Raises EcsError if the answer leaves a task out, or fails for one in another way than
    MISSING: what is left is then no snapshot.
    """
    raw = required_list(service, answer, "ecs:DescribeTasks", "tasks")
    failures = answer.get("failures") or []
    try:
        for failure in failures:
            if failure.get("reason") != "MISSING":
                why = f"{failure.get('reason')} ({failure.get('detail')})"
                raise EcsError(
                    f"ecs:DescribeTasks for {service} failed for {one_line(failure.get('arn'))} "
                    f"with {one_line(why)}: nothing is published"
                )
        found = {each.get("taskArn"): each for each in raw}
        answered = found.keys() | {each.get("arn") for each in failures}
        missing = [last_segment(failure.get("arn", "")) for failure in failures]
        found.update(prefetched)
        tasks = [
            updated(task, found[arn])
            if (task := known.get(last_segment(arn)))
            else parse(found[arn], service.port)
            for arn in arns
            if arn in found
        ]
    except (AttributeError, TypeError) as error:
        raise EcsError(
            f"ecs:DescribeTasks for {service} answered with something that is no task "
            f"({one_line(error)}): nothing is published; the next run tries again"
        ) from error
    lacking = set(arns) - prefetched.keys() - answered
    if lacking:
        raise EcsError(
            f"ecs:DescribeTasks for {service} left out {len(lacking)} of {len(arns)} tasks: "
            "nothing is published; the next run tries again"
        )
    return Described(tasks, missing)


def arns_by_id(service: ServiceRef, answer: Mapping[str, Any]) -> dict[str, str]:
    """The tasks of a page of ListTasks. Raises EcsError."""
    arns = required_list(service, answer, "ecs:ListTasks", "taskArns")
    if not all(isinstance(arn, str) for arn in arns):
        raise EcsError(
            f"ecs:ListTasks for {service} answered with something that is no ARN: nothing is "
            "published; the next run tries again"
        )
    return {last_segment(arn): arn for arn in arns}


def required_list(
    service: ServiceRef, answer: Mapping[str, Any], operation: str, field: str
) -> list[Any]:
    """A list that every complete answer has. Its absence is an error, not an empty list."""
    value = answer.get(field)
    if not isinstance(value, list):
        raise EcsError(
            f"{operation} for {service} answered without {field}: nothing is published; "
            "the next run tries again"
        )
    return value


def updated(task: Task, raw: Mapping[str, Any]) -> Task:
    """A known task as it is described now. Its address and name are those it was created with."""
    now = (raw.get("lastStatus", ""), raw.get("desiredStatus", ""), raw.get("healthStatus", ""))
    if now == (task.last_status, task.desired_status, task.health_status):
        return task
    return task._replace(last_status=now[0], desired_status=now[1], health_status=now[2])


def parse(raw: Mapping[str, Any], port: int) -> Task:
    """One task. Unexpected attachments and absent fields spoil no other task."""
    eni = _eni(raw)
    created = raw.get("createdAt")
    host = next(filter(None, _addresses(raw, eni)), None)
    return Task(
        id=last_segment(raw.get("taskArn", "")),
        name=last_segment(raw.get("taskDefinitionArn", "")),
        last_status=raw.get("lastStatus", ""),
        desired_status=raw.get("desiredStatus", ""),
        health_status=raw.get("healthStatus", ""),
        endpoint=Endpoint(host, port) if host else None,
        eni=eni.get("networkInterfaceId"),
        created_at=created if isinstance(created, (int, float)) else 0.0,
    )


def _eni(raw: Mapping[str, Any]) -> Mapping[str, str]:
    """The ENI's details. Other attachments (Service Connect, EBS) may come before it."""
    for attachment in raw.get("attachments") or []:
        if attachment.get("type") == "ElasticNetworkInterface":
            return {each.get("name"): each.get("value") for each in attachment.get("details") or []}
    return {}


def _addresses(raw: Mapping[str, Any], eni: Mapping[str, str]) -> Iterator[str | None]:
    """The task's addresses, best first: IPv4 before IPv6, the ENI's before the containers'."""
    yield eni.get("privateIPv4Address")
    containers = raw.get("containers") or []
    nets = [net for each in containers for net in each.get("networkInterfaces") or []]
    yield from (net.get("privateIpv4Address") for net in nets)
    yield eni.get("ipv6Address")
    yield from (net.get("ipv6Address") for net in nets)


def eni_address(eni: Mapping[str, Any]) -> str | None:
    ipv6 = [each.get("Ipv6Address") for each in eni.get("Ipv6Addresses", [])]
    return eni.get("PrivateIpAddress") or next(filter(None, ipv6), None)
