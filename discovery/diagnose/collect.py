"""Looks at everything at once, and gathers what was seen and what was not.

The order of the calls is that of the critical path: the service names its target groups, the
tasks name their definitions, the definitions name the log groups. All else runs beside it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from discovery.diagnose import log_lines, restarts
from discovery.diagnose.facts import Facts, StoppedTask
from discovery.diagnose.look import Look
from discovery.diagnose.request import LAST_LINES
from discovery.text import last_segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from concurrent.futures import Future

    from discovery.diagnose.look import Sources
    from discovery.diagnose.request import Request
    from discovery.inspection import (
        CertificateView,
        DefinitionView,
        HttpAnswer,
        InspectedService,
        ListView,
        TargetGroupView,
    )
    from discovery.task_record import TaskRecord

T = TypeVar("T")
log = logging.getLogger("discovery.diagnose")

DEFINITIONS = 20  # of one service that are looked at


def collect(sources: Sources, request: Request) -> Facts:
    """The facts of one look. Raises nothing of its own: what cannot be seen is among them."""
    look = Look(sources.deadline)
    try:
        return _collect(sources, request, look)
    finally:
        look.close()


def _collect(sources: Sources, request: Request, look: Look) -> Facts:
    now, checks = sources.now(), request.checks
    log.info("looking at the service, its tasks and its endpoints")
    inspector = sources.inspector
    service_call = look.start(inspector.service)
    tasks = bool({"tasks", "targets", "logs"} & set(checks))
    running_call = look.start(inspector.tasks, "RUNNING") if tasks else None
    stopped_call = look.start(inspector.tasks, "STOPPED") if tasks else None
    since = now - 60 * request.minutes
    history_call = look.start(sources.history, since) if sources.history and tasks else None
    others = _start_others(sources, checks, look)

    service = look.take(service_call, "ecs:DescribeServices")
    if service and "targets" in checks:
        for arn in service.view.target_groups:
            action = "elasticloadbalancing:DescribeTargetHealth"
            others.groups.append((look.start(inspector.target_group, arn), action, arn))
    running = look.take(running_call, "ecs:ListTasks") if running_call else None
    ended = look.take(stopped_call, "ecs:ListTasks") if stopped_call else None
    known = look.take(history_call, "redis", "the history") if history_call else None
    records = _in_window(ended, known, since)
    definitions = _definitions(look, sources, service, running, records)
    stopped = None if records is None else _stopped(records, definitions)
    lines = log_lines.Lines()
    if {"logs", LAST_LINES} & set(checks):
        lines = log_lines.read(look, sources, request, definitions, running, stopped, now)
    facts = Facts(
        now=now,
        minutes=request.minutes,
        service=service.view if service else None,
        running=running,
        stopped=stopped if "tasks" in checks else None,
        definitions=definitions,
        current=last_segment(service.definition) if service else "",
        groups=_seen(look, others.groups) if service and "targets" in checks else None,
        listed=look.take(*others.listed) if others.listed else None,
        endpoints=_seen(look, others.endpoints),
        certificates=_seen(look, others.certificates),
        log_group=lines.log_group,
        logs=lines.report,
        logs_truncated=lines.truncated,
        last_lines=lines.last,
    )
    return replace(facts, unseen=tuple(look.unseen))


@dataclass
class _Others:
    """Calls that no other call waits for: each with its action and resource."""

    endpoints: list[tuple[Future[HttpAnswer], str, str]]
    certificates: list[tuple[Future[CertificateView], str, str]]
    listed: tuple[Future[ListView], str, str] | None
    groups: list[tuple[Future[TargetGroupView], str, str]] = field(default_factory=list)


def _start_others(sources: Sources, checks: tuple[str, ...], look: Look) -> _Others:
    outside = "endpoints" in checks
    urls, hosts = (sources.urls, sources.hosts) if outside else ((), ())
    listed = sources.listed if "list" in checks else None
    return _Others(
        [(look.probe(sources.http, url), "http:GET", url) for url in urls],
        [
            (look.probe(sources.certificate, host, port), "tls:handshake", f"{host}:{port}")
            for host, port in hosts
        ],
        (look.start(listed), "redis:EVALSHA", "the list") if listed else None,
    )


def _in_window(
    ended: tuple[TaskRecord, ...] | None, known: Iterable[TaskRecord] | None, since: float
) -> tuple[TaskRecord, ...] | None:
    """The tasks that stopped since then, newest first: ECS's own and those of the history."""
    if ended is None and known is None:
        return None
    merged: dict[str, TaskRecord] = {}
    for each in (*(known or ()), *(ended or ())):
        held = merged.get(each.id)
        if held is None or each.version >= held.version:
            merged[each.id] = each
    return tuple(
        sorted(
            (each for each in merged.values() if _stop(each) >= since),
            key=lambda each: (-_stop(each), each.id),
        )
    )


def _stop(record: TaskRecord) -> float:
    return record.stopped or record.stopping or 0.0


def _definitions(
    look: Look,
    sources: Sources,
    service: InspectedService | None,
    running: tuple[TaskRecord, ...] | None,
    stopped: tuple[TaskRecord, ...] | None,
) -> dict[str, DefinitionView]:
    """The current definition and those of the tasks, newest tasks first."""
    names = [last_segment(service.definition)] if service and service.definition else []
    names += [each.task_definition for each in (*(stopped or ()), *(running or ()))]
    wanted = list(dict.fromkeys(filter(None, names)))[:DEFINITIONS]
    calls = {name: look.start(sources.inspector.definition, name) for name in wanted}
    found = {
        name: look.take(call, "ecs:DescribeTaskDefinition", name) for name, call in calls.items()
    }
    return {name: view for name, view in found.items() if view is not None}


def _stopped(
    records: tuple[TaskRecord, ...], definitions: Mapping[str, DefinitionView]
) -> tuple[StoppedTask, ...]:
    return tuple(
        restarts.stopped_task(each, definitions.get(each.task_definition)) for each in records
    )


def _seen(look: Look, calls: Iterable[tuple[Future[T], str, str]]) -> tuple[T, ...]:
    results = [look.take(*each) for each in calls]
    return tuple(each for each in results if each is not None)
