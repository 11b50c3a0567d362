"""From a record and the facts to the next acts. Pure.

Every act is absolute and may be repeated: the record says what is meant to be, the facts show what
is, and an act makes up the difference. So a lost answer, a crash between two lines or a second
invocation changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from discovery.recycle import restore
from discovery.recycle.acts import Drain, Reinstate, SetDesired, SetScaling, SetTag, Step, Stop
from discovery.recycle.judge import (
    by_tag,
    candidates,
    failure,
    hand,
    observed,
    outdated,
    progress,
)
from discovery.recycle.record import (
    CANCELLED,
    DRAIN,
    FAILED,
    PREPARING,
    RECYCLED,
    RECYCLING,
    REPLACE,
    RESTORING,
    SETTLE,
    STOP,
    SURGING,
    TAG,
    Batch,
    tag_of,
)
from discovery.recycle.start import EMPTIES, empties, least_listed, obstacle, replanned

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from discovery.recycle.facts import Facts
    from discovery.recycle.record import Record

RETRY = 2.0  # seconds before an act is repeated whose effect does not show yet


def next_step(record: Record, facts: Facts, now: float) -> Step:
    """What to do next. `record.ended` is not so yet; `now` is in seconds since the epoch."""
    watched, record = record.watched, observed(record, facts, now)
    # 1. A task that is off the list without being in hand goes back before anything else.
    stray = (facts.look.draining & facts.look.tasks.keys()) - hand(record)
    if stray:
        # What has become of the watched tasks is judged after that.
        return Step(record.changed(watched=watched), (Reinstate(tuple(sorted(stray))),))
    # 2. A record that is older than the service's tag comes from a Redis that lost writes.
    if record.phase != RESTORING and outdated(record, facts):
        return Step(failed(by_tag(record, facts), "Redis lost the recycle's last writes", now))
    # 3. The phase, unless something forbids to go on.
    if record.phase == RESTORING:
        return restore.next_step(record, facts, now)
    return _ended(record, facts, now) or _held(record, facts, now) or _phase(record, facts, now)


def unseen(record: Record, draining: AbstractSet[str], why: str, now: float) -> Step:
    """The service cannot be looked at: no task stays drained, and for too long that is a failure.

    A stop may have been called for some of them; these stay off the list, as they are withdrawn.
    """
    acts = (Reinstate(tuple(sorted(draining))),) if draining else ()
    if record.phase == RESTORING:
        return Step(record, acts, again_at=None)
    record, batch = record.changed(progress_at=progress(record, now)), record.batch
    silent = now - record.progress_at
    if record.ending == CANCELLED and (not batch or batch.step == DRAIN):
        record = _restoring(record, now)
    elif silent > record.request.replacement_timeout:
        record = failed(record, f"no look at the service for {silent:.0f} s: {why}", now)
    elif batch and batch.step in (DRAIN, STOP):
        rest = batch._replace(step=REPLACE, since=now) if batch.step == STOP else None
        record = record.changed(batch=rest, reason=why)
    else:
        record = record.changed(reason=why)
    return Step(record, acts, again_at=None)


def _ended(record: Record, facts: Facts, now: float) -> Step | None:
    """The step to the end if the recycle was cancelled or fails."""
    if record.ending == CANCELLED and (not record.batch or record.batch.step == DRAIN):
        return Step(_restoring(record, now))
    why = failure(record, facts, now)
    return Step(failed(record, why, now)) if why else None


def _held(record: Record, facts: Facts, now: float) -> Step | None:
    """Wait for others. Tasks in hand that are not stopped go back into the list meanwhile."""
    why = "paused" if record.paused else obstacle(facts.service)
    if not why:
        return None
    if record.batch and record.batch.step in (DRAIN, STOP):
        return _given_back(record, record.batch, facts, why, now)
    return Step(record.changed(reason=why), again_at=None)


def _given_back(record: Record, batch: Batch, facts: Facts, why: str, now: float) -> Step:
    """Tasks in hand that ECS still wants to run go back into the list; the others are stopped."""
    back = tuple(id for id in batch.tasks if id in facts.look.tasks)
    stopped = tuple(id for id in batch.tasks if id not in facts.look.tasks)
    rest = batch._replace(tasks=stopped, step=REPLACE, since=now) if stopped else None
    acts = (Reinstate(back),) if back else ()
    # Not at once again: what was in the way may show only while a task is in hand.
    later = max(record.next_at, now + RETRY)
    return Step(record.changed(batch=rest, reason=why, next_at=later), acts)


def _phase(record: Record, facts: Facts, now: float) -> Step:
    # Once the raised count was seen, the one before it is somebody else's, too.
    seen = record.phase == RECYCLING and record.raised is not None
    ours = (record.raised,) if seen else (record.raised, record.before.desired)
    if facts.service.desired not in ours:
        return _replanned(record, facts, now)
    if record.phase == PREPARING:
        return _prepare(record, facts)
    return _surge(record, facts) if record.phase == SURGING else _recycle(record, facts, now)


def _replanned(record: Record, facts: Facts, now: float) -> Step:
    """Somebody else has set the count: that is what the service wants from now on."""
    record = replanned(record, facts)
    why = record.reason
    if empties(record.request, record.batch_size, record.before.desired):
        return Step(failed(record, f"{why}, and {EMPTIES}", now))
    if record.batch and record.batch.step in (DRAIN, STOP):
        return _given_back(record, record.batch, facts, why, now)
    return Step(record)


def failed(record: Record, reason: str, now: float) -> Record:
    """The record of a recycle that fails: from now on it only restores."""
    return _restoring(record.changed(ending=FAILED, reason=reason), now)


def _restoring(record: Record, now: float) -> Record:
    """Whatever is drained and not stopped is stray from now on, so it goes back."""
    return record.changed(phase=RESTORING, batch=None, paused=False, restoring_since=now)


def _prepare(record: Record, facts: Facts) -> Step:
    """Keep the old capacity on the service, then raise it: scaling first, then the count."""
    if facts.service.tags.get(TAG) != tag_of(record):
        return Step(record, (SetTag(tag_of(record)),))
    scaling = facts.scaling
    if scaling:
        maximum = record.raised_maximum
        low = maximum is not None and scaling.maximum < maximum
        if low or (record.suspends and not scaling.suspended.scale_in):
            flags = scaling.suspended._replace(scale_in=record.suspends)
            return Step(record, (SetScaling(maximum if low else None, flags),))
    if record.raised is None:
        return Step(record.changed(phase=RECYCLING, reason=""))
    raise_count = SetDesired(record.raised)
    return Step(record.changed(phase=SURGING, reason=""), (raise_count,))


def _surge(record: Record, facts: Facts) -> Step:
    """Wait until the raised capacity is listed."""
    if record.raised is not None and facts.service.desired == record.before.desired:
        return Step(record, (SetDesired(record.raised),), again_at=None)
    lacking = facts.missing(hand(record))
    if lacking:
        return Step(record.changed(reason=lacking), again_at=None)
    return Step(record.changed(phase=RECYCLING, reason=""))


def _recycle(record: Record, facts: Facts, now: float) -> Step:
    if record.batch is None:
        return _next_batch(record, facts, now)
    if record.batch.step == DRAIN:
        return _drain(record, record.batch, facts, now)
    if record.batch.step == STOP:
        return _stop(record, record.batch, facts, now)
    return _replace(record, record.batch, facts, now)


def _next_batch(record: Record, facts: Facts, now: float) -> Step:
    if record.ending == CANCELLED:
        return Step(_restoring(record, now))
    if not record.left:
        return Step(_restoring(record.changed(ending=RECYCLED, reason=""), now))
    if now < record.next_at:
        reason = record.reason or "wait_time between batches"
        return Step(record.changed(reason=reason), again_at=record.next_at)
    tasks = tuple(candidates(record, facts)[: record.batch_size])
    if not tasks:
        reason = f"{record.left} tasks are under scale-in protection"
        return Step(record.changed(reason=reason), again_at=None)
    refusal = _refusal(record, facts, frozenset(tasks))
    if refusal:
        return Step(record.changed(reason=refusal), again_at=None)
    batch = Batch(tasks, DRAIN, now, begun=now)
    return Step(record.changed(batch=batch, reason=""), (Drain(tasks),))


def _refusal(record: Record, facts: Facts, tasks: frozenset[str]) -> str:
    """Why these tasks may not leave the list now; "": they may."""
    lacking = facts.missing(tasks)
    if lacking:
        return lacking
    floor = least_listed(record)
    staying = len(facts.ready - tasks) - facts.surplus
    if staying < floor and tasks & facts.ready:
        return f"only {staying} tasks would stay listed, fewer than {floor}"
    if facts.protected & tasks:
        return "a task in hand was put under scale-in protection"
    return ""


def _drain(record: Record, batch: Batch, facts: Facts, now: float) -> Step:
    """Off the list, and long enough for the readers to look away; then decide on the stop."""
    tasks = tuple(id for id in batch.tasks if id in facts.look.tasks)
    if not tasks:  # they went by themselves
        return Step(record.changed(batch=batch._replace(step=REPLACE, since=now)))
    if _readers_see(tasks, facts):
        return _drained_again(record, batch, tasks, now)
    refusal = _refusal(record, facts, frozenset(tasks))
    if refusal:
        return _given_back(record, batch, facts, refusal, now)
    due = batch.since + record.request.drain_time
    if now < due:
        return Step(record, again_at=due)
    record = record.changed(
        batch=batch._replace(tasks=tasks, step=STOP, since=now), stops=record.stops + 1
    )
    return Step(record, (SetTag(tag_of(record)),))


def _readers_see(tasks: tuple[str, ...], facts: Facts) -> bool:
    """Whether one of the tasks is in the list, or may come back into it."""
    return bool(facts.look.listed & set(tasks)) or not set(tasks) <= facts.look.draining


def _drained_again(record: Record, batch: Batch, tasks: tuple[str, ...], now: float) -> Step:
    batch = batch._replace(tasks=tasks, step=DRAIN, since=now)
    return Step(record.changed(batch=batch), (Drain(tasks),))


def _stop(record: Record, batch: Batch, facts: Facts, now: float) -> Step:
    """Stop what ECS still wants to run. A task that came back into the list is drained again."""
    tasks = tuple(id for id in batch.tasks if id in facts.look.tasks)
    if not tasks:
        return Step(record.changed(batch=batch._replace(step=REPLACE, since=now)))
    if _readers_see(tasks, facts):
        return _drained_again(record, batch, tasks, now)
    refusal = _refusal(record, facts, frozenset(tasks))
    if refusal:
        return _given_back(record, batch, facts, refusal, now)
    if facts.service.tags.get(TAG) != tag_of(record):
        return Step(record, (SetTag(tag_of(record)),))
    number = record.total - (record.left or 0) + 1
    return Step(record, (Stop(tasks, max(1, number), record.total),), again_at=now + RETRY)


def _replace(record: Record, batch: Batch, facts: Facts, now: float) -> Step:
    """Wait until the list has again all that the service wants, and for the settle time."""
    lacking = facts.missing()
    if lacking:
        since = batch.since if batch.step == REPLACE else now
        return Step(
            record.changed(batch=batch._replace(step=REPLACE, since=since), reason=lacking),
            again_at=None,
        )
    if batch.step == REPLACE and record.request.settle_time:
        return Step(record.changed(batch=batch._replace(step=SETTLE, since=now), reason=""))
    due = batch.since + record.request.settle_time
    if batch.step == SETTLE and now < due:
        return Step(record, again_at=due)
    return Step(
        record.changed(
            batch=None,
            replacements=_newest(facts, len(batch.tasks), batch.begun),
            next_at=now + record.request.wait_time,
            progress_at=now,
            reason="",
        )
    )


def _newest(facts: Facts, count: int, since: float) -> tuple[str, ...]:
    """The newest of the listed tasks that were created since then, for the log."""
    tasks = facts.look.tasks
    newer = [id for id in facts.ready & tasks.keys() if tasks[id].created_at >= since]
    return tuple(sorted(newer, key=lambda id: (-tasks[id].created_at, id))[:count])
