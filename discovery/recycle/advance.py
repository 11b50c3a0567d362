"""Advances a recycle: look, decide, write the record ahead, act, and again.

Any invocation may call it, at any time. Waits that fit into the invocation are waited out here;
the others end at the next event or tick.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from discovery.errors import ActionError, EcsError
from discovery.recycle import machine, report
from discovery.recycle.perform import perform
from discovery.recycle.record import (
    CANCELLED,
    RESTORING,
    TAG,
    dumps,
    from_tag,
    loads,
    parse_tag,
)

if TYPE_CHECKING:
    from discovery.model import StoredRecord
    from discovery.recycle.acts import Step
    from discovery.recycle.facts import Facts
    from discovery.recycle.interfaces import Dependencies
    from discovery.recycle.record import Record

log = logging.getLogger(__name__)

# Seconds that the last look and act of an invocation may take.
RESERVE = 4.0
EXTEND_EVERY = 5.0  # seconds; a fourth of the lease
STEPS = 200  # in one invocation; far more than fit into 15 minutes of real waits


def advance(dependencies: Dependencies, patient: bool = True) -> None:
    """Go on with the recycle as far as this invocation can, and send the messages that are due.

    An impatient caller waits for nothing. Raises DiscoveryError; the record says then where the
    next invocation goes on.
    """
    held = dependencies.recycles.acquire()
    if held is None:
        log.info("recycle: another invocation advances it")
        return
    try:
        _advance(dependencies, held, patient)
    finally:
        try:
            _send_due(dependencies, dependencies.recycles.acquire())
        finally:
            dependencies.recycles.release()


def _advance(dependencies: Dependencies, held: StoredRecord, patient: bool) -> None:
    for _ in range(STEPS):
        try:
            facts = dependencies.look(loads(held.text))
        except EcsError as error:
            _unseen(dependencies, held, str(error))
            raise
        now = dependencies.now()
        record = _current(held, facts, now) if facts else None
        if facts is None or record is None:
            break
        before, record = record, _commanded(record, held.command, now)
        step = _shown(dependencies, record, machine.next_step(record, facts, now))
        record = step.record
        written = _write(dependencies, held, record)
        if written is None:
            break
        held = written
        report.log_step(before, record, step)
        try:
            perform(step.acts, dependencies, facts.service.arn, record)
        except ActionError as error:
            failed = _refused(dependencies, record, error, now)
            written = _write(dependencies, held, failed) if failed else None
            if written is None:
                log.warning("recycle %s: %s The next event or tick goes on.", record.id, error)
                break
            held = written
            continue
        if step.again_at:
            held = _send_due(dependencies, held) or held
        if not _waited(dependencies, held, step.again_at, patient):
            break


def _unseen(dependencies: Dependencies, held: StoredRecord, why: str) -> None:
    """Do what can be done without a look."""
    record, now = loads(held.text), dependencies.now()
    if record is None or record.ended:
        return
    commanded = _commanded(record, held.command, now)
    step = machine.unseen(commanded, dependencies.registry.draining(), why, now)
    step = _shown(dependencies, record, step)
    if _write(dependencies, held, step.record):
        report.log_step(record, step.record, step)
        perform(step.acts, dependencies, "", step.record)


def _send_due(dependencies: Dependencies, held: StoredRecord | None) -> StoredRecord | None:
    """Send the messages that are due, then note that they were sent; None: there was nothing.

    A death in between sends them twice, which is better than never.
    """
    record = loads(held.text) if held else None
    kinds = report.due(record, dependencies.now()) if record else ()
    if held is None or record is None or not kinds or not dependencies.send(kinds, record):
        return None
    return _write(dependencies, held, report.with_announced(record, kinds))


def _write(dependencies: Dependencies, held: StoredRecord, record: Record) -> StoredRecord | None:
    """Write the record ahead of the acts; None: another invocation was faster."""
    text = dumps(record)
    if text == held.text and not held.command:
        written = dependencies.recycles.acquire()
    else:
        written = dependencies.recycles.write(held, text, record.ended)
        held = written or held
    if written is None or written.version != held.version:
        log.info("recycle %s: another invocation was faster", record.id)
        return None
    return written


def _current(held: StoredRecord, facts: Facts, now: float) -> Record | None:
    """The recycle that goes on; None: there is none."""
    record = loads(held.text)
    return _lost(facts, record, now) if record is None or record.ended else record


def _lost(facts: Facts, record: Record | None, now: float) -> Record | None:
    """A record that restores what a tag speaks of while Redis knows no recycle that goes on."""
    tag = parse_tag(facts.service.tags.get(TAG))
    if tag is None:
        return None
    if record is not None and record.id == tag.id:
        # An invocation that was frozen has set the tag late, and perhaps more.
        log.warning("recycle %s: its tag is there again; it is restored again", tag.id)
        return record.changed(
            phase=RESTORING, ending=record.phase, restoring_since=now, ended_at=None
        )
    log.error("recycle %s: Redis lost its record; the service's tag restores it", tag.id)
    return from_tag(tag, now)


def _commanded(record: Record, command: str, now: float) -> Record:
    """The record after a person's command."""
    if command == "pause" and record.phase != RESTORING:
        return record.changed(paused=True)
    if command == "resume":
        resumed = record.changed(paused=False)
        return resumed if record.ending else resumed.changed(progress_at=now, reason="")
    if command == "cancel" and record.phase != RESTORING:
        return record.changed(
            ending=CANCELLED, paused=False, reason="cancelled by an operator", progress_at=now
        )
    return record


def _refused(
    dependencies: Dependencies, record: Record, error: ActionError, now: float
) -> Record | None:
    """The record after an act that cannot succeed; None: the act is repeated later."""
    if not error.final or record.phase == RESTORING:
        return None
    why = dependencies.redact(str(error))
    log.error("recycle %s fails: %s", record.id, why)
    return machine.failed(record, why, now)


def _shown(dependencies: Dependencies, before: Record, step: Step) -> Step:
    """The step with a reason that may be shown: it may quote ECS."""
    reason = step.record.reason
    if reason in ("", before.reason):
        return step
    return step._replace(record=step.record.changed(reason=dependencies.redact(reason)))


def _waited(
    dependencies: Dependencies, held: StoredRecord, again_at: float | None, patient: bool
) -> bool:
    """Wait until the next look; False: it is left to the next invocation.

    The lease is extended meanwhile. A command ends the wait.
    """
    if again_at is None:
        return False
    seconds = max(0.0, again_at - dependencies.now())
    if dependencies.deadline.left() < seconds + RESERVE or (seconds and not patient):
        return False
    while seconds:
        dependencies.sleep(min(seconds, EXTEND_EVERY))
        now_held = dependencies.recycles.acquire()
        if now_held is None or now_held.version != held.version:
            return False
        seconds = 0.0 if now_held.command else max(0.0, again_at - dependencies.now())
    return True
