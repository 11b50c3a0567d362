"""A recycle and what may go wrong, in accelerated time: the real code, clients and Redis."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from actions import MESSAGES, RECYCLE_ACTIONS, SYNC_ACTIONS
from course import ENDS, QUICK, begin, listed, restored, status, until_ended
from recycle_world import DRAINING, KEY, World, standing_world

from discovery.errors import RecycleError
from discovery.recycle.record import TAG, loads, tag_of
from simulator.events import scheduled

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def world() -> Iterator[World]:
    yield from standing_world()


@pytest.mark.parametrize("operation", ["StopTask", "UpdateService", "TagResource"])
def test_an_act_that_is_denied_fails_the_recycle(world: World, operation: str) -> None:
    """Nothing more is stopped, the task goes back into the list, and all is restored."""
    begin(world)
    target = world.aws.scaling.register(world.service, 1, 3)
    world.aws.faults.set(operation, "denied", times=1)
    world.invoke(QUICK)
    answer = until_ended(world)
    assert ("failed", 0) == (answer["outcome"], answer["recycle"]["replaced"])
    assert f"ecs:{operation}" in answer["recycle"]["reason"]
    restored(world)
    assert (3, False) == (target.maximum, target.suspended.scale_in)


@pytest.mark.parametrize(
    "operation", ["StopTask", "UpdateService", "TagResource", "DescribeServices", "ListTasks"]
)
def test_a_call_that_is_throttled_is_repeated(world: World, operation: str) -> None:
    """The recycle goes on at the next tick."""
    begin(world)
    world.invoke(QUICK)
    world.aws.faults.set(operation, "throttled", times=2)
    for _ in range(40):
        world.pass_time(30)
        try:
            world.invoke(scheduled())
        except Exception:  # noqa: BLE001 (a listing that fails is a failed invocation)
            continue
        if status(world)["outcome"] in ENDS:
            break
    answer = status(world)
    assert "recycled" == answer["outcome"], answer["recycle"]["reason"]
    restored(world)


def test_a_flushed_redis_is_restored_from_the_tag(world: World) -> None:
    """Nothing more is stopped; count and scaling are as they were."""
    begin(world)
    target = world.aws.scaling.register(world.service, 1, 3)
    world.invoke(QUICK)
    assert (4, 4, True) == (world.service.desired, target.maximum, target.suspended.scale_in)
    world.redis.flushall()
    answer = until_ended(world)
    assert "failed" == answer["outcome"]
    assert [] == world.aws.calls.of("StopTask")
    restored(world)
    assert (3, False) == (target.maximum, target.suspended.scale_in)


@pytest.mark.parametrize("kind", ["cannot_pull", "exits", "never_listens"])
def test_a_replacement_that_fails_fails_the_recycle(world: World, kind: Any) -> None:
    """One task is stopped, no further one, and the reason is in the answer."""
    begin(world)
    world.invoke(QUICK)
    world.pass_time(30)
    world.service.fails(kind)
    answer = until_ended(world)
    assert "failed" == answer["outcome"]
    assert answer["recycle"]["reason"]
    assert 1 == len(world.aws.calls.of("StopTask"))
    world.service.recovers()
    for task in world.service.running:
        task.port("listens")
    world.pass_time(600)
    restored(world)


def test_a_dry_run_changes_nothing(world: World) -> None:
    """It answers with the plan."""
    begin(world)
    world.aws.calls.clear()
    answer = world.invoke(QUICK | {"dry_run": True})
    assert ("checked", 3) == (answer["outcome"], len(answer["recycle"]["tasks"]))
    end = datetime.fromisoformat(answer["recycle"]["expected_end"].replace("Z", "+00:00"))
    assert world.now() < end.timestamp()
    reads = {call.action for call in world.aws.calls if "Describe" in call.operation}
    assert reads | {"ecs:ListTasks", "ecs:GetTaskProtection"} == {
        call.action for call in world.aws.calls
    }


def test_one_task_needs_a_raised_count_or_leave_for_an_outage(world: World) -> None:
    """Without both the list would be empty: it does not start."""
    begin(world, 1)
    event = QUICK | {"maintain_service_state": False}
    with pytest.raises(RecycleError, match="the list would be empty"):
        world.invoke(event)
    world.invoke(event | {"allow_outage": True})
    assert "recycled" == until_ended(world)["outcome"]
    restored(world, 1)


def test_pause_holds_and_cancel_ends(world: World) -> None:
    """A paused recycle stops nothing, a resumed one goes on, a cancelled one restores."""
    begin(world)
    world.invoke(QUICK)
    assert "paused" == world.invoke({"action": "recycle", "command": "pause"})["outcome"]
    for _ in range(5):
        world.pass_time(60)
        world.invoke(scheduled())
    assert [] == world.aws.calls.of("StopTask")
    assert "recycling" == world.invoke({"action": "recycle", "command": "resume"})["outcome"]
    world.invoke({"action": "recycle", "command": "cancel"})
    assert "cancelled" == until_ended(world)["outcome"]
    restored(world)


def test_protected_tasks_are_waited_for(world: World) -> None:
    """They say that they are working: they go last, once they are free."""
    begin(world)
    busy = world.service.tasks[0]
    busy.protect(120)
    world.invoke(QUICK)
    for _ in range(10):
        world.pass_time(30)
        world.invoke(scheduled())
    answer = status(world)
    assert ("recycling", 2) == (answer["outcome"], answer["recycle"]["replaced"])
    assert "1 tasks are under scale-in protection" == answer["recycle"]["reason"]
    busy.unprotect()
    assert "recycled" == until_ended(world)["outcome"]
    restored(world)


def test_the_policy_has_exactly_the_actions_that_are_taken(world: World) -> None:
    """With scaling, a target group and a stop that is looked up: no action more, none less."""
    begin(world)
    world.service.attach(world.aws.elb.create("lobby"))
    world.aws.scaling.register(world.service, 1, 3)
    world.pass_time(60)
    world.invoke(QUICK)
    assert "recycled" == until_ended(world)["outcome"]
    taken = {call.action for call in world.aws.calls}
    assert RECYCLE_ACTIONS - MESSAGES == (taken - SYNC_ACTIONS - MESSAGES) | {"ecs:DescribeTasks"}


@pytest.mark.timeout(50)
def test_200_tasks_are_recycled(world: World) -> None:
    """In batches of a tenth; the list never lacks one."""
    begin(world, 200)
    world.invoke(QUICK | {"batch_size": "10%"})
    answer = until_ended(world)
    assert ("recycled", 200) == (answer["outcome"], answer["recycle"]["replaced"])
    restored(world, 200)


def test_a_task_that_comes_back_before_its_stop_is_not_stopped(world: World) -> None:
    """Redis loses the withdrawal between the last look and StopTask: the list has it again."""
    begin(world)
    raw = world.aws.valkey.client(decode_responses=False)
    copy = {key: raw.dump(key) or b"" for key in (KEY, f"{KEY}:state")}
    lost = 0

    def lose(step: str, before: bool) -> str:
        nonlocal lost
        record = loads(str(world.redis.hget(f"{KEY}:recycle", "record") or ""))
        looked = step == "aws GetTaskProtection" and not before and not lost
        stopping = record and record.batch and record.batch.step == "stop"
        # The tag says it: what follows this look, of which this is the last call, is the stop.
        if looked and record and stopping and world.service.tags.get(TAG) == tag_of(record):
            lost += 1
            world.redis.delete(DRAINING)
            for key, value in copy.items():
                raw.restore(key, 0, value, replace=True)
        return ""

    def stops(action: str, body: bytes) -> None:
        if action == "StopTask":
            ips = {task.ip for task in world.service.tasks if task.id.encode() in body}
            assert set() == ips & listed(world)

    world.meet, world.acting = lose, stops
    world.invoke(QUICK)
    assert "recycled" == until_ended(world)["outcome"]
    assert 1 == lost
    restored(world)


def test_a_stopped_task_stays_off_the_list_whatever_becomes_of_the_recycle(world: World) -> None:
    """ECS may go on listing it for a while, and its stop event may be late."""
    begin(world)
    old = {task.id for task in world.service.tasks}
    world.invoke(QUICK)
    assert "recycled" == until_ended(world)["outcome"]
    assert old <= set(world.redis.zrange(f"{KEY}:withdrawn", 0, -1))


def test_two_invocations_at_once_advance_it_once(world: World) -> None:
    """Each call is overtaken in turn: each task is stopped once, and all is restored."""
    begin(world, 2)
    calls, nested = 0, False

    def meet(_step: str, before: bool) -> str:
        nonlocal calls
        calls += 0 if nested else 1
        return "is overtaken" if before and not nested and calls % 7 == 0 else ""

    def overtake() -> None:
        nonlocal nested
        nested = True
        world.invoke(scheduled())
        nested = False

    world.meet, world.overtake = meet, overtake
    world.invoke(QUICK)
    assert "recycled" == until_ended(world)["outcome"]
    assert 2 == len({call.parameters["task"] for call in world.aws.calls.of("StopTask")})
    restored(world, 2)
