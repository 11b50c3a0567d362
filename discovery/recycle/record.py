"""What a recycle keeps in Redis. Pure.

It is written before each act, so that any invocation may die at any line and the next one goes
on from here. It says what is meant to be, never what was done: the facts show that.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from discovery.service import Scaling, Suspended

# Phases. The last three are ends.
PREPARING = "preparing"  # raise the capacity
SURGING = "surging"  # wait until it is listed
RECYCLING = "recycling"  # replace one batch after the other
RESTORING = "restoring"  # scaling and count as they were
RECYCLED, FAILED, CANCELLED = "recycled", "failed", "cancelled"
ENDS = (RECYCLED, FAILED, CANCELLED)

# Steps of a batch.
DRAIN = "drain"  # off the list, for the readers to look away
STOP = "stop"  # StopTask, until ECS no longer wants the task to run
REPLACE = "replace"  # until a newer task is listed for each
SETTLE = "settle"  # the replacements have to stay listed


@dataclass(frozen=True)
class Request:
    """What an operator wants of a recycle. Times are in seconds."""

    maintain_service_state: bool = True
    wait_time: float = 30.0  # after each batch
    drain_time: float = 5.0  # from a task's withdrawal to its StopTask
    batch_size: str = "1"  # a number, or a percentage of the desired count
    replacement_timeout: float = 600.0  # without progress
    settle_time: float = 0.0  # a replacement has to stay listed so long
    started_before: float = 0.0  # epoch: every task created before it has to go
    allow_outage: bool = False


class Batch(NamedTuple):
    """The tasks in hand."""

    tasks: tuple[str, ...]  # ids
    step: str
    since: float  # epoch, of the step
    begun: float = 0.0  # epoch, of the batch


class Capacity(NamedTuple):
    """A desired count and its scaling."""

    desired: int
    scaling: Scaling | None


@dataclass(frozen=True)
class Record:
    """One recycle."""

    id: str
    request: Request
    phase: str
    batch_size: int  # tasks at a time
    floor: int  # the list holds no fewer healthy tasks by our doing
    total: int  # tasks that had to go when it began
    before: Capacity
    # The desired count and the maximum that this recycle sets; None: it leaves them alone.
    raised: int | None
    raised_maximum: int | None
    suspends: bool  # whether it suspends scale-in
    started_at: float  # epoch, as the other times
    updated_at: float
    progress_at: float  # the last change, or the end of the last wait in which none was due
    batch: Batch | None = None
    next_at: float = 0.0  # the next batch begins no earlier
    # Rises with each stop that is decided, each change of plan and the end. The service's tag has
    # the same number: a record with a lower one comes from a Redis that lost writes.
    stops: int = 0
    desired_now: int | None = None  # at the last look
    scaling_now: Scaling | None = None
    left: int | None = None  # tasks that still have to go, at the last look
    signature: str = ""  # of the newer tasks, to see progress
    watched: tuple[str, ...] = ()  # newer tasks whose stop would be looked up
    replacements: tuple[str, ...] = ()  # the newest tasks at the end of the last batch
    paused: bool = False
    ending: str = ""  # the end to which RESTORING leads; set earlier by a cancel
    restoring_since: float | None = None
    fenced: bool = False  # RESTORING was put into the tag once
    count_restored: bool = False  # the count was set back once, as DescribeServices may lag
    reason: str = ""  # why it holds, or how it ended
    ended_at: float | None = None
    announced: tuple[str, ...] = ()  # of which people have had a message, in this order

    @property
    def ended(self) -> bool:
        return self.phase in ENDS

    @property
    def replaced(self) -> int:
        return self.total - (self.total if self.left is None else min(self.left, self.total))

    def changed(self, **values: Any) -> Record:
        return replace(self, **values)


def dumps(record: Record) -> str:
    return json.dumps(asdict(record), separators=(",", ":"))


def loads(text: str | None) -> Record | None:
    """The record in the text; None if there is none, or none that this version understands."""
    try:
        raw = json.loads(text or "null")
        capacity = Capacity(raw["before"][0], _scaling(raw["before"][1]))
        batch = raw["batch"]
        raw.update(
            request=Request(**raw["request"]),
            before=capacity,
            scaling_now=_scaling(raw["scaling_now"]),
            batch=Batch(tuple(batch[0]), *batch[1:]) if batch else None,
            watched=tuple(raw["watched"]),
            replacements=tuple(raw.get("replacements", ())),
            announced=tuple(raw["announced"]),
        )
        return Record(**raw)
    except (LookupError, TypeError, ValueError):
        return None


def _scaling(raw: Any) -> Scaling | None:
    return Scaling(raw[0], raw[1], Suspended(*raw[2])) if raw else None


# The service's tag, which outlives a lost Redis. Tags allow letters, digits, spaces and
# + - = . _ : / @ only, and 256 characters.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html
TAG = "ecs-task-discovery:recycle"


class Tag(NamedTuple):
    """What the tag keeps: all that is needed to restore."""

    id: str
    stops: int
    before: Capacity
    raised: int | None
    raised_maximum: int | None
    suspends: bool


def tag_of(record: Record) -> str:
    scaling = record.before.scaling
    words = {
        "id": record.id,
        "stops": record.stops,
        "desired": record.before.desired,
        "raised": "-" if record.raised is None else record.raised,
        "max": "-" if record.raised_maximum is None else record.raised_maximum,
        "suspends": int(record.suspends),
    }
    if scaling:
        flags = "".join(str(int(flag)) for flag in scaling.suspended)
        words["scaling"] = f"{scaling.minimum}:{scaling.maximum}:{flags}"
    return " ".join(f"{name}={value}" for name, value in words.items())


def parse_tag(text: str | None) -> Tag | None:
    """The tag's value; None: there is no recycle to restore after."""
    try:
        words = dict(word.split("=", 1) for word in (text or "").split())
        scaling = None
        if "scaling" in words:
            minimum, maximum, flags = words["scaling"].split(":")
            scaling = Scaling(int(minimum), int(maximum), Suspended(*(f == "1" for f in flags)))
        return Tag(
            words["id"],
            int(words["stops"]),
            Capacity(int(words["desired"]), scaling),
            None if words["raised"] == "-" else int(words["raised"]),
            None if words["max"] == "-" else int(words["max"]),
            words["suspends"] == "1",
        )
    except (LookupError, TypeError, ValueError):
        return None


def from_tag(tag: Tag, now: float) -> Record:
    """A record that only restores, for a recycle whose record was lost."""
    return Record(
        id=tag.id,
        request=Request(),
        phase=RESTORING,
        batch_size=1,
        floor=tag.before.desired,
        total=0,
        before=tag.before,
        raised=tag.raised,
        raised_maximum=tag.raised_maximum,
        suspends=tag.suspends,
        stops=tag.stops,
        started_at=now,
        updated_at=now,
        progress_at=now,
        ending=FAILED,
        restoring_since=now,
        reason="Redis lost the recycle's record: nothing more is stopped",
        announced=("started",),
    )
