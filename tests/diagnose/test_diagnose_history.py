"""With HISTORY the function's diagnosis knows the tasks that ECS has forgotten."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from looks import finding
from redis_helpers import PREFIX, everything, quick, rest

from discovery.deadline import Deadline
from discovery.history.records import change
from discovery.stop_codes import GONE
from discovery.store.client import ScriptClient, open_client
from discovery.store.history import History
from discovery.task_record import ContainerRecord, TaskRecord
from simulator import Clock, Simulator
from simulator.events import scheduled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Start

    from simulator import Function, Service

HOUR = 3600.0
DAY = {"action": "diagnose", "minutes": 1440}


@pytest.fixture
def aws() -> Iterator[Simulator]:
    """An AWS whose time is two hours ago, so that it can pass."""
    with Simulator(clock=Clock(time.time() - 2 * HOUR)) as simulator:
        yield simulator


@pytest.fixture
def service(aws: Simulator) -> Service:
    return aws.ecs.create_service("arcade", "lobby", desired=1, steady=True)


@pytest.fixture
def function(aws: Simulator, service: Service, start: Start) -> Function:
    return start(settings(aws, service, HISTORY="true"))


def settings(aws: Simulator, service: Service, **others: str) -> dict[str, str]:
    return quick(aws, service, DIAGNOSE="true", RETRY_COUNT="1", **others)


def diagnosed(function: Function, event: dict[str, Any] = DAY) -> dict[str, Any]:
    invocation = function.invoke(event)
    assert invocation.error_message is None
    answer: dict[str, Any] = invocation.answer
    return answer


def run_out_of_memory(aws: Simulator, service: Service, function: Function) -> str:
    """The id of a task whose events the function saw."""
    task = service.running[0]
    task.run_out_of_memory()
    aws.ecs.advance(60)
    for event in aws.events.take():
        rest(aws)
        assert function.invoke(event).error_message is None
    return task.id


def stopped(number: int, at: float, **fields: Any) -> TaskRecord:
    """A task that lived for a minute and ended with a segmentation fault."""
    shape: dict[str, Any] = {
        "started": at - 60,
        "stopped": at,
        "stop_code": "EssentialContainerExited",
        "containers": (ContainerRecord("app", 139),),
    }
    return TaskRecord(f"{number:032x}", 7, "STOPPED", "STOPPED", **(shape | fields))


def keep(aws: Simulator, *tasks: TaskRecord) -> None:
    """Records in the history as events leave them there."""
    client = ScriptClient(
        lambda: open_client("127.0.0.1", aws.valkey.port, False, False, None), "Redis", None
    )
    history = History(client, PREFIX, Deadline(time.monotonic() + 10))
    assert len(tasks) == history.keep([change(each) for each in tasks])


def test_a_task_that_ecs_has_forgotten_is_the_cause(
    aws: Simulator, service: Service, function: Function, start: Start
) -> None:
    """ECS forgot it an hour ago; the history has its reason, and nothing is written for it."""
    id = run_out_of_memory(aws, service, function)
    aws.ecs.advance(1.9 * HOUR)
    rest(aws)
    before = everything(aws)

    answer = diagnosed(function)

    assert ("out_of_memory", 1) == (answer["cause"]["kind"], answer["restarts"]["count"])
    assert [id] == answer["restarts"]["groups"][0]["tasks"]
    assert before == everything(aws)
    within_the_hour = diagnosed(function, {"action": "diagnose"})
    assert 0 == within_the_hour["restarts"]["stopped"]
    without = diagnosed(start(settings(aws, service)))
    assert (None, 0) == (without["cause"], without["restarts"]["stopped"])


def test_three_early_ends_hours_apart_are_no_crash_loop(aws: Simulator, function: Function) -> None:
    """A loop is what fails again as soon as ECS tries again."""
    now = time.time()
    keep(aws, *(stopped(number, now - number * 4 * HOUR) for number in (1, 2, 3)))
    group = diagnosed(function)["restarts"]["groups"][0]
    assert ("segfault", 3, False) == (group["kind"], group["count"], group["loop"])
    keep(aws, *(stopped(number, now - 8.5 * HOUR - number * 300) for number in (4, 5)))
    group = diagnosed(function)["restarts"]["groups"][0]
    assert (5, True) == (group["count"], group["loop"])


def test_a_task_that_nobody_saw_stop_leaves_a_question(
    aws: Simulator, service: Service, function: Function
) -> None:
    """Why it stopped is not known: that is no fault and no cause, and not healthy either."""
    assert function.invoke(scheduled()).error_message is None
    aws.log(service.running[0], "ready")
    assert "healthy" == diagnosed(function)["verdict"]
    keep(aws, stopped(1, time.time() - HOUR, stop_code="", stopped_reason=GONE, containers=()))

    answer = diagnosed(function)

    assert ("unknown", None, 0) == (
        answer["verdict"],
        answer["cause"],
        answer["restarts"]["count"],
    )
    assert (
        "Why 1 tasks stopped is not known. The task is gone: its stop event did not arrive, and "
        "ECS has forgotten it."
    ) == finding(answer, "unseen")["what"]
