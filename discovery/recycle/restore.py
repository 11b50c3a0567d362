"""The end of a recycle: scaling and count as they were, confirmed by what AWS says. Pure.

Only what is still ours is undone. The flags of the scaling go first, then the count, the raised
maximum last: Application Auto Scaling moves a count above a lowered maximum at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from discovery.recycle.acts import RemoveTag, SetDesired, SetScaling, SetTag, Step
from discovery.recycle.judge import by_tag
from discovery.recycle.record import TAG, parse_tag, tag_of

if TYPE_CHECKING:
    from discovery.recycle.facts import Facts
    from discovery.recycle.record import Record

RETRY = 2.0  # seconds before an act is repeated whose effect does not show yet
LATE = 600.0  # seconds after which people get a message that the service is not restored


def next_step(record: Record, facts: Facts, now: float) -> Step:
    """The next act of restoring, or the end."""
    tag = parse_tag(facts.service.tags.get(TAG))
    ours = tag is not None and tag.id == record.id
    if ours and not record.fenced:
        # Once: should Redis lose this, an older record is outdated by the tag, and stops nothing.
        # And this record may be one, if it failed while nobody could read the tag.
        newest = by_tag(record, facts)
        fenced = newest.changed(fenced=True, stops=newest.stops + 1)
        return Step(fenced, (SetTag(tag_of(fenced)),))
    before, scaling = record.before.scaling, facts.scaling
    if record.suspends and before and scaling:
        # The other two flags are not ours: they stay as they are now.
        suspended = scaling.suspended._replace(scale_in=before.suspended.scale_in)
        if scaling.suspended.scale_in and suspended != scaling.suspended:
            return Step(record, (SetScaling(None, suspended),), again_at=now + RETRY)
    if record.raised is not None:
        desired = facts.service.desired
        # Our count may show as another one: the old one while DescribeServices lags behind our
        # raise, and the maximum if somebody lowered it, as Application Auto Scaling clamps.
        clamped = scaling is not None and desired == scaling.maximum < record.raised
        maybe_ours = desired == record.before.desired or clamped
        if desired == record.raised or (maybe_ours and not record.count_restored):
            lower = SetDesired(record.before.desired)
            return Step(record.changed(count_restored=True), (lower,), again_at=now + RETRY)
    raised = record.raised_maximum
    if raised is not None and before and scaling:
        # Somebody may have raised the minimum: AWS refuses a maximum below it.
        maximum = max(before.maximum, scaling.minimum)
        if scaling.maximum == raised != maximum:
            lowered = SetScaling(maximum, scaling.suspended)
            return Step(record, (lowered,), again_at=now + RETRY)
    if ours:
        return Step(record, (RemoveTag(),), again_at=now + RETRY)
    return Step(record.changed(phase=record.ending, ended_at=now), again_at=None)


def late(record: Record, now: float) -> bool:
    """Whether restoring takes so long that a person should look."""
    return record.restoring_since is not None and now - record.restoring_since > LATE
