"""From a stop event to the task out of the list, with Lambda's share of a CPU.

For ours a subscriber of the list's channel sees it. The straightforward one publishes no message,
so its key is read again and again.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from benchmarks.contest import LATENCY, OURS, ROOTS, STRAIGHTFORWARD, Contest, checked
from benchmarks.measure import Spread
from benchmarks.results import Results, Row
from benchmarks.stop import a_stop, wait_until_gone
from simulator import Service, Simulator, share

if TYPE_CHECKING:
    from benchmarks.contest import Progress

TASKS, ROUNDS, GOAL = 20, 15, 20  # ms
PATIENCE = 30  # seconds


def measure(results: Results, progress: Progress, memory: int) -> None:
    delays: dict[str, list[float]] = {name: [] for name in ROOTS}
    with Simulator(latency=LATENCY) as aws:
        service = aws.ecs.create_service("arcade", "lobby")
        service.start_tasks(TASKS)
        with Contest(aws, service) as contest:
            for each in range(ROUNDS + 1):
                progress(f"stop events, round {each} of {ROUNDS}")
                for name in ROOTS:
                    delay = out_of_the_list(aws, service, contest, name, memory)
                    if each:
                        delays[name].append(delay * 1000)
    spreads = {name: Spread.of(each) for name, each in delays.items()}
    title = f"withdrawal of a stopping task at {memory} MB, as a subscriber sees it, {TASKS} tasks"
    results.rows.append(Row(title, spreads[OURS], spreads[STRAIGHTFORWARD], GOAL, " ms"))


def out_of_the_list(
    aws: Simulator, service: Service, contest: Contest, name: str, memory: int
) -> float:
    """Seconds from the invocation on."""
    leaving, event = a_stop(aws, service, contest, name)
    subscriber: Any = contest.redis.pubsub()  # type: ignore[no-untyped-call]
    with subscriber as channel, share.held(contest.pid(name), memory):
        channel.subscribe(name)
        channel.get_message(timeout=PATIENCE)  # the answer to the subscription
        began = time.monotonic()
        invocation = contest.functions[name].start(event)
        if name == OURS:
            _wait_for_message(channel, leaving.ip)
        else:
            wait_until_gone(contest, name, leaving)
        delay = time.monotonic() - began
        checked(invocation.result())
    leaving.becomes("STOPPED")
    return delay


def _wait_for_message(channel: Any, address: str) -> None:
    message = channel.get_message(timeout=PATIENCE)
    if not message or address not in json.loads(message["data"])["removed"]:
        raise RuntimeError(f"the first message after the stop event is {message}")
