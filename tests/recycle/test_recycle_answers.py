"""What a recycle answers an operator, in accelerated time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from course import QUICK, begin, restored, status, until_ended
from recycle_world import World, standing_world

from discovery.errors import RecycleError
from simulator.events import scheduled

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def world() -> Iterator[World]:
    yield from standing_world()


def test_a_plan_names_the_protected_tasks_and_the_order(world: World) -> None:
    """What no reader sees goes first, what is protected last, wherever they stand by age."""
    begin(world, 15)
    tasks = sorted(world.service.tasks, key=lambda task: (task.state.created_at, task.id))
    tasks[0].protect()
    tasks[12].protect()
    plan = world.invoke(QUICK | {"dry_run": True})["recycle"]
    assert sorted([tasks[0].id, tasks[12].id]) == plan["protected"]
    free = [task.id for task in tasks if not task.protected]
    assert [*free, tasks[0].id, tasks[12].id] == plan["tasks"]


def test_a_plan_while_a_recycle_goes_on_says_so(world: World) -> None:
    """The one that goes on is named, and how to see it; it is no earlier one."""
    begin(world)
    id = world.invoke(QUICK)["recycle"]["id"]
    with pytest.raises(RecycleError, match=f'recycle {id} goes on.*"command": "status"'):
        world.invoke(QUICK | {"dry_run": True})


def test_a_listed_task_that_a_target_group_does_not_call_healthy_is_named_as_that(
    world: World,
) -> None:
    """Readers of the list see it; what lacks is the health of its target."""
    begin(world)
    group = world.aws.elb.create("lobby")
    world.service.attach(group)
    for task in world.service.tasks:
        group.register(task.ip)
    world.pass_time(60)
    ill = world.service.tasks[0]
    group.deregister(ill.ip)
    with pytest.raises(
        RecycleError, match=f"task {ill.id} is listed, but not healthy in a target group"
    ):
        world.invoke(QUICK)


def test_a_resume_does_not_hide_why_it_failed(world: World) -> None:
    """A recycle that restores is not paused, and its reason stays."""
    begin(world)
    world.aws.scaling.register(world.service, 1, 3)
    world.invoke(QUICK)
    world.service.fails("exits")
    world.aws.faults.set("RegisterScalableTarget", "denied")
    for _ in range(6):
        world.pass_time(30)
        world.invoke(scheduled())
    before = status(world)["recycle"]
    world.invoke({"action": "recycle", "command": "resume"})
    after = status(world)["recycle"]
    assert ("restoring", before["reason"]) == (after["phase"], after["reason"])
    assert after["reason"]
    world.aws.faults.clear()
    world.service.recovers()
    assert before["reason"] == until_ended(world)["recycle"]["reason"]
    restored(world)


def test_a_recycle_that_fails_while_it_is_paused_is_no_longer_paused(world: World) -> None:
    """It restores the service, and says that it goes on."""
    begin(world)
    world.invoke(QUICK)
    world.pass_time(60)
    world.invoke(scheduled())
    world.invoke({"action": "recycle", "command": "pause"})
    world.aws.faults.set("UpdateService", "denied")
    youngest = max(world.service.running, key=lambda task: task.state.created_at)
    youngest.exit(1)
    world.pass_time(30)
    world.invoke(scheduled())
    answer = status(world)
    assert ("recycling", "restoring") == (answer["outcome"], answer["recycle"]["phase"])


@pytest.mark.parametrize(
    ("tasks", "fields"),
    [
        (0, {}),
        (0, {"maintain_service_state": False}),
        (3, {"started_before": "2020-01-01T00:00:00Z"}),
    ],
)
def test_where_nothing_has_to_go_the_answer_says_so_at_once(
    world: World, tasks: int, fields: dict[str, Any]
) -> None:
    """No count is raised, no tag is set, no task is started, and no message is sent."""
    begin(world, tasks)
    world.aws.scaling.register(world.service, 0, 3)
    before = len(world.service.tasks)
    world.aws.calls.clear()
    answer = world.invoke(QUICK | fields)
    assert "recycled" == answer["outcome"]
    assert (0, 0) == (answer["recycle"]["total"], answer["recycle"]["replaced"])
    assert answer["recycle"]["ended_at"]
    assert {"before": tasks, "now": tasks} == answer["recycle"]["desired"]
    assert ([], before) == (world.messages(), len(world.service.tasks))
    world.invoke(scheduled())
    writes = ("UpdateService", "TagResource", "RegisterScalableTarget", "StopTask")
    assert [] == [call for each in writes for call in world.aws.calls.of(each)]
    assert [] == world.messages()
    assert answer["recycle"]["id"] == status(world)["recycle"]["id"]
    plan = world.invoke(QUICK | fields | {"dry_run": True})["recycle"]
    assert ([], 0, tasks) == (plan["tasks"], plan["batches"], plan["least_listed"])
