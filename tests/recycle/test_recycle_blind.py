"""A recycle that AWS does not let look at its service any more, in accelerated time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from course import QUICK, begin, listed, restored, status, until_ended
from recycle_world import DRAINING, KEY, World, quietly, standing_world

from discovery.recycle.record import loads
from simulator.events import scheduled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from discovery.recycle.record import Record

READS = ["DescribeServices", "DescribeScalableTargets", "GetTaskProtection"]


@pytest.fixture
def world() -> Iterator[World]:
    yield from standing_world()


def denied_from(world: World, reached: Callable[[Record], bool], operation: str) -> None:
    """From the first moment on at which the record is like this."""

    def acting(_action: str, _body: bytes) -> None:
        record = loads(str(world.redis.hget(f"{KEY}:recycle", "record") or ""))
        if record and reached(record):
            world.aws.faults.set(operation, "denied")

    world.acting = acting


def minutes(world: World, count: int) -> None:
    for _ in range(count):
        world.pass_time(60)
        quietly(lambda: world.invoke(scheduled()))


def seeing(world: World) -> None:
    world.acting = lambda _action, _body: None
    world.aws.faults.clear()


@pytest.mark.parametrize("step", ["drain", "stop"])
@pytest.mark.parametrize("operation", READS)
def test_a_task_in_hand_goes_back_and_the_recycle_fails(
    world: World, operation: str, step: str
) -> None:
    """Back into the list within two minutes; failed after the timeout, with message and metric."""
    begin(world)
    in_step = lambda record: bool(record.batch and record.batch.step == step)  # noqa: E731
    world.invoke(QUICK | {"drain_time": 30})
    denied_from(world, in_step, operation)
    for _ in range(40):
        world.pass_time(10)
        world.invoke(scheduled())
        if world.aws.faults.next(operation)[0]:
            break
    minutes(world, 2)
    stops = len(world.aws.calls.of("StopTask"))
    assert {task.ip for task in world.service.running} == listed(world)
    assert "recycling" == status(world)["outcome"]
    minutes(world, 6)
    answer = status(world)["recycle"]
    # What only a stop depends on is not read to restore the service.
    assert ("failed" if operation == "GetTaskProtection" else "restoring") == answer["phase"]
    assert operation in answer["reason"]
    assert (["started", "failed"], 1.0) == (world.messages(), world.figures["RecycleFailed"])
    minutes(world, 10)
    last = "failed" if operation == "GetTaskProtection" else "not restored"
    assert last == world.messages()[-1]
    assert stops == len(world.aws.calls.of("StopTask"))
    assert not set(world.redis.zrange(DRAINING, 0, -1)) & {t.id for t in world.service.alive}
    seeing(world)
    assert "failed" == until_ended(world)["outcome"]
    restored(world)


def test_a_task_whose_stop_is_refused_goes_back_although_nothing_can_be_read(world: World) -> None:
    """The recycle has failed by then, and has no task in hand any more."""
    begin(world)
    world.aws.faults.set("StopTask", "denied")
    world.invoke(QUICK)
    denied_from(world, lambda record: record.ending == "failed", "DescribeServices")
    for _ in range(20):
        world.pass_time(10)
        world.invoke(scheduled())
        if world.aws.faults.next("DescribeServices")[0]:
            break
    minutes(world, 2)
    assert "restoring" == status(world)["recycle"]["phase"]
    assert {task.ip for task in world.service.running} == listed(world)
    seeing(world)
    assert "failed" == until_ended(world)["outcome"]
    restored(world)


def test_people_hear_that_a_service_is_not_restored_whose_scaling_cannot_be_read(
    world: World,
) -> None:
    """The message comes, and the metric of the alarm, after ten minutes."""
    begin(world)
    target = world.aws.scaling.register(world.service, 1, 3)
    world.invoke(QUICK)
    denied_from(world, lambda record: record.phase == "restoring", "DescribeScalableTargets")
    quietly(lambda: world.invoke({"action": "recycle", "command": "cancel"}))
    minutes(world, 9)
    assert (["started"], 0) == (world.messages(), world.figures["RecycleNotRestored"])
    minutes(world, 3)
    assert ["started", "not restored"] == world.messages()
    assert 1 == world.figures["RecycleNotRestored"]
    seeing(world)
    assert "cancelled" == until_ended(world)["outcome"]
    restored(world)
    assert (3, False) == (target.maximum, target.suspended.scale_in)


@pytest.mark.parametrize(("command", "outcome"), [("pause", "paused"), ("cancel", "recycling")])
def test_a_command_counts_although_nothing_can_be_read(
    world: World, command: str, outcome: str
) -> None:
    """A paused recycle does not fail however long that lasts, and a cancelled one ends as such."""
    begin(world)
    world.invoke(QUICK)
    world.aws.faults.set("DescribeServices", "denied")
    quietly(lambda: world.invoke({"action": "recycle", "command": command}))
    minutes(world, 4 if command == "cancel" else 20)
    assert outcome == status(world)["outcome"]
    seeing(world)
    world.invoke({"action": "recycle", "command": "cancel"})
    assert "cancelled" == until_ended(world)["outcome"]
    restored(world)


def test_a_wait_that_was_ordered_may_pass_unseen(world: World) -> None:
    """Nothing has to change before it is over."""
    begin(world, 2)
    world.invoke(QUICK | {"wait_time": 1800})
    minutes(world, 5)
    assert 1 == status(world)["recycle"]["replaced"]
    world.aws.faults.set("DescribeServices", "denied")
    minutes(world, 20)
    seeing(world)
    assert "recycled" == until_ended(world, 120)["outcome"]
    restored(world, 2)
