"""The history, put together. Loaded only where HISTORY is on, or for a history event."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from discovery.errors import DiscoveryError, HistoryError
from discovery.history import records
from discovery.history.reconcile import Collector, reconcile
from discovery.model import Outcome
from discovery.store.history import History, part
from discovery.task_record import task_from_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from discovery.aws.task_lister import TaskLister
    from discovery.deadline import Deadline
    from discovery.settings import ServiceSettings
    from discovery.store.client import ScriptClient
    from discovery.store.registry import ScriptPart
    from discovery.sync.report import Report
    from discovery.task_record import TaskRecord

log = logging.getLogger("discovery.history")

# Seconds that a correction leaves to what follows. It only begins with more.
RESERVE = 1.0


class Parts(NamedTuple):
    """What an invocation lends to its history."""

    service: ServiceSettings
    client: ScriptClient
    lister: TaskLister
    deadline: Deadline

    def stopped(self, since: float) -> list[TaskRecord]:
        """Tasks that stopped after a time, in seconds since the epoch. Raises DiscoveryError."""
        found = (task_from_json(text) for text in _store(self).stopped(since))
        return [record for record in found if record]


def with_request(service: ServiceSettings, detail: Mapping[str, Any]) -> ScriptPart | None:
    """What keeps an event's task or instance, in the call of another script."""
    change = records.of_event(detail, _mask)
    return part(service.key_prefix, change) if change else None


def before_listing(parts: Parts) -> Collector | None:
    """What takes the descriptions of a scheduled run; None: Redis did not say what it has."""
    try:
        return Collector(_store(parts).versions(), _mask)
    except DiscoveryError as error:
        log.error("the history waits: %s: %s", type(error).__name__, error)  # noqa: TRY400
        return None


def after_sync(parts: Parts, collector: Collector, report: Report) -> None:
    """Keep what the listing said. The list is published, so a failure here is only logged."""
    if report.outcome is not Outcome.PUBLISHED or parts.deadline.left() < RESERVE:
        return
    if not report.full:
        return  # another run has looked at each task meanwhile: the next minute corrects
    service = parts.service.ref
    missing = report.snapshot.missing if report.snapshot else frozenset()
    try:
        corrected = reconcile(
            _store(parts),
            lambda ids: parts.lister.look_up(service, ids, parts.deadline.earlier(RESERVE / 2)),
            collector,
            missing,
            time.time(),
        )
    except DiscoveryError as error:
        log.error("the history waits: %s: %s", type(error).__name__, error)  # noqa: TRY400
        return
    if any(corrected):
        log.info("history: %d records corrected, %d tasks looked up, %d of them gone", *corrected)


def answer(parts: Parts, params: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a manual history event. Raises DiscoveryError."""
    from discovery.history import report, request  # noqa: PLC0415 (events do not need them)

    if not parts.service.history:
        raise HistoryError(
            "No history is kept here: deploy with AllowHistory=true, which sets HISTORY=true. "
            "Nothing was read."
        )
    query, store = request.query(params), _store(parts)
    tasks, instances = (
        (list(store.tasks([query.task]).values()), []) if query.task else store.read()
    )
    return report.answer(tasks, instances, query, time.time())


def _store(parts: Parts) -> History:
    return History(parts.client, parts.service.key_prefix, parts.deadline)


def _mask(text: str) -> str:
    from discovery.diagnose.redact import redact  # noqa: PLC0415 (few events have a reason)

    return redact(text)
