"""Waits that a recycle makes on purpose, or for others, in accelerated time: none is a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from course import QUICK, begin, restored, status, until_ended
from recycle_world import DRAINING, World, standing_world

from discovery.recycle import machine
from simulator.ecs.deployments import IN_PROGRESS
from simulator.events import scheduled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.ecs.tasks import Task

PATIENT = QUICK | {"replacement_timeout": 120}


@pytest.fixture
def world() -> Iterator[World]:
    yield from standing_world()


@pytest.mark.parametrize("field", ["wait_time", "settle_time", "drain_time"])
def test_a_wait_that_was_ordered_may_be_longer_than_the_timeout(world: World, field: str) -> None:
    """Nothing is to change while it lasts, nor at the first look after it."""
    begin(world, 2)
    began = world.now()
    world.invoke(PATIENT | {field: 900})
    answer = until_ended(world, 120)
    assert ("recycled", 2) == (answer["outcome"], answer["recycle"]["replaced"]), answer
    assert 900 <= world.now() - began
    restored(world, 2)


def with_protected(world: World, count: int) -> Task:
    """A recycle has waited for a protected task for so many minutes."""
    begin(world, 2)
    busy = world.service.tasks[0]
    busy.protect(120)
    world.invoke(PATIENT)
    minutes(world, count)
    return busy


def test_a_protected_task_may_be_freed_after_the_timeout(world: World) -> None:
    """It was waited for: then it is replaced."""
    busy = with_protected(world, 20)
    assert "1 tasks are under scale-in protection" == status(world)["recycle"]["reason"]
    busy.unprotect()
    assert "recycled" == until_ended(world)["outcome"]
    restored(world, 2)


def test_what_was_waited_for_may_end_long_before_the_next_look(world: World) -> None:
    """Nobody has looked meanwhile, so nothing was seen to stand still."""
    busy = with_protected(world, 5)
    busy.unprotect()
    world.pass_time(600)
    assert "recycled" == until_ended(world)["outcome"]
    restored(world, 2)


def test_a_deployment_may_take_longer_than_the_timeout(world: World) -> None:
    """It has a bake time, for example, in which no task changes."""
    begin(world, 2)
    world.invoke(PATIENT)
    minutes(world, 20, deploying=True)
    assert "a deployment is in progress" in status(world)["recycle"]["reason"]
    world.service.primary.becomes("COMPLETED", "", world.now())
    assert "recycled" == until_ended(world)["outcome"]
    restored(world, 2)


def test_a_pause_may_be_longer_than_the_timeout(world: World) -> None:
    """The time begins anew when it is resumed."""
    begin(world, 2)
    world.invoke(PATIENT)
    command(world, "pause")
    minutes(world, 20)
    command(world, "resume")
    assert "recycled" == until_ended(world)["outcome"]
    restored(world, 2)


def test_looks_may_be_further_apart_than_the_timeout(world: World) -> None:
    """Without events they come each minute. The time counts from the end of a wait."""
    begin(world, 2)
    world.invoke(QUICK | {"wait_time": 70, "drain_time": 45, "replacement_timeout": 90})
    for _ in range(20):
        world.pass_time(60)
        world.invoke(scheduled(), 5.0)
    assert "recycled" == status(world)["outcome"], status(world)["recycle"]["reason"]
    restored(world, 2)


def test_a_protected_task_that_readers_lose_stays_untouched(world: World) -> None:
    """It goes first once it is free, as no reader sees it; until then its protection is asked for,
    however young it is."""
    begin(world, 15)
    busy = sorted(world.service.tasks, key=lambda task: (task.state.created_at, task.id))[13]
    busy.protect(600)
    world.invoke(QUICK | {"wait_time": 120, "replacement_timeout": 600})
    while status(world)["recycle"]["replaced"] < 1 or status(world)["recycle"]["current"]:
        world.pass_time(15)
        world.invoke(scheduled())
    busy.port("closed")
    drained = drains(world)
    world.aws.calls.clear()
    minutes(world, 5)
    assert busy.id not in drained
    assert len(world.aws.calls.of("ListTasks")) < 100
    assert f"task {busy.id} is not listed yet" == status(world)["recycle"]["reason"]
    busy.unprotect()
    minutes(world, 1)
    assert [busy.id] == drained[:1]
    assert "recycled" == until_ended(world, 120)["outcome"]
    restored(world, 15)


def test_a_task_that_is_given_back_is_not_drained_again_at_once(world: World) -> None:
    """It is protected whenever it is in hand: the recycle does not run in circles meanwhile."""
    begin(world, 2)
    drained = drains(world)

    def protects(_action: str, _body: bytes) -> None:
        for task in world.service.tasks:
            if any(task.id in draining for draining in world.redis.zrange(DRAINING, 0, -1)):
                task.protect()
            else:
                task.unprotect()

    world.acting = protects
    world.invoke(QUICK | {"drain_time": 0})
    began = world.now()
    minutes(world, 2)
    assert drained
    assert len(drained) <= 1 + (world.now() - began) / machine.RETRY


def drains(world: World) -> list[str]:
    """The tasks that leave the list, from now on."""
    drained: list[str] = []

    def look(step: str, call: Any, _answer: object) -> None:
        if step == "redis withdraw" and call[2] == 1:
            drained.append(call[1])

    world.seen = look
    return drained


def minutes(world: World, count: int, deploying: bool = False) -> None:
    for _ in range(count):
        world.pass_time(60)
        if deploying:
            world.service.primary.becomes("IN_PROGRESS", IN_PROGRESS, world.now())
        world.invoke(scheduled())


def command(world: World, word: str) -> dict[str, Any]:
    return world.invoke({"action": "recycle", "command": word})
