"""What a look means for a recycle: progress, lost writes, failure. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from discovery.recycle.record import (
    DRAIN,
    PREPARING,
    RECYCLING,
    REPLACE,
    SETTLE,
    STOP,
    SURGING,
    TAG,
    parse_tag,
)
from discovery.recycle.start import obstacle

if TYPE_CHECKING:
    from discovery.recycle.facts import Facts
    from discovery.recycle.record import Record

WATCHED = 100  # newer tasks whose stop is looked up, as many as one DescribeTasks takes


def observed(record: Record, facts: Facts, now: float) -> Record:
    """The record with what this look shows: the tasks left, and whether there is progress."""
    left = len(facts.old(record.request.started_before))
    newer = {
        id: task
        for id, task in facts.look.tasks.items()
        if task.created_at >= record.request.started_before
    }
    ready = facts.ready
    # A replacement may crash when readers see it already: the youngest ones stay in sight.
    watched = sorted(newer, key=lambda id: (id in ready, -newer[id].created_at, id))[:WATCHED]
    states = ",".join(f"{id}:{newer[id].last_status}" for id in watched if id not in ready)
    signature = f"{left}/{len(newer)}/{len(ready)}/{states}"[:1000]
    if _waits_for_others(record, facts):
        signature = ""  # so that the next look, when it is over, is one at something new
    excused = not signature or signature != record.signature
    return record.changed(
        left=left,
        watched=tuple(watched),
        signature=signature,
        progress_at=now if excused else progress(record, now),
        updated_at=now,
        desired_now=facts.service.desired,
        scaling_now=facts.scaling,
    )


def _waits_for_others(record: Record, facts: Facts) -> bool:
    deploying = obstacle(facts.service) and not facts.service.impaired
    protected = record.phase == RECYCLING and not record.batch and not candidates(record, facts)
    return bool(deploying) or protected


def progress(record: Record, now: float) -> float:
    """The moment from which a lack of progress counts: not before a wait that was ordered ends."""
    batch, request, rests = record.batch, record.request, record.next_at
    if record.paused:
        return now
    if batch and batch.step in (DRAIN, SETTLE):
        wait = request.drain_time if batch.step == DRAIN else request.settle_time
        rests = batch.since + wait
    return max(record.progress_at, min(now, rests))


def outdated(record: Record, facts: Facts) -> bool:
    tag = parse_tag(facts.service.tags.get(TAG))
    if tag is None or tag.id != record.id:
        return record.phase != PREPARING
    return tag.stops > record.stops


def by_tag(record: Record, facts: Facts) -> Record:
    """The record with what the service's tag says of the time before, if the tag is newer."""
    tag = parse_tag(facts.service.tags.get(TAG))
    if tag is None or tag.id != record.id or tag.stops <= record.stops:
        return record
    return record.changed(
        stops=tag.stops,
        before=tag.before,
        raised=tag.raised,
        raised_maximum=tag.raised_maximum,
        suspends=tag.suspends,
    )


def failure(record: Record, facts: Facts, now: float) -> str:
    """Why the recycle fails; "": it does not."""
    waits = record.phase in (PREPARING, SURGING) or (
        record.batch is not None and record.batch.step in (STOP, REPLACE, SETTLE)
    )
    for id, why in sorted(facts.ended.items()):
        return f"replacement {id} stopped: {why}"
    primary = facts.service.primary
    if waits and primary and primary.failed_tasks:
        newest = facts.service.events[0].message if facts.service.events else ""
        return f"ECS failed to start {primary.failed_tasks} replacements: {newest}"
    silent = now - record.progress_at
    if silent > record.request.replacement_timeout:
        return (
            f"no progress for {silent:.0f} s: "
            f"{facts.missing(hand(record)) or record.reason or 'ECS does not carry it out'}"
        )
    return ""


def hand(record: Record) -> frozenset[str]:
    return frozenset(record.batch.tasks if record.batch else ())


def candidates(record: Record, facts: Facts) -> list[str]:
    """The tasks that may go next, in their order."""
    order = facts.order(record.request.started_before)
    return [id for id in order if id not in facts.protected]
