"""Messages about a recycle in accelerated time: each is sent, whatever fails or dies meanwhile."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import pytest
from course import ENDS, QUICK, begin, status, until_ended
from recycle_world import KEY, World, quietly, standing_world

from discovery.errors import RecycleError
from discovery.recycle.record import loads
from simulator.events import scheduled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from discovery.recycle.record import Record


@pytest.fixture
def world() -> Iterator[World]:
    yield from standing_world()


def record(world: World) -> Record | None:
    return loads(str(world.redis.hget(f"{KEY}:recycle", "record") or ""))


def at(world: World, reached: Callable[[Record], bool], act: Callable[[], object]) -> None:
    """Once, as soon as the record is like this."""
    done = False

    def meet(_step: str, _before: bool) -> str:
        nonlocal done
        written = None if done else record(world)
        if written and reached(written):
            done = True
            return str(act() or "")
        return ""

    world.meet = meet


def test_each_change_is_announced_once(world: World) -> None:
    """A pause and its end as often as they come."""
    begin(world, 2)
    world.invoke(QUICK)
    for _ in range(2):
        for word in ("pause", "resume"):
            world.invoke({"action": "recycle", "command": word})
    until_ended(world)
    assert ["started", *["paused", "resumed"] * 2, "finished"] == world.messages()


def test_a_message_survives_a_look_that_fails_after_its_cause(world: World) -> None:
    """A replacement fails, the record says so, and the next call of the invocation is throttled."""
    begin(world)
    world.invoke(QUICK)
    world.pass_time(30)
    world.service.fails("exits")
    throttle = partial(world.aws.faults.set, "DescribeServices", "throttled", times=1)
    at(world, lambda each: each.ending == "failed", throttle)
    assert "failed" == until_ended(world)["outcome"]
    assert ["started", "failed"] == world.messages()


@pytest.mark.parametrize("end", ["recycled", "cancelled"])
def test_a_message_survives_the_death_of_each_invocation_that_causes_it(
    world: World, end: str
) -> None:
    """An invocation dies as soon as the record says what has happened; the next one tells it."""
    begin(world, 1)
    at(world, lambda each: each.phase == "preparing", lambda: "dies")
    quietly(lambda: world.invoke(QUICK))
    assert [] == world.messages()
    at(world, lambda each: each.phase == end, lambda: "dies")
    for _ in range(20):
        world.pass_time(30)
        quietly(lambda: world.invoke(scheduled()))
        if end == "cancelled":
            quietly(lambda: world.invoke({"action": "recycle", "command": "cancel"}))
        if status(world)["outcome"] in ENDS:
            break
    world.pass_time(30)
    world.invoke(scheduled())
    assert ["started", {"recycled": "finished"}.get(end, end)] == world.messages()


def test_no_message_is_lost_wherever_an_invocation_dies(world: World) -> None:
    """Once in each recycle, between two calls, another one each time; at worst one comes twice."""
    for step in range(2, 150, 13):
        begin(world, 1)
        left = step

        def meet(_step: str, _before: bool) -> str:
            nonlocal left
            left -= 1
            return "dies" if left == 0 else ""

        world.meet = meet
        quietly(lambda: world.invoke(QUICK))
        if record(world) is None:
            continue  # it died before there was a recycle
        for _ in range(20):
            world.pass_time(30)
            quietly(lambda: world.invoke(scheduled()))
        assert "recycled" == status(world)["outcome"]
        assert {"started", "finished"} == set(world.messages()), step
        assert 3 >= len(world.messages()), step


def test_a_message_for_which_no_time_is_left_is_sent_by_the_next_invocation(world: World) -> None:
    """An invocation that ends its waits just before its deadline does not begin to send one."""
    begin(world, 1)
    world.invoke(QUICK, timeout=1.5)
    assert [] == world.messages()
    world.invoke(scheduled())
    assert "started" == world.messages()[0]


SECRET = "hunter2-Zx9"


def failed_deployment(world: World) -> None:
    world.invoke(QUICK)
    world.service.primary.becomes("FAILED", f"rolled back: password={SECRET}", world.now())
    world.invoke(scheduled())
    world.invoke({"action": "recycle", "command": "pause"})


def refused_start(world: World) -> None:
    world.service.primary.becomes("FAILED", f"rolled back: password={SECRET}", world.now())
    for dry_run in (True, False):
        with pytest.raises(RecycleError, match=r"password=\*\*\*"):
            world.invoke(QUICK | {"dry_run": dry_run})


@pytest.mark.parametrize("story", [failed_deployment, refused_start])
def test_a_reason_of_ecs_tells_no_secret(
    world: World, story: Callable[[World], None], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the log nor the answer, the record or a message has it; the rest is there."""
    caplog.set_level(logging.INFO)
    begin(world, 2)
    story(world)
    shown = [caplog.text, str(status(world)), str(record(world))]
    shown += [message.text for message in world.aws.sns.published]
    assert [] == [text for text in shown if SECRET in text]
    if story is not refused_start:
        assert "***" in status(world)["recycle"]["reason"] + caplog.text
