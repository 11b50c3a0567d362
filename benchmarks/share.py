"""The section `share`: the function and the straightforward one with Lambda's share of a CPU.

Lambda gives a function of 256 MB a seventh of a CPU, so its CPU is its time. Both run in turn,
each in a process that is held to that share (simulator/share.py) for the length of a run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import deployment, share_cold, withdrawal
from benchmarks.contest import (
    LATENCY,
    OURS,
    ROOTS,
    SCHEDULED,
    STRAIGHTFORWARD,
    Contest,
    Run,
    newcomer,
)
from benchmarks.measure import Spread
from benchmarks.memory import DEFAULT as MEMORY
from benchmarks.memory import Cost
from benchmarks.results import Results, Row
from simulator import Simulator, share

if TYPE_CHECKING:
    from benchmarks.contest import Progress
    from simulator import Service

MEMORIES = (128, 256, 512, 1024, 1769)
EVENT, SCHEDULE = "event", "schedule"
RECONCILE_GOAL = 4000  # ms
CPU_GOAL = 0.1


class Size(NamedTuple):
    """A service of so many tasks: rounds of the comparison and at each memory, and the goals."""

    tasks: int
    rounds: int
    memory_rounds: int
    goal: float  # ms of an event's run
    calls: int | None = None  # the goal of an event's run


SIZES = (Size(20, 11, 5, 80), Size(1000, 5, 2, 500, 11), Size(5000, 3, 1, 2500, 51))
LARGEST = SIZES[-1].tasks


@dataclass
class Measured:
    """The runs before one service."""

    size: Size
    events: dict[str, list[Run]] = field(default_factory=lambda: {name: [] for name in ROOTS})
    reconciles: dict[str, list[Run]] = field(default_factory=lambda: {name: [] for name in ROOTS})
    costs: list[Cost] = field(default_factory=list)


def measure(results: Results, progress: Progress) -> None:
    progress(f"the CPU is held by {share.ways()[0]}")
    measured = [_measure(size, progress) for size in SIZES]
    results.rows += [row for each in measured for row in _rows(each)]
    results.memory += [cost for each in measured for cost in each.costs]
    withdrawal.measure(results, progress, MEMORY)
    share_cold.measure(results, progress, MEMORY)
    deployment.measure(results, progress, MEMORY)


def _measure(size: Size, progress: Progress) -> Measured:
    measured = Measured(size)
    with Simulator(latency=LATENCY) as aws:
        service = aws.ecs.create_service("arcade", "lobby")
        # Each event brings a task, and ECS allows a service 5,000.
        events = size.rounds + len(MEMORIES) * size.memory_rounds
        service.start_tasks(size.tasks - events)
        with Contest(aws, service) as contest:
            for name in ROOTS:
                progress(f"{size.tasks:,} tasks, a run of {name} to warm up")
                contest.run(name)
            for each in range(1, size.rounds + 1):
                progress(f"{size.tasks:,} tasks, round {each} of {size.rounds}")
                _, event = newcomer(aws, service)
                for name in ROOTS:
                    measured.events[name].append(contest.run(name, event, MEMORY))
                # The straightforward one does the same for every event.
                measured.reconciles[OURS].append(contest.run(OURS, SCHEDULED, MEMORY))
            measured.reconciles[STRAIGHTFORWARD] = measured.events[STRAIGHTFORWARD]
            measured.costs = _costs(size, aws, service, contest, progress)
            _check(contest, service)
    return measured


def _costs(
    size: Size, aws: Simulator, service: Service, contest: Contest, progress: Progress
) -> list[Cost]:
    """The function's runs by memory; the memories take turns."""
    runs: dict[tuple[str, int], list[Run]] = {
        (kind, memory): [] for kind in (EVENT, SCHEDULE) for memory in MEMORIES
    }
    for each in range(1, size.memory_rounds + 1):
        for memory in MEMORIES:
            progress(f"{size.tasks:,} tasks, {memory} MB, {each} of {size.memory_rounds}")
            _, event = newcomer(aws, service)
            runs[EVENT, memory].append(contest.run(OURS, event, memory))
            runs[SCHEDULE, memory].append(contest.run(OURS, SCHEDULED, memory))
    return [
        Cost(size.tasks, kind, memory, Spread.of(run.wall * 1000 for run in made))
        for (kind, memory), made in runs.items()
    ]


def _check(contest: Contest, service: Service) -> None:
    """A figure of a function that lists something else would be none."""
    alive = {task.ip for task in service.alive}
    if contest.listed(OURS) != alive:
        raise RuntimeError(f"ours lists {len(contest.listed(OURS))} of {len(alive)} tasks")


def _rows(measured: Measured) -> list[Row]:
    size = measured.size
    title = f"an event of one task at {MEMORY} MB, {size.tasks:,} tasks"
    rows = [_milliseconds(title, measured.events, size.goal)]
    if size.calls:
        calls = {
            name: Spread.of(run.calls for run in made) for name, made in measured.events.items()
        }
        what = "... ECS calls of it"
        rows.append(Row(what, calls[OURS], calls[STRAIGHTFORWARD], size.calls))
    if size.tasks == LARGEST:
        pairs = zip(measured.events[OURS], measured.events[STRAIGHTFORWARD])
        ratio = Spread.of(ours.cpu / theirs.cpu for ours, theirs in pairs)
        what = "... CPU of it, over the straightforward one's"
        rows.append(Row(what, ratio, Spread.of([1]), CPU_GOAL))
        title = f"the minute's reconcile at {MEMORY} MB, {size.tasks:,} tasks"
        rows.append(_milliseconds(title, measured.reconciles, RECONCILE_GOAL))
    return rows


def _milliseconds(title: str, runs: dict[str, list[Run]], goal: float) -> Row:
    walls = {name: Spread.of(run.wall * 1000 for run in made) for name, made in runs.items()}
    return Row(title, walls[OURS], walls[STRAIGHTFORWARD], goal, " ms")
