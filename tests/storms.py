"""A service in motion, and the events of it arriving at many environments at once.

python tests/storms.py --seconds 120      a storm of any length (part of make soak)
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator import Environments, Invocation, Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from simulator.events import Event

KEY = "ecs:task:iplist"
LISTING = ("ListTasks", "DescribeTasks")


@dataclass(frozen=True)
class Passed:
    """What a storm left behind."""

    invocations: list[Invocation]
    calls: int
    refused: int  # calls over ECS's budget
    most_a_second: float  # calls, over any minute
    listed: list[str]
    truth: list[str]

    @property
    def failed(self) -> list[str | None]:
        return [i.error_message for i in self.invocations if i.error_type]


def scale_out(aws: Simulator, first: int, last: int, rng: random.Random) -> Iterator[list[Event]]:
    """Tasks come up as ECS brings them, some at a time; yields the events of each moment."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(first)
    coming = [service.start_task(status="PROVISIONING") for _ in range(last - first)]
    ahead = {task: ["PENDING", "ACTIVATING", "RUNNING"] for task in coming}
    yield aws.events.take()
    while ahead:
        for task in rng.sample(list(ahead), min(len(ahead), 9)):
            task.becomes(ahead[task].pop(0))  # type: ignore[arg-type]
            if not ahead[task]:
                del ahead[task]
        yield aws.events.take()


def churn(aws: Simulator, seconds: float, rng: random.Random) -> Iterator[list[Event]]:
    """Twenty tasks of which one is replaced again and again, for so many seconds."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(20)
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        alive = [task for task in service.tasks if task.state.desired_status == "RUNNING"]
        old = rng.choice(alive)
        old.stop()
        service.start_task(status="PENDING").becomes("RUNNING")
        old.becomes("STOPPED")
        yield aws.events.take()
        time.sleep(0.05)  # the pace of the storm, not a wait


def ride_out(
    aws: Simulator,
    moments: Iterator[list[Event]],
    rng: random.Random,
    environments: int,
    duplicates: float,
    **options: Any,
) -> Passed:
    """Deliver each moment's events at once, shuffled and some of them twice; wait for all."""
    aws.ecs.throttle(burst=100, per_second=20)
    first = next(moments)
    service = aws.ecs.create_service("arcade", "lobby")
    running: list[Future[Invocation]] = []
    with Environments(aws.settings(service, key=KEY), environments, **options) as fleet:
        for moment in (first, *moments):
            events = moment + [event for event in moment if rng.random() < duplicates]
            rng.shuffle(events)
            running += [fleet.invoke(event) for event in events]
        invocations = [each.result() for each in running]
    calls = [call for call in aws.calls if call.operation in LISTING]
    return Passed(
        invocations,
        len(calls),
        sum(call.status != 200 for call in calls),
        most_in(60.0, [call.at for call in calls]) / 60.0,
        sorted(item["ip"] for item in json.loads(str(aws.valkey.client().get(KEY)))),
        sorted(task.ip for task in service.tasks if task.state.desired_status == "RUNNING"),
    )


def most_in(seconds: float, moments: list[float]) -> int:
    """The most that fell into any window of so many seconds."""
    moments = sorted(moments)
    start = most = 0
    for end, moment in enumerate(moments):
        while moment - moments[start] > seconds:
            start += 1
        most = max(most, end - start + 1)
    return most


def main() -> int:
    parser = argparse.ArgumentParser(description="A storm of replaced tasks")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--environments", type=int, default=8)
    parser.add_argument("--memory", type=int, help="with Lambda's CPU for so many MB")
    options = parser.parse_args()
    rng = random.Random(1)
    with Simulator() as aws:
        cpu = f", each with the CPU of {options.memory} MB" if options.memory else ""
        print(
            f"a storm of {options.seconds:g} s, {options.environments} environments{cpu}",
            flush=True,
        )
        moments = churn(aws, options.seconds, rng)
        passed = ride_out(aws, moments, rng, options.environments, 0.2, memory=options.memory)
    print(
        f"{len(passed.invocations)} events, {len(passed.failed)} failed; {passed.calls} ECS calls, "
        f"{passed.refused} refused, at most {passed.most_a_second:.1f} a second"
    )
    right = passed.listed == passed.truth
    print(f"the list is {'the truth' if right else 'wrong'}: {len(passed.listed)} tasks")
    return int(bool(passed.failed) or not right or passed.refused > 0 or passed.most_a_second > 10)


if __name__ == "__main__":
    sys.exit(main())
