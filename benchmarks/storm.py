"""A scale-out: 300 events at 12 environments, under the throttle bucket of ECS."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from benchmarks.contest import LATENCY, OURS, ROOTS, STRAIGHTFORWARD
from benchmarks.measure import Spread
from benchmarks.results import Results, Row
from simulator import Environments, Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.contest import Progress
    from simulator.events import Event

TASKS, ENVIRONMENTS, AT_ONCE = 100, 12, 9
ROUNDS = {STRAIGHTFORWARD: 1, OURS: 3}


def measure(results: Results, progress: Progress) -> None:
    figures: dict[str, list[tuple[int, int, int, int]]] = {name: [] for name in ROOTS}
    for name, rounds in ROUNDS.items():
        for each in range(rounds):
            progress(f"{name}, {each + 1} of {rounds}")
            figures[name].append(ride_out(name))
    titles = (
        ("ECS calls for 300 events by 12 environments, bucket of 100 and 20 a second", 30),
        ("... of them throttled", 0),
        ("... invocations failed", 0),
        ("... tasks missing from the list in the end", 0),
    )
    for column, (title, goal) in enumerate(titles):
        theirs, ours = (
            Spread.of(each[column] for each in figures[name]) for name in (STRAIGHTFORWARD, OURS)
        )
        results.rows.append(Row(title, ours, theirs, goal))


def ride_out(name: str) -> tuple[int, int, int, int]:
    """The calls, those throttled, the invocations that failed, the tasks that are missing."""
    with Simulator(latency=LATENCY) as aws:
        service = aws.ecs.create_service("arcade", "lobby")
        with Environments(aws.settings(service, name), ENVIRONMENTS, root=ROOTS[name]) as fleet:
            warm_up = [fleet.invoke({"action": "sync"}) for _ in range(ENVIRONMENTS)]
            for each in warm_up:
                each.result()
            aws.valkey.flush()
            aws.calls.clear()
            aws.ecs.throttle()
            events = [event for moment in scale_out(aws) for event in moment]
            done = [each.result() for each in [fleet.invoke(event) for event in events]]
        listed = {item["ip"] for item in json.loads(str(aws.valkey.client().get(name) or "[]"))}
        return (
            len(aws.calls),
            sum(call.error_code == "ThrottlingException" for call in aws.calls),
            sum(each.error_type is not None for each in done),
            len({task.ip for task in service.tasks} - listed),
        )


def scale_out(aws: Simulator) -> Iterator[list[Event]]:
    """Tasks come up as ECS brings them, some at a time; yields the events of each moment."""
    rng = random.Random(1)  # the same storm each time
    service = aws.ecs.create_service("arcade", "lobby")
    tasks = [service.start_task(status="PROVISIONING") for _ in range(TASKS)]
    aws.events.take()
    ahead = {task: ["PENDING", "ACTIVATING", "RUNNING"] for task in tasks}
    while ahead:
        for task in rng.sample(list(ahead), min(len(ahead), AT_ONCE)):
            task.becomes(ahead[task].pop(0))  # type: ignore[arg-type]
            if not ahead[task]:
                del ahead[task]
        yield aws.events.take()
