"""From a stop event to the task out of the list, while a newcomer does not answer yet.

That is a deployment: an old task goes, a new one comes. A function that withdraws only by listing
and probing again waits for the newcomer first.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.contest import LATENCY, OURS, ROOTS, STRAIGHTFORWARD, Contest, checked
from benchmarks.measure import Spread
from benchmarks.results import Results, Row
from simulator import Service, Simulator

if TYPE_CHECKING:
    from benchmarks.contest import Progress
    from simulator import Task
    from simulator.events import Event

TASKS, ROUNDS = 20, 5
LOOK_EVERY = 0.0005  # seconds


def measure(results: Results, progress: Progress) -> None:
    delays: dict[str, list[float]] = {name: [] for name in ROOTS}
    with Simulator(latency=LATENCY) as aws:
        service = aws.ecs.create_service("arcade", "lobby")
        service.start_tasks(TASKS)
        service.start_task(port="silent")
        with Contest(aws, service, RETRY_COUNT="1") as contest:
            for each in range(ROUNDS + 1):
                progress(f"round {each} of {ROUNDS}")
                for name in ROOTS:
                    delay = out_of_the_list(aws, service, contest, name)
                    if each:
                        delays[name].append(delay * 1000)
    results.rows.append(
        Row(
            "stop event to the task out of the list, warm, while a newcomer is silent",
            Spread.of(delays[OURS]),
            Spread.of(delays[STRAIGHTFORWARD]),
            10,
            " ms",
        )
    )


def out_of_the_list(aws: Simulator, service: Service, contest: Contest, name: str) -> float:
    """Seconds from the invocation on."""
    leaving, event = a_stop(aws, service, contest, name)
    began = time.monotonic()
    invocation = contest.functions[name].start(event)
    wait_until_gone(contest, name, leaving)
    delay = time.monotonic() - began
    checked(invocation.result())
    leaving.becomes("STOPPED")
    return delay


def a_stop(aws: Simulator, service: Service, contest: Contest, name: str) -> tuple[Task, Event]:
    """A listed task that has begun to stop, and its event. Raises RuntimeError."""
    leaving = service.start_task()
    contest.run(name)
    if leaving.ip not in contest.listed(name):
        raise RuntimeError(f"{name} does not list the task")
    aws.events.take()
    leaving.stop()
    (event,) = aws.events.take()
    contest.reset_rate_limit()
    return leaving, event


def wait_until_gone(contest: Contest, name: str, leaving: Task) -> None:
    """Read the list again and again, until it has no such task."""
    while f'"{leaving.ip}"' in str(contest.redis.get(name)):
        time.sleep(LOOK_EVERY)
