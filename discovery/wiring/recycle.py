"""Recycling, put together. Loaded for a recycle event, and where a recycle may be going on."""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from discovery.aws import clients
from discovery.aws.service_reader import ServiceReader
from discovery.aws.service_writer import ServiceWriter
from discovery.errors import DiscoveryError, RecycleError
from discovery.model import Outcome
from discovery.recycle import report, start
from discovery.recycle import request as requests
from discovery.recycle.advance import advance
from discovery.recycle.facts import Facts, ListLook
from discovery.recycle.interfaces import Dependencies
from discovery.recycle.judge import candidates
from discovery.recycle.record import RESTORING, TAG, dumps, loads
from discovery.stops import explain, stop_of
from discovery.store.recycles import Recycles
from discovery.task_record import task_record
from discovery.wiring import messages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from discovery.deadline import Deadline
    from discovery.recycle.record import Record, Request
    from discovery.settings import ServiceSettings
    from discovery.store.client import ScriptClient
    from discovery.store.registry import Registry
    from discovery.sync.report import Report

log = logging.getLogger("discovery.recycle")

ATTEMPTS = 5  # to get a listing of one's own before a recycle starts


@cache
def _once(name: str) -> Callable[[], Any]:
    return clients.once(getattr(clients, name))


class Parts(NamedTuple):
    """What an invocation lends to its recycle."""

    service: ServiceSettings
    client: ScriptClient
    registry: Registry
    sync: Callable[[], Report]  # lists and publishes
    dry_run: Callable[[], Report]
    emit: Callable[[Mapping[str, float]], None]  # metrics
    deadline: Deadline
    owner: str
    # A client by the name of its function in `aws.clients`, made on first use.
    aws_client: Callable[[str], Callable[[], Any]] = _once
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time  # seconds since the epoch


def answer(parts: Parts, params: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a manual recycle event. Raises DiscoveryError."""
    if not parts.service.recycle:
        raise RecycleError(
            "Recycling is not allowed here: deploy with AllowRecycle=true, which sets RECYCLE=true "
            "and grants the role's further actions. Nothing was changed."
        )
    word = requests.command(params)
    recycles = _recycles(parts)
    record = loads(recycles.read().text)
    if word in ("pause", "resume", "cancel") and record is not None and not record.ended:
        log.info("recycle %s: %s by an operator", record.id, word)
        recycles.command(word)
        go_on(parts, None, patient=False)
    elif word is None and (record is None or record.ended or requests.dry_run(params)):
        request = requests.request(params, parts.now())
        if requests.dry_run(params):
            return _plan(parts, request)
        _start(parts, request)
        go_on(parts, None, patient=False)
    return report.answer(loads(recycles.read().text), parts.now())


def status(parts: Parts) -> dict[str, Any]:
    """What the status of the list says of the recycle."""
    return {"recycle": report.answer(loads(_recycles(parts).read().text), parts.now())["recycle"]}


def after_sync(parts: Parts, synced: Report, scheduled: bool) -> None:
    """Go on with a recycle after a sync, if there is one.

    The list is published by now, so a failure only ends this step, and is logged. A lost record
    shows in the service's tag only, so each scheduled run looks at the tag.
    """
    try:
        record = loads(_recycles(parts).read().text)
        active = record is not None and (not record.ended or report.due(record, parts.now()))
        if active or (scheduled and TAG in _reader(parts).service().tags):
            go_on(parts, synced if synced.full else None, patient=True)
    except DiscoveryError as error:
        log.error("the recycle waits: %s: %s", type(error).__name__, error)  # noqa: TRY400


def go_on(parts: Parts, synced: Report | None, patient: bool) -> None:
    """Advance the recycle, then print its metrics."""
    try:
        advance(_dependencies(parts, synced), patient)
    finally:
        record = loads(_recycles(parts).read().text)
        if record is not None:
            parts.emit(report.figures(record, parts.now()))


def _start(parts: Parts, request: Request) -> None:
    facts = None
    for _ in range(ATTEMPTS):
        facts = _look(parts, parts.sync(), None)
        if facts is not None:
            break
        parts.sleep(1.0)
    if facts is None:
        raise RecycleError(
            "The recycle does not start: other runs list the service just now. Nothing was "
            "changed: try again."
        )
    recycles = _recycles(parts)
    held = recycles.acquire()
    if held is None:
        raise RecycleError("The recycle does not start: another start is under way.")
    try:
        record = loads(held.text)
        if record is None or record.ended:
            record = _record(uuid.uuid4().hex[:8], request, facts, parts.now())
            recycles.write(held, dumps(record), record.ended)
            log.info(
                "recycle %s starts: %d tasks, %d at a time, desired count %d",
                record.id, record.total, record.batch_size, record.before.desired,
            )  # fmt: skip
    finally:
        recycles.release()


def _record(id: str, request: Request, facts: Facts, now: float) -> Record:
    try:
        return start.record(id, request, facts, now)
    except RecycleError as error:
        raise RecycleError(_redacted(str(error))) from None


def _redacted(text: str) -> str:
    from discovery.diagnose.redact import redact  # noqa: PLC0415 (most steps have no new reason)

    return redact(text)


def _plan(parts: Parts, request: Request) -> dict[str, Any]:
    going_on = loads(_recycles(parts).read().text)
    if going_on is not None and not going_on.ended:
        raise RecycleError(
            f"There is no plan: recycle {going_on.id} goes on. "
            '{"action": "recycle", "command": "status"} shows how far it is.'
        )
    facts = _look(parts, parts.dry_run(), None)
    if facts is None:
        raise RecycleError("There is no plan: the service could not be listed in time.")
    now = parts.now()
    record = _record("plan", request, facts, now)
    facts = replace(facts, protected=_protected(_reader(parts), facts, record, start.PLANNED))
    return {"outcome": Outcome.CHECKED.value, "recycle": start.plan(record, facts, now)}


def _dependencies(parts: Parts, synced: Report | None) -> Dependencies:
    first = [synced] if synced else []

    def look(record: Record | None) -> Facts | None:
        return _look(parts, first.pop() if first else parts.sync(), record)

    reader = _reader(parts)
    return Dependencies(
        recycles=_recycles(parts),
        registry=parts.registry,
        writer=ServiceWriter(
            parts.aws_client("ecs_writer"), parts.aws_client("application_autoscaling"),
            parts.service.ref, reader.resource_id,
        ),
        look=look,
        send=partial(messages.send, messages.Ways(
            parts.service, parts.aws_client, parts.deadline
        )),
        redact=_redacted,
        deadline=parts.deadline,
        sleep=parts.sleep,
        now=parts.now,
    )  # fmt: skip


def _look(parts: Parts, synced: Report, record: Record | None) -> Facts | None:
    """The facts of a full listing that this invocation has made; None: another run made it."""
    decision, snapshot = synced.decision, synced.snapshot
    if decision is None or snapshot is None or not synced.full:
        return None
    reader = _reader(parts)
    service = reader.service()
    # Restoring does not depend on what only a stop depends on: it is not read.
    restoring = record is not None and record.phase == RESTORING
    look = ListLook(
        tasks={task.id: task for task in snapshot.tasks},
        listed=decision.entries.keys(),
        draining=parts.registry.draining(),
        sound=not decision.degraded and not snapshot.missing,
    )
    hosts = {id: entry.endpoint.host for id, entry in decision.entries.items()}
    unready: set[str] = set()
    for group in () if restoring else service.target_groups:
        healthy = reader.healthy_targets(group)
        if healthy is not None:
            unready |= {id for id, host in hosts.items() if host not in healthy}
    facts = Facts(
        look=look,
        service=service,
        scaling=reader.scaling(),
        protected=frozenset(),
        unready=unready,
        ended={},
    )
    if record is None or restoring:
        return facts
    protected, ended = (
        _protected(reader, facts, record, record.batch_size),
        _ended(reader, look, record),
    )
    return replace(facts, protected=protected, ended=ended)


def _protected(reader: ServiceReader, facts: Facts, record: Record, enough: int) -> frozenset[str]:
    """The protected ones among the tasks that may go next, until so many are not protected."""
    hand = record.batch.tasks if record.batch else ()
    return reader.protected(dict.fromkeys([*hand, *candidates(record, facts)]), enough)


def _ended(reader: ServiceReader, look: ListLook, record: Record) -> dict[str, str]:
    """Why watched tasks stopped, where that is a fault."""
    gone = [id for id in record.watched if id not in look.tasks]
    ended: dict[str, str] = {}
    for id, raw in reader.stopped(gone).items():
        parsed = task_record(raw)
        if parsed is not None:
            explanation = explain(stop_of(parsed))
            if explanation.fault:
                ended[id] = f"{explanation.text} {explanation.remedy}".strip()
    return ended


def _recycles(parts: Parts) -> Recycles:
    return Recycles(parts.client, parts.service.key_prefix, parts.deadline, parts.owner)


def _reader(parts: Parts) -> ServiceReader:
    made = parts.aws_client
    return ServiceReader(
        made("ecs_reader"), made("application_autoscaling"), made("elbv2"), parts.service.ref
    )
