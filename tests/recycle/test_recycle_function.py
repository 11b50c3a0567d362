"""Recycling with the function itself: real time, a real Redis, the simulator's scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from conftest import listed
from redis_helpers import PREFIX, Subscriber, quick

from simulator import Delays
from simulator.events import scheduled, service_action
from simulator.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Start

    from simulator import Function, Invocation, Service, Simulator

QUICK = {"action": "recycle", "drain_time": 0.2, "wait_time": 0}


@pytest.fixture
def service(aws: Simulator) -> Iterator[Service]:
    """A service of three tasks whose scheduler works in real time."""
    service = aws.ecs.create_service("arcade", "lobby", desired=3, steady=True)
    service.delays = Delays().times(0.01)
    aws.events.take()
    aws.clock.run()
    yield service
    aws.clock.stop()


@pytest.fixture
def function(aws: Simulator, service: Service, start: Start) -> Function:
    function = start(quick(aws, service, RECYCLE="true"))
    assert "published" == function.invoke({}).answer["outcome"]
    return function


def until_ended(function: Function, aws: Simulator, seconds: float = 40.0) -> dict[str, Any]:
    """Deliver the service's events and the schedule's, until the recycle has ended."""
    answer: dict[str, Any] = {}

    def ended() -> bool:
        nonlocal answer
        for event in [*aws.events.take()[-3:], scheduled()]:
            said: Invocation = function.invoke(event)
            assert said.error_message is None
        answer = function.invoke({"action": "recycle", "command": "status"}).answer
        return answer["outcome"] in ("recycled", "failed", "cancelled")

    wait_until(ended, "the recycle has ended", seconds)
    return answer


def test_every_task_is_replaced_and_the_service_is_as_it_was(
    aws: Simulator, service: Service, function: Function
) -> None:
    """The list never has fewer than three addresses, and the count and the scaling are restored."""
    target = aws.scaling.register(service, 1, 3)
    old = [task.ip for task in service.running]
    reader = Subscriber(aws)
    answer = function.invoke(QUICK).answer
    assert ("recycling", 3) == (answer["outcome"], answer["recycle"]["total"])
    answer = until_ended(function, aws)

    changes = [len(each["added"]) - len(each["removed"]) for each in reader.messages()]
    assert 3 == min(3 + sum(changes[: count + 1]) for count in range(len(changes)))
    assert ("recycled", 3) == (answer["outcome"], answer["recycle"]["replaced"]), answer
    assert 3 == service.desired
    assert (3, (False, False, False)) == (
        target.maximum,
        (target.suspended.scale_in, target.suspended.scale_out, target.suspended.scheduled),
    )
    wait_until(lambda: len(service.running) == 3, "the surplus task is gone")
    assert not set(old) & set(listed(aws) or [])
    assert {} == service.tags


def test_the_history_is_kept_before_a_recycle_waits(
    aws: Simulator, service: Service, start: Start
) -> None:
    """A recycle's waits may use up the time of the run, so what it listed is kept by then."""
    function = start(quick(aws, service, RECYCLE="true", HISTORY="true"))
    assert "published" == function.invoke({}).answer["outcome"]
    assert "recycling" == function.invoke(QUICK).answer["outcome"]
    said = function.invoke(scheduled())
    steps = [name for line in said.log for name in ("history: ", "RecycleReplaced") if name in line]
    assert ["history: ", "RecycleReplaced"] == steps[:2]


def test_a_recycle_goes_by_a_look_at_each_task(
    aws: Simulator, service: Service, function: Function
) -> None:
    """An event's run looks only at what may have changed. The recycle that it advances looks at
    each task besides, so what it does next rests on probes of now."""
    function.invoke(QUICK | {"drain_time": 60})
    aws.events.take()
    aws.calls.clear()
    aws.valkey.client().delete(f"{PREFIX}:ratelimit")
    assert function.invoke(service_action(service)).error_message is None
    ids = {arn for call in aws.calls.of("DescribeTasks") for arn in call.parameters["tasks"]}
    assert {task.id for task in service.running} <= {each.rpartition("/")[2] for each in ids}
