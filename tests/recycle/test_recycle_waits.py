"""Waits that a recycle makes on purpose, or for others, in accelerated time: none is a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from course import QUICK, begin, restored, status, until_ended
from recycle_world import World, standing_world

from simulator.ecs.deployments import IN_PROGRESS
from simulator.events import scheduled

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def test_a_protected_task_may_be_freed_after_the_timeout(world: World) -> None:
    """It was waited for: then it is replaced."""
    begin(world, 2)
    busy = world.service.tasks[0]
    busy.protect(120)
    world.invoke(PATIENT)
    minutes(world, 20)
    assert "1 tasks are under scale-in protection" == status(world)["recycle"]["reason"]
    busy.unprotect()
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


def minutes(world: World, count: int, deploying: bool = False) -> None:
    for _ in range(count):
        world.pass_time(60)
        if deploying:
            world.service.primary.becomes("IN_PROGRESS", IN_PROGRESS, world.now())
        world.invoke(scheduled())


def command(world: World, word: str) -> dict[str, Any]:
    return world.invoke({"action": "recycle", "command": word})
