"""The course of a recycle in accelerated time: how tests begin it, advance it and see its end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from recycle_world import DRAINING, KEY

from simulator.events import scheduled

if TYPE_CHECKING:
    from recycle_world import World

ENDS = ("recycled", "failed", "cancelled")
QUICK = {"action": "recycle", "wait_time": 0, "drain_time": 1, "replacement_timeout": 300}


def begin(world: World, desired: int = 3) -> None:
    world.begin("arcade", desired)
    world.pass_time(60)
    world.invoke({})


def status(world: World) -> dict[str, Any]:
    return world.invoke({"action": "recycle", "command": "status"})


def until_ended(world: World, ticks: int = 60) -> dict[str, Any]:
    for _ in range(ticks):
        world.pass_time(30)
        world.invoke(scheduled())
        answer = status(world)
        if answer["outcome"] in ENDS:
            return answer
    raise AssertionError(answer)


def restored(world: World, desired: int = 3) -> None:
    """The service is as it was, and everything that runs is listed."""
    world.pass_time(60)
    world.invoke({})
    assert (desired, {}) == (world.service.desired, world.service.tags)
    assert desired == len(world.service.running)
    assert {task.ip for task in world.service.running} == listed(world)
    assert not set(world.redis.zrange(DRAINING, 0, -1)) & {t.id for t in world.service.alive}


def listed(world: World) -> set[str]:
    return {item["ip"] for item in json.loads(str(world.redis.get(KEY)))}
