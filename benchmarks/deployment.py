"""A deployment of a service of 1,000 tasks: an event a second, for a minute.

ECS's throttle bucket is on, and so is the function's rate limit. How long after each event is a
listing published that began after it? ECS calls are counted over the busiest minute. The scheduled
run comes in the middle, as it does in Lambda.
"""

from __future__ import annotations

import bisect
import itertools
import json
import math
import threading
import time
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from benchmarks.contest import LATENCY, OURS, ROOT, SCHEDULED, checked
from benchmarks.measure import Spread
from benchmarks.results import Results, Row
from simulator import Environments, Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.contest import Progress
    from simulator import Invocation, Service
    from simulator.events import Event

TASKS, SECONDS = 1000, 60
ENVIRONMENTS = 5  # ReservedConcurrency of the template
MEDIAN_GOAL, LATE_GOAL = 500, 1500  # ms
# ECS refills 20 calls a second, for the whole account: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
CALLS_GOAL = 20 * 60 / 2
LOOK_EVERY = 0.004  # seconds
PATIENCE = 30  # seconds, for the last event's listing


class Outcome(NamedTuple):
    """What came of the minute."""

    delays: list[float]  # ms, from each event to a published listing that began after it
    changes: list[float]  # ms, from an event that changes the list to the message of that change
    calls: int  # in the busiest minute
    throttled: int


def measure(results: Results, progress: Progress, memory: int) -> None:
    for each in (None, memory):
        where = f"at {each} MB" if each else "with a whole CPU"
        progress(f"{TASKS:,} tasks, an event a second {where}: {SECONDS} s")
        results.rows += _rows(ride_out(each), where)


def _rows(outcome: Outcome, where: str) -> list[Row]:
    title = f"{TASKS:,} tasks, an event a second for a minute {where}: event to published"
    late = percentile(outcome.delays, 99)
    late_change = percentile(outcome.changes, 99)
    return [
        Row(title, Spread.of(outcome.delays), goal=MEDIAN_GOAL, unit=" ms"),
        Row("... 99th percentile", Spread.of([late]), goal=LATE_GOAL, unit=" ms"),
        Row("... a task that runs or stops: to its change", Spread.of(outcome.changes), unit=" ms"),
        Row("... its 99th percentile", Spread.of([late_change]), unit=" ms"),
        Row("... ECS calls in the busiest minute", Spread.of([outcome.calls]), goal=CALLS_GOAL),
        Row("... of them throttled", Spread.of([outcome.throttled]), goal=0),
    ]


def ride_out(memory: int | None) -> Outcome:
    """The minute, at environments that are warm. Raises RuntimeError if the list is wrong then."""
    with Simulator(latency=LATENCY) as aws:
        service = aws.ecs.create_service("arcade", "lobby")
        service.start_tasks(TASKS)
        settings = aws.settings(service, OURS)
        with Environments(settings, ENVIRONMENTS, root=ROOT, memory=memory) as fleet:
            _warm_up(fleet)
            aws.valkey.client().delete(f"{{{OURS}}}:ratelimit")
            aws.events.take()
            aws.calls.clear()
            aws.ecs.throttle()
            with Publications(aws) as publications, Changes(aws) as seen:
                sent = _send(fleet, changes(aws, service))
                delays = [(publications.after(at) - at) * 1000 for at, _ in sent]
                moments = [(at, seen.of(event)) for at, event in sent if _changes(event)]
        _check(aws, service)
        times = [call.at for call in aws.calls]
        throttled = sum(call.error_code == "ThrottlingException" for call in aws.calls)
        changed = [(moment - at) * 1000 for at, moment in moments]
        return Outcome(delays, changed, busiest(times, 60), throttled)


def _warm_up(fleet: Environments) -> None:
    while len(fleet.functions) < ENVIRONMENTS:
        for each in [fleet.invoke({}) for _ in range(ENVIRONMENTS)]:
            checked(each.result())


def changes(aws: Simulator, service: Service) -> Iterator[Event]:
    """The events of a rolling deployment: a task comes up, then an old one stops."""
    for old in service.tasks[:TASKS]:
        new = service.start_task(status="PENDING")
        yield aws.events.take()[-1]
        new.becomes("RUNNING")
        yield aws.events.take()[-1]
        old.stop()
        yield aws.events.take()[-1]
        old.becomes("STOPPED")
        yield aws.events.take()[-1]


def _changes(event: Event) -> bool:
    """Whether the list changes by it."""
    return event["detail"]["lastStatus"] in {"RUNNING", "DEACTIVATING"}


def _send(fleet: Environments, events: Iterator[Event]) -> list[tuple[float, Event]]:
    """Send an event each second. Returns when each was sent, once all are answered."""
    sent: list[tuple[float, Event]] = []
    answers: list[Future[Invocation]] = []
    began = time.monotonic()
    for second in range(SECONDS):
        time.sleep(max(0.0, began + second - time.monotonic()))
        event = next(events)  # not earlier, as this makes the change itself
        sent.append((time.monotonic(), event))
        answers.append(fleet.invoke(event))
        if second == SECONDS // 2:
            answers.append(fleet.invoke(SCHEDULED))
    wait(answers)
    for each in answers:
        checked(each.result())
    return sent


@dataclass
class Publications:
    """When each listing was first seen published, and when it had begun."""

    aws: Simulator
    begun: list[float] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def after(self, moment: float) -> float:
        """When a listing that began after a moment was published, all by time.monotonic()."""
        patience = time.monotonic() + PATIENCE
        while not (self.begun and self.begun[-1] > moment):
            if time.monotonic() > patience:
                raise RuntimeError("an event is not answered by a listing")
            time.sleep(LOOK_EVERY)
        return self.seen[bisect.bisect_right(self.begun, moment)]

    def _look(self) -> None:
        redis = self.aws.valkey.client()
        # A token is the server's time of day in ms, when its listing began.
        offset = time.monotonic() - time.time()
        last: Any = None
        while not self._over.wait(LOOK_EVERY):
            token: Any = redis.hget(f"{{{OURS}}}:state", "listing")
            if token != last:
                last = token
                self.seen.append(time.monotonic())
                self.begun.append(int(token) / 1000 + offset)


@dataclass
class Changes:
    """When each address was first announced as added, and as removed."""

    aws: Simulator
    added: dict[str, float] = field(default_factory=dict)
    removed: dict[str, float] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._subscriber: Any = self.aws.valkey.client().pubsub()  # type: ignore[no-untyped-call]
        self._subscriber.subscribe(OURS)
        self._subscriber.get_message(timeout=PATIENCE)  # the answer to the subscription
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._subscriber.close()

    def of(self, event: Event) -> float:
        """When the change of a task's event was announced. Raises RuntimeError if it never was."""
        runs = event["detail"]["lastStatus"] == "RUNNING"
        seen = self.added if runs else self.removed
        (attachment,) = (each for each in event["detail"]["attachments"] if each["type"] == "eni")
        details = {each["name"]: each["value"] for each in attachment["details"]}
        patience = time.monotonic() + PATIENCE
        while (moment := seen.get(details["privateIPv4Address"])) is None:
            if time.monotonic() > patience:
                raise RuntimeError("a task's change is not in the list")
            time.sleep(LOOK_EVERY)
        return moment

    def _listen(self) -> None:
        while not self._over.is_set():
            message = self._subscriber.get_message(timeout=0.1)
            if message:
                news = json.loads(message["data"])
                for address in news["added"]:
                    self.added.setdefault(address, time.monotonic())
                for address in news["removed"]:
                    self.removed.setdefault(address, time.monotonic())


def _check(aws: Simulator, service: Service) -> None:
    listed = {each["ip"] for each in json.loads(str(aws.valkey.client().get(OURS)))}
    running = {task.ip for task in service.running}
    if listed != running:
        raise RuntimeError(f"{len(listed ^ running)} addresses are wrong after the minute")


def busiest(times: Sequence[float], seconds: float) -> int:
    """The most of these moments, in order, that any window of so many seconds holds."""
    ends = (bisect.bisect_left(times, at + seconds) for at in times)
    return max((end - start for start, end in zip(itertools.count(), ends)), default=0)


def percentile(values: Sequence[float], percent: float) -> float:
    """The least value that so many percent of the values do not exceed."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]
