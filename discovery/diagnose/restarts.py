"""Stopped tasks, grouped by plain reason: how many, how often, which container. Pure."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from discovery.diagnose.facts import StoppedTask
from discovery.stop_codes import SIGKILL, SIGTERM
from discovery.stops import StoppedContainer, explain, stop_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from discovery.inspection import DefinitionView
    from discovery.task_record import ContainerRecord, TaskRecord

# So many faults of one kind within this time, of tasks that lived no longer than that, are a crash
# loop. ECS waits up to 27 minutes before it starts the next task:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html
LOOP_STOPS = 3
LOOP_TIME = 5400.0  # seconds
LOOP_LIFE = 600.0  # seconds


@dataclass(frozen=True)
class Restarts:
    """Tasks that stopped for one reason."""

    kind: str
    fault: bool | None  # None: nobody knows
    text: str
    remedy: str
    container: str
    tasks: tuple[str, ...]  # ids, newest first
    first: float  # seconds since the epoch
    last: float
    life: float | None  # median seconds from start to stop; None: not known
    closest: float  # seconds in which LOOP_STOPS of them stopped; inf: they are fewer
    definition: str

    @property
    def count(self) -> int:
        return len(self.tasks)

    @property
    def loop(self) -> bool:
        """Whether tasks start and fail again and again."""
        short = self.life is None or self.life <= LOOP_LIFE
        return bool(self.fault) and self.closest <= LOOP_TIME and short

    @property
    def every(self) -> float | None:
        """Seconds between two of these stops on average."""
        return (self.last - self.first) / (self.count - 1) if self.count > 1 else None


def stopped_task(record: TaskRecord, definition: DefinitionView | None) -> StoppedTask:
    """A task with the explanation of its stop."""
    stop = stop_of(record)
    if definition is not None:
        # A container that is not essential cannot have ended the task.
        known = {each.name: each.essential for each in definition.containers}
        containers = tuple(
            StoppedContainer(each.name, each.exit_code, each.reason, known.get(each.name))
            for each in stop.containers
        )
        stop = stop._replace(containers=containers)
    why = explain(stop)
    return StoppedTask(record, why, _culprit(record.containers, why.text))


def grouped(stopped: Sequence[StoppedTask]) -> list[Restarts]:
    """Groups by kind and container, faults first, the largest first."""
    groups: dict[tuple[str, str], list[StoppedTask]] = {}
    for each in stopped:
        groups.setdefault((each.why.kind, each.container), []).append(each)
    found = [_group(kind, container, members) for (kind, container), members in groups.items()]
    return sorted(found, key=lambda each: (not each.fault, -each.count, each.kind))


def faults(groups: Iterable[Restarts]) -> int:
    return sum(each.count for each in groups if each.fault)


def counted(groups: Iterable[Restarts]) -> Mapping[str, int]:
    """Faults by container."""
    found: Counter[str] = Counter()
    for each in groups:
        if each.fault and each.container:
            found[each.container] += each.count
    return found


def _group(kind: str, container: str, members: list[StoppedTask]) -> Restarts:
    times = sorted(each.record.stopped or each.record.stopping or 0.0 for each in members)
    why = members[0].why
    return Restarts(
        kind=kind,
        fault=why.fault,
        text=why.text,
        remedy=why.remedy,
        container=container,
        tasks=tuple(each.record.id for each in members),
        first=times[0],
        last=times[-1],
        life=_median([life for each in members if (life := _life(each.record)) is not None]),
        closest=min((b - a for a, b in zip(times, times[LOOP_STOPS - 1 :])), default=math.inf),
        definition=members[0].record.task_definition,
    )


def _life(record: TaskRecord) -> float | None:
    end = record.stopped or record.stopping
    begin = record.started or record.created
    return max(0.0, end - begin) if end and begin else None


def _median(values: list[float]) -> float | None:
    return sorted(values)[len(values) // 2] if values else None


def _culprit(containers: Sequence[ContainerRecord], text: str) -> str:
    """The container that the explanation names; else the only one that ended by itself."""
    for each in sorted(containers, key=lambda container: -len(container.name)):
        if f"container {each.name}" in text.replace("Container ", "container "):
            return each.name
    ended = [each.name for each in containers if each.exit_code not in (None, 0, SIGKILL, SIGTERM)]
    if len(ended) == 1:
        return ended[0]
    return containers[0].name if len(containers) == 1 else ""
