"""What people and programs see of a recycle: answers, log lines, messages, metrics. Pure values.

The log has a line for each thing that a person would want to know afterwards, and no line for a
look that changes nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from discovery.recycle import restore
from discovery.recycle.acts import Drain, Reinstate, SetDesired, SetScaling, Stop
from discovery.recycle.record import CANCELLED, FAILED, RECYCLED, RESTORING, Record
from discovery.recycle.start import expected_end
from discovery.text import iso, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from discovery.recycle.acts import Step
    from discovery.recycle.record import Batch
    from discovery.service import Scaling, Suspended

log = logging.getLogger("discovery.recycle")

NONE, RECYCLING, PAUSED = "none", "recycling", "paused"
# Of these people get a message, too, as they do of a pause and of each end.
STARTED, RESUMED, NOT_RESTORED = "started", "resumed", "not_restored"


def outcome(record: Record | None) -> str:
    if record is None:
        return NONE
    if record.ended:
        return record.phase
    return PAUSED if record.paused else RECYCLING


def answer(record: Record | None, now: float) -> dict[str, Any]:
    """The contract's answer: `outcome` and `recycle`."""
    if record is None:
        return {"outcome": NONE, "recycle": None}
    return {
        "outcome": outcome(record),
        "recycle": {
            "id": record.id,
            "phase": record.phase,
            "total": record.total,
            "replaced": record.replaced,
            "current": _current(record.batch),
            "reason": record.reason,
            "desired": {"before": record.before.desired, "now": record.desired_now},
            "scaling": {
                "before": _scaling(record.before.scaling),
                "now": _scaling(record.scaling_now),
            },
            "started_at": _iso(record.started_at),
            "updated_at": _iso(record.updated_at),
            "ended_at": _iso(record.ended_at),
            "expected_end": _iso(expected_end(record, now)),
        },
    }


def figures(record: Record, now: float) -> dict[str, float]:
    """The metrics of a recycle at the end of an invocation that advanced it."""
    return {
        "RecycleReplaced": record.replaced,
        "RecycleRemaining": record.total - record.replaced,
        "RecycleFailed": int(FAILED in (record.phase, record.ending)),
        "RecycleNotRestored": int(record.phase == RESTORING and restore.late(record, now)),
    }


def due(record: Record, now: float) -> tuple[str, ...]:
    """What has happened of which people have not had a message yet.

    It follows from the record alone, so it is not lost with an invocation. A pause and its end may
    come again; everything else comes once.
    """
    announced = record.announced
    pauses = [kind for kind in announced if kind in (PAUSED, RESUMED)]
    was_paused = pauses[-1:] == [PAUSED]
    happened = {
        STARTED: not announced,
        PAUSED: record.paused and not was_paused,
        RESUMED: was_paused and not record.paused and not record.ending,
        FAILED: FAILED in (record.ending, record.phase) and FAILED not in announced,
        RECYCLED: record.phase == RECYCLED and RECYCLED not in announced,
        CANCELLED: record.phase == CANCELLED and CANCELLED not in announced,
        NOT_RESTORED: record.phase == RESTORING
        and restore.late(record, now)
        and NOT_RESTORED not in announced,
    }
    return tuple(kind for kind, so in happened.items() if so)


def with_announced(record: Record, kinds: Iterable[str]) -> Record:
    """The record after messages of these kinds were sent."""
    before = [kind for kind in record.announced if kind not in kinds]
    if PAUSED in kinds or RESUMED in kinds:
        before = [kind for kind in before if kind not in (PAUSED, RESUMED)]
    return record.changed(announced=(*before, *kinds))


def log_step(before: Record, record: Record, step: Step) -> None:
    """One line for each change that a person would want to know of."""
    number = f"{min(record.total, record.replaced + 1)} of {record.total}"
    for act in step.acts:
        if isinstance(act, Drain):
            log.info("recycle %s: task %s leaves the list", number, " ".join(act.tasks))
        elif isinstance(act, Stop):
            log.info("recycle %s: task %s is stopped", number, " ".join(act.tasks))
        elif isinstance(act, Reinstate):
            log.warning("recycle: task %s goes back into the list", " ".join(act.tasks))
        elif isinstance(act, SetDesired):
            log.info("recycle %s: desired count set to %d", record.id, act.desired)
        elif isinstance(act, SetScaling):
            maximum = "left as it is" if act.maximum is None else f"set to {act.maximum}"
            log.info(
                "recycle %s: %s suspended, maximum %s", record.id, _named(act.suspended), maximum
            )
    if before.batch and not record.batch and record.phase == before.phase and not step.acts:
        log.info(
            "recycle %d of %d: task %s, replaced by %s after %.0f s, next in %.0f s",
            record.replaced, record.total, " ".join(before.batch.tasks),
            " ".join(record.replacements) or "none", record.updated_at - before.batch.begun,
            max(0.0, record.next_at - record.updated_at),
        )  # fmt: skip
    if record.phase != before.phase:
        log.info(
            "recycle %s: %s, %d of %d replaced%s",
            record.id, record.phase, record.replaced, record.total, _because(record),
        )  # fmt: skip
    elif record.reason and record.reason != before.reason:
        log.info("recycle %s waits: %s", record.id, one_line(record.reason))


def _current(batch: Batch | None) -> list[dict[str, Any]]:
    if batch is None:
        return []
    since = _iso(batch.since)
    return [{"task": task, "step": batch.step, "since": since} for task in batch.tasks]


def _named(suspended: Suspended) -> str:
    """What may not scale the service for now."""
    kinds = zip(("scale-in", "scale-out", "scheduled scaling"), suspended)
    return " and ".join(kind for kind, flag in kinds if flag) or "nothing"


def _because(record: Record) -> str:
    return f": {one_line(record.reason)}" if record.reason else ""


def _scaling(scaling: Scaling | None) -> dict[str, Any] | None:
    if scaling is None:
        return None
    return {
        "minimum": scaling.minimum,
        "maximum": scaling.maximum,
        "suspended": dict(scaling.suspended._asdict()),
    }


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else iso(seconds)
