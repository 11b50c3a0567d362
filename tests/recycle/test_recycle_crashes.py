"""Replacements that crash after readers have seen them, in accelerated time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from course import ENDS, begin, listed, restored, status
from recycle_world import World, standing_world

from simulator import Delays
from simulator.events import scheduled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator import Service


@pytest.fixture
def world() -> Iterator[World]:
    yield from standing_world()


def open_ports(service: Service) -> None:
    for task in service.running:
        task.port("listens")


@pytest.mark.parametrize(
    ("tasks", "crash_after"), [(3, 60.0), (3, 90.0), (10, 60.0), (10, 90.0), (10, 300.0)]
)
def test_a_replacement_that_crashes_once_it_is_listed_fails_the_recycle(
    world: World, tasks: int, crash_after: float
) -> None:
    """Each event arrives, and the schedule's; the first crash that is seen is the last stop."""
    begin(world, tasks)
    old = {task.id for task in world.service.tasks}
    world.service.delays = Delays(fail=crash_after)
    world.service.fails("exits")
    world.aws.events.take()
    world.invoke({"action": "recycle"})
    stops: list[int] = []
    for second in range(0, 3600, 5):
        world.pass_time(5)
        open_ports(world.service)
        for event in world.aws.events.take():
            world.invoke(event)
        if second % 60 == 0:
            world.invoke(scheduled())
        if any(task.state.stop_code == "EssentialContainerExited" for task in world.service.tasks):
            stops.append(len(world.aws.calls.of("StopTask")))
        if status(world)["outcome"] in ENDS:
            break
    answer = status(world)
    assert "failed" == answer["outcome"]
    assert "exit code 1" in answer["recycle"]["reason"]
    assert stops[0] == stops[-1]
    assert len(old & {task.id for task in world.service.alive}) >= tasks - stops[-1]


def test_a_replacement_that_scales_in_is_no_failure(world: World) -> None:
    """A listed replacement that ECS stops as the count is lower is gone by intent."""
    begin(world, 4)
    world.invoke({"action": "recycle", "wait_time": 60})
    for _ in range(5):
        world.pass_time(30)
        world.invoke(scheduled())
    newer = [task for task in world.service.running if task.state.created_at > world.now() - 200]
    assert {task.ip for task in newer} <= listed(world)
    world.service.scale(2)
    for task in newer:
        task.stop("Scaling activity initiated by (deployment ecs-svc/1)")
    for _ in range(40):
        world.pass_time(30)
        world.invoke(scheduled())
    assert "recycled" == status(world)["outcome"], status(world)["recycle"]["reason"]
    restored(world, 2)
