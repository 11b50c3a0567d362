"""A diagnosis of a service with 100 tasks and 200,000 log lines, beside its critical path.

The critical path is the calls that have to follow each other: ListTasks, DescribeTasks,
DescribeTaskDefinition, and the pages of FilterLogEvents, of which AWS grants five a second.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.contest import LATENCY, OURS, ROOT, checked
from benchmarks.log_classes import mixed
from benchmarks.measure import Spread, cpu_seconds
from benchmarks.memory import DEFAULT as MEMORY
from benchmarks.results import Results, Row
from discovery.aws.log_reader import PACE
from simulator import Function, Service, Simulator
from simulator.logs.store import Row as LogRow

if TYPE_CHECKING:
    from benchmarks.contest import Progress

TASKS, LINES, ROUNDS = 100, 200_000, 3
MINUTES = 60
EVENT = {"action": "diagnose", "minutes": MINUTES}


def measure(results: Results, progress: Progress) -> None:
    with Simulator(latency=LATENCY) as aws:
        service = aws.ecs.create_service("arcade", "lobby", desired=TASKS, steady=True)
        service.attach(aws.elb.create("front"))
        write_lines(aws, service)
        service.running[0].run_out_of_memory()
        settings = aws.settings(service, OURS, DIAGNOSE="true", RETRY_COUNT="1")
        walls, cpus, pages = [], [], 0
        with Function(settings, ROOT, timeout=300) as function:
            checked(function.invoke({}))
            for each in range(ROUNDS + 1):
                progress(f"round {each} of {ROUNDS}")
                aws.calls.clear()
                before = cpu_seconds(function.pid)
                done = checked(function.invoke(EVENT))
                if done.answer["logs"]["truncated"] or done.answer["logs"]["lines"] < LINES / 2:
                    raise RuntimeError(f"not all lines were read: {done.answer['logs']['lines']}")
                pages = len(aws.calls.of("FilterLogEvents"))
                if each:
                    walls.append(done.duration)
                    cpus.append(cpu_seconds(function.pid) - before)
        with Function(settings, ROOT, timeout=300, memory=MEMORY) as small:
            checked(small.invoke({}))
            progress(f"at {MEMORY} MB")
            slow = checked(small.invoke(EVENT)).duration
    shortest = 4 * LATENCY + (pages - 1) * PACE
    title = f"diagnosis, {TASKS} tasks, {LINES:,} log lines"
    results.rows += [
        Row(title, Spread.of(walls), unit=" s", note=f"{pages} pages of log lines, 5 a second"),
        Row(
            "... over its critical path",
            Spread.of(each / shortest for each in walls),
            goal=1.25,
            note=f"{shortest:.2f} s",
        ),
        Row("... CPU", Spread.of(cpus), unit=" s"),
        Row(f"... with Lambda's share of a CPU at {MEMORY} MB", Spread.of([slow]), unit=" s"),
    ]


def write_lines(aws: Simulator, service: Service) -> None:
    """The same number of lines for each task, over the whole window, in the order of their time."""
    begin, step = (time.time() - 59 * MINUTES) * 1000, 58 * MINUTES * 1000 / LINES
    streams = [f"ecs/{task.state.containers[0].name}/{task.id}" for task in service.running]
    rows: dict[str, list[LogRow]] = {stream: [] for stream in streams}
    for number, line in enumerate(mixed(LINES)):
        stream = streams[number % len(streams)]
        rows[stream].append(LogRow(int(begin + number * step), stream, line.text))
    for stream, lines in rows.items():
        aws.logs.serve("/ecs/lobby", stream, lines)
