"""A recycle while somebody else sets the desired count, in accelerated time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from course import ENDS, QUICK, begin, listed, restored, status, until_ended
from recycle_world import World, standing_world

from simulator.events import scheduled

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_PLACE = QUICK | {"maintain_service_state": False}


@pytest.fixture
def world() -> Iterator[World]:
    yield from standing_world()


def lengths(world: World) -> list[int]:
    """How long the list is after each call that may change it, from now on."""
    seen: list[int] = []

    def look(step: str, _call: object, _answer: object) -> None:
        if step in ("redis withdraw", "redis publish"):
            seen.append(len(listed(world)))

    world.seen = look
    return seen


@pytest.mark.parametrize("waits", [0, 1, 2, 3])
def test_a_scale_down_in_the_middle_does_not_empty_the_list(world: World, waits: int) -> None:
    """Two of four at a time would be all that are left: from then on one goes at a time."""
    begin(world, 4)
    lists = lengths(world)
    world.invoke(IN_PLACE | {"batch_size": 2, "drain_time": 5, "wait_time": 60})
    for _ in range(waits):
        world.pass_time(30)
        world.invoke(scheduled())
    world.service.scale(2)
    assert "recycled" == until_ended(world)["outcome"]
    assert min(lists) >= 1
    restored(world, 2)


def test_a_scale_down_to_one_task_fails_what_would_empty_the_list(world: World) -> None:
    """One task cannot be replaced in place: it stays, and the reason says what to set."""
    begin(world)
    lists = lengths(world)
    world.invoke(IN_PLACE)
    world.service.scale(1)
    answer = until_ended(world)
    assert "failed" == answer["outcome"]
    assert "the list would be empty" in answer["recycle"]["reason"]
    assert min(lists) >= 1
    restored(world, 1)


@pytest.mark.parametrize("count", [0, 1])
def test_with_leave_for_an_outage_any_count_will_do(world: World, count: int) -> None:
    """allow_outage is meant for the last task, and no task needs no leave."""
    begin(world)
    world.invoke(
        IN_PLACE | {"allow_outage": count > 0, "batch_size": "100%"} if count else IN_PLACE
    )
    world.service.scale(count)
    assert "recycled" == until_ended(world)["outcome"]
    restored(world, count)


def test_a_share_is_one_of_the_new_count(world: World) -> None:
    """Half of two tasks is one, half of eight are four; the raised count follows."""
    begin(world, 2)
    world.invoke(QUICK | {"batch_size": "50%", "wait_time": 60})
    assert 3 == world.service.desired
    world.service.scale(8)
    for _ in range(8):
        world.pass_time(30)
        world.invoke(scheduled())
        if status(world)["outcome"] in ENDS or world.service.desired != 8:
            break
    assert 12 == world.service.desired
    assert "recycled" == until_ended(world)["outcome"]
    restored(world, 8)


@pytest.mark.parametrize("ticks", range(8))
def test_a_count_that_is_set_back_is_raised_again(world: World, ticks: int) -> None:
    """A pipeline sets what it always sets: the service wants it still, and gets it in the end."""
    begin(world)
    lists = lengths(world)
    world.invoke(QUICK | {"wait_time": 60, "drain_time": 20})
    for _ in range(ticks):
        world.pass_time(15)
        world.invoke(scheduled(), 12.0)
    world.service.scale(3)
    answer = until_ended(world)
    assert ("recycled", 3) == (answer["outcome"], answer["recycle"]["replaced"]), answer
    assert min(lists) >= 2  # ECS may have taken one while another was in hand
    restored(world)
