"""A warm sync of more and more tasks: time, CPU, memory and calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contest import (
    LATENCY,
    OURS,
    ROOTS,
    STRAIGHTFORWARD,
    Contest,
    critical_path,
    newcomer,
)
from benchmarks.measure import Spread
from benchmarks.results import Growth, Results, Row
from simulator import Simulator

if TYPE_CHECKING:
    from benchmarks.contest import Progress

# Tasks, the share of the critical path to reach, rounds.
SIZES = ((10, 1.15, 31), (20, 1.2, 31), (100, 1.25, 31), (1000, 1.05, 9), (5000, 1.05, 7))
IDLE, LARGEST = 20, 5000
NEWCOMERS = 15


def measure(results: Results, progress: Progress) -> None:
    for tasks, goal, rounds in SIZES:
        with Simulator(latency=LATENCY) as aws:
            service = aws.ecs.create_service("arcade", "lobby")
            service.start_tasks(tasks)
            with Contest(aws, service) as contest:
                runs = contest.in_turn(rounds, progress, f"{tasks:,} tasks, ")
                memory = {name: Spread.of([contest.peak_memory(name)]) for name in ROOTS}
                for name in ROOTS:
                    if len(contest.listed(name)) != tasks:
                        raise RuntimeError(f"{name} lists {len(contest.listed(name))} of {tasks}")
        path = critical_path(tasks)
        walls = {name: Spread.of(run.wall / path for run in runs[name]) for name in ROOTS}
        what = "idle minute's reconcile" if tasks == IDLE else "warm sync"
        results.rows.append(
            Row(
                f"{what}, {tasks:,} tasks, over the critical path",
                walls[OURS],
                walls[STRAIGHTFORWARD],
                goal,
            )
        )
        for name in ROOTS:
            results.growth.append(
                Growth(
                    tasks,
                    name,
                    Spread.of(run.wall * 1000 for run in runs[name]),
                    Spread.of(run.cpu * 1000 for run in runs[name]),
                    memory[name].median,
                    runs[name][0].calls,
                )
            )
        if tasks == IDLE:
            results.rows.append(_with_newcomers(tasks, progress))
        if tasks == LARGEST:
            pairs = zip(runs[OURS], runs[STRAIGHTFORWARD])
            ratio = Spread.of(ours.cpu / theirs.cpu for ours, theirs in pairs)
            title = f"CPU of a sync of {tasks:,} tasks, over the straightforward one's"
            results.rows += [
                Row(title, ratio, Spread.of([1]), 0.3),
                Row(
                    f"peak memory at {tasks:,} tasks (whole process)",
                    memory[OURS],
                    memory[STRAIGHTFORWARD],
                    80,
                    " MB",
                ),
            ]


def _with_newcomers(tasks: int, progress: Progress) -> Row:
    """The same when a task is new each time, and the event is that it runs."""
    walls: dict[str, list[float]] = {name: [] for name in ROOTS}
    with Simulator(latency=LATENCY) as aws:
        service = aws.ecs.create_service("arcade", "lobby")
        service.start_tasks(tasks)
        with Contest(aws, service) as contest:
            for each in range(NEWCOMERS + 1):
                progress(f"{tasks} tasks and a newcomer, round {each} of {NEWCOMERS}")
                task, event = newcomer(aws, service)
                for name in ROOTS:
                    run = contest.run(name, event)
                    if each:
                        walls[name].append(run.wall / critical_path(tasks))
                    if task.ip not in contest.listed(name):
                        raise RuntimeError(f"{name} does not list the newcomer")
    title = f"... and a task that is new each time, {tasks} to {tasks + NEWCOMERS + 1} tasks"
    return Row(title, Spread.of(walls[OURS]), Spread.of(walls[STRAIGHTFORWARD]))
