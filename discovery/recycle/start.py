"""May a recycle start, or go on, and what would it do? Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from discovery.errors import RecycleError
from discovery.recycle.record import PREPARING, RECYCLED, TAG, Capacity, Record, parse_tag
from discovery.text import iso

if TYPE_CHECKING:
    from discovery.recycle.facts import Facts
    from discovery.recycle.record import Request
    from discovery.service import Scaling, ServiceView

# Seconds that ECS takes to stop a task and to start another, before there is a measured figure:
# about 10 to stop, and an ENI, an image pull and a start on Fargate.
REPLACEMENT = 60.0

PLANNED = 100  # tasks that a plan names, and whose protection it asks for


def obstacle(service: ServiceView) -> str:
    """Why no task of this service may be stopped now; "": none."""
    primary = service.primary
    failed = primary is None or primary.rollout == "FAILED"
    reason = f": {primary.reason}" if primary and primary.reason else ""
    obstacles = (
        (service.status != "ACTIVE", f"the service is {service.status}"),
        (service.daemon, "it is a DAEMON service: ECS runs one task on each instance"),
        (service.controller != "ECS", f"its tasks are replaced by {service.controller}"),
        (service.deploying, "a deployment is in progress: it replaces the tasks by itself"),
        (failed, f"its last deployment failed, so ECS would start no replacement{reason}"),
        (service.impaired, "ECS is unable to consistently start its tasks: see its events"),
    )
    return next((text for holds, text in obstacles if holds), "")


def batch_size(text: str, desired: int) -> int:
    """The tasks at a time, from a number or a percentage of the desired count, rounded up."""
    if text.endswith("%"):
        return max(1, math.ceil(desired * float(text[:-1]) / 100))
    return max(1, int(text))


EMPTIES = (
    "without maintain_service_state the list would be empty for a while. Set "
    'maintain_service_state, a smaller batch_size, or "allow_outage": true'
)


def empties(request: Request, size: int, desired: int) -> bool:
    """Whether a batch of this size would empty the list, and nobody has allowed it."""
    in_place = not request.maintain_service_state and not request.allow_outage
    return in_place and 0 < desired <= size


def least_listed(record: Record) -> int:
    """The list gets no shorter by our doing."""
    return record.floor - (0 if record.raised is not None else record.batch_size)


def surge(
    desired: int, batch: int, scaling: Scaling | None, maximum: int | None = None
) -> tuple[int, int | None]:
    """The raised count, and the raised maximum where the scaling's own would be below it."""
    raised = desired + batch
    highest = max(scaling.maximum if scaling else raised, maximum or 0)
    if scaling and (highest < raised or maximum is not None):
        return raised, max(highest, raised)
    return raised, None


def record(id: str, request: Request, facts: Facts, now: float) -> Record:
    """A new recycle's record, ended if no task has to go. Raises RecycleError: what forbids it."""
    why = obstacle(facts.service) or facts.missing()
    if parse_tag(facts.service.tags.get(TAG)):
        why = "an earlier one is not restored yet: the schedule's next run restores it"
    if why:
        raise RecycleError(f"The recycle does not start: {why}. Nothing was changed.")
    desired, scaling = facts.service.desired, facts.scaling
    size = batch_size(request.batch_size, desired)
    if empties(request, size, desired):
        raise RecycleError(
            f"The recycle does not start: {size} of {desired} tasks would go at a time, and "
            f"{EMPTIES}. Nothing was changed."
        )
    total = len(facts.old(request.started_before))
    raised, maximum = (
        surge(desired, size, scaling) if request.maintain_service_state and total else (None, None)
    )
    return Record(
        id=id,
        request=request,
        phase=PREPARING if total else RECYCLED,
        batch_size=size,
        floor=desired,
        total=total,
        before=Capacity(desired, scaling),
        raised=raised,
        raised_maximum=maximum,
        suspends=scaling is not None and total > 0,
        started_at=now,
        updated_at=now,
        progress_at=now,
        desired_now=desired,
        scaling_now=scaling,
        left=total,
        ended_at=None if total else now,
        announced=() if total else (RECYCLED,),  # the answer says it
    )


def replanned(record: Record, facts: Facts) -> Record:
    """The record once more from its beginning, with the count that somebody else has set."""
    desired, scaling = facts.service.desired, facts.scaling
    size = batch_size(record.request.batch_size, desired)
    if empties(record.request, size, desired):
        size = max(1, desired - 1)
    maximum, before = record.raised_maximum, record.before.scaling
    if scaling and before and scaling.maximum != maximum:  # nor is the maximum ours
        before = before._replace(minimum=scaling.minimum, maximum=scaling.maximum)
        maximum = None
    raised = None
    if record.raised is not None:
        raised, maximum = surge(desired, size, scaling, maximum)
    return record.changed(
        phase=PREPARING,
        stops=record.stops + 1,
        batch_size=size,
        floor=desired,
        before=Capacity(desired, before),
        raised=raised,
        raised_maximum=maximum,
        reason=f"the desired count was set to {desired} by somebody else",
    )


def expected_end(record: Record, now: float) -> float | None:
    """When the recycle will probably end, in seconds since the epoch; None: it has ended."""
    if record.ended:
        return None
    request = record.request
    left = record.total if record.left is None else record.left
    batches = math.ceil(left / record.batch_size)
    each = request.drain_time + REPLACEMENT + request.settle_time + request.wait_time
    if record.replaced:
        each = max(1.0, (now - record.started_at) / math.ceil(record.replaced / record.batch_size))
    return now + batches * each


def plan(record: Record, facts: Facts, now: float) -> dict[str, Any]:
    """What a recycle would do, for a dry run."""
    order = facts.order(record.request.started_before)
    order.sort(key=lambda id: id in facts.protected)  # they are waited for
    end = expected_end(record, now)
    return {
        "tasks": order[:PLANNED],
        "batches": math.ceil(len(order) / record.batch_size),
        "batch_size": record.batch_size,
        "desired": {"before": record.before.desired, "during": record.raised},
        "maximum": {
            "before": record.before.scaling.maximum if record.before.scaling else None,
            "during": record.raised_maximum,
        },
        "suspends_scale_in": record.suspends,
        "protected": sorted(facts.protected & set(order)),
        "least_listed": least_listed(record) if order else record.floor,
        "expected_end": None if end is None else iso(end),
    }
