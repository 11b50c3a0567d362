"""The history with the function itself: events as EventBridge delivers them, a real Redis."""

from __future__ import annotations

import json
import random
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from conftest import KEY, PASSWORD, ROOT, listed
from redis_helpers import PREFIX, quick, rest

from simulator.events import deliver, scheduled
from simulator.faults import denied
from simulator.valkey import VERSION

if TYPE_CHECKING:
    from conftest import Start

    from simulator import Function, Service, Simulator

TASKS, INSTANCES, STOPPED = (f"{PREFIX}:{name}" for name in ("tasks", "instances", "stopped"))
HISTORY = {"action": "history"}
SIGNATURE = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
PULL = (
    "CannotPullContainerError: failed to copy: httpReadSeeker: failed open: "
    "https://prod-us-east-1-starport-layer-bucket.s3.amazonaws.com/layer?X-Amz-Date=20261124T0000Z"
    f"&X-Amz-Signature={SIGNATURE}: 403 Forbidden"
)


@pytest.fixture
def service(aws: Simulator) -> Service:
    return aws.ecs.create_service("arcade", "lobby")


@pytest.fixture
def function(aws: Simulator, service: Service, start: Start) -> Function:
    return start(quick(aws, service, HISTORY="true", RETRY_COUNT="1"))


def answered(function: Function, **fields: Any) -> dict[str, Any]:
    """What the function answers."""
    said = function.invoke(HISTORY | fields)
    assert said.error_message is None
    answer: dict[str, Any] = said.answer
    return answer


def one(function: Function, id: str) -> dict[str, Any]:
    (task,) = answered(function, task=id)["tasks"]
    found: dict[str, Any] = task
    return found


def tick(aws: Simulator, function: Function) -> list[str]:
    """A scheduled run; returns what the history logged."""
    rest(aws)
    said = function.invoke(scheduled())
    assert said.error_message is None
    assert "published" == said.answer["outcome"]
    return [line for line in said.log if "history" in line]


def test_it_is_off_by_default(aws: Simulator, service: Service, start: Start) -> None:
    """No key of it is written by any event, and the error names the setting and the parameter."""
    function = start(quick(aws, service))
    task = service.start_task()
    aws.ecs.add_instance("arcade").drain()
    task.run_out_of_memory()
    for event in [*aws.events.take(), scheduled()]:
        rest(aws)
        assert function.invoke(event).error_message is None
    keys: set[str] = set(aws.valkey.client().keys())  # type: ignore[arg-type]
    assert set() == keys & {TASKS, INSTANCES, STOPPED}

    said = function.invoke(HISTORY)
    assert "HistoryError" == said.error_type
    assert "HISTORY=true" in f"{said.error_message}"
    assert "AllowHistory=true" in f"{said.error_message}"


def test_the_latest_state_is_kept_whatever_the_order(
    aws: Simulator, service: Service, function: Function
) -> None:
    """Events in any order, some twice: of each task and instance the newest state is kept."""
    tasks = service.start_tasks(3, status="PENDING")
    for each in tasks:
        each.becomes("RUNNING")
    tasks[0].stop()
    tasks[0].becomes("STOPPED")
    instance = aws.ecs.add_instance("arcade")
    instance.disconnect()
    instance.drain()
    rest(aws)
    said = deliver(function, aws.events.take(), random.Random(7), duplicates=6)
    assert [None] * len(said) == [each.error_message for each in said]

    answer = answered(function)
    assert {each.id: each.state.version for each in tasks} == {
        each["task"]: each["version"] for each in answer["tasks"]
    }
    stopped = one(function, tasks[0].id)
    assert ("STOPPED", "ServiceSchedulerInitiated") == (
        stopped["last_status"],
        stopped["stop"]["stop_code"],
    )
    assert [(instance.version, "DRAINING", False)] == [
        (each["version"], each["status"], each["agent_connected"]) for each in answer["instances"]
    ]


def test_a_coalesced_event_is_kept_too(
    aws: Simulator, service: Service, function: Function
) -> None:
    """Another run holds the lease: the event makes no listing, but its state is there."""
    task = service.start_task()
    task.stop()
    aws.valkey.client().set(f"{PREFIX}:lease", "another run", px=8000)
    (stop,) = aws.events.take()[-1:]
    assert "coalesced" == function.invoke(stop).answer["outcome"]
    assert "DEACTIVATING" == one(function, task.id)["last_status"]


@pytest.mark.usefixtures("service")
def test_other_services_and_clusters_leave_no_trace(aws: Simulator, function: Function) -> None:
    """Only our service's tasks and our cluster's instances are kept."""
    aws.ecs.create_service("arcade", "cellar").start_task()
    aws.ecs.create_service("attic", "lobby").start_task()
    aws.ecs.add_instance("attic").drain()
    aws.ecs.add_instance("arcade").drain()
    for event in aws.events.take():
        function.invoke(event)
    answer = answered(function)
    assert ([], 1) == (answer["tasks"], len(answer["instances"]))


def test_a_scheduled_run_keeps_what_no_event_said(
    aws: Simulator, service: Service, function: Function
) -> None:
    """Tasks whose events were lost are there after the next listing, with their health."""
    task = service.start_task()
    aws.events.take()
    assert any("1 records corrected" in line for line in tick(aws, function))
    assert ("RUNNING", "UNKNOWN") == (
        one(function, task.id)["last_status"],
        one(function, task.id)["health"],
    )
    task.health("HEALTHY")  # without an event, and without a new version
    tick(aws, function)
    assert "HEALTHY" == one(function, task.id)["health"]
    assert [] == [line for line in tick(aws, function) if "corrected" in line]


def test_a_listing_that_lags_takes_nothing_back(
    aws: Simulator, service: Service, function: Function
) -> None:
    """ECS still lists a task as RUNNING whose stop event has come: the stop stays."""
    task = service.start_task()
    tick(aws, function)
    service.freeze_listing()
    task.exit(3)
    for event in aws.events.take():
        function.invoke(event)
    tick(aws, function)
    assert ("STOPPED", "app_exit") == (
        one(function, task.id)["last_status"],
        one(function, task.id)["stop"]["kind"],
    )


def test_a_task_that_stopped_without_an_event_is_looked_up(
    aws: Simulator, service: Service, function: Function
) -> None:
    """It is marked as ECS describes it, with the reason; it is not deleted."""
    task, other = service.start_tasks(2)
    tick(aws, function)
    task.run_out_of_memory()
    aws.events.take()  # lost
    assert any("1 tasks looked up, 0 of them gone" in line for line in tick(aws, function))
    stopped = one(function, task.id)
    assert ("STOPPED", "out_of_memory", True) == (
        stopped["last_status"],
        stopped["stop"]["kind"],
        stopped["stop"]["fault"],
    )
    assert "RUNNING" == one(function, other.id)["last_status"]
    calls = len(aws.calls)
    tick(aws, function)
    assert calls + 2 == len(aws.calls)  # ListTasks and DescribeTasks: nothing is left to look up


def test_a_task_that_ecs_has_forgotten_is_marked_stopped(
    aws: Simulator, service: Service, function: Function
) -> None:
    """Neither an event nor a description: it says so, and blames nobody."""
    gone = "0" * 32
    record = json.dumps([gone, 4, "RUNNING", "RUNNING"], separators=(",", ":"))
    aws.valkey.client().hset(TASKS, gone, record)
    service.start_task()
    assert any("1 of them gone" in line for line in tick(aws, function))
    stopped = one(function, gone)
    assert ("STOPPED", 4, "unseen", None) == (
        stopped["last_status"],
        stopped["version"],
        stopped["stop"]["kind"],
        stopped["stop"]["fault"],
    )
    assert [gone] == aws.valkey.client().zrange(STOPPED, 0, -1)


def test_what_others_wrote_into_the_records_stops_no_run(
    aws: Simulator, service: Service, function: Function
) -> None:
    """Anybody may have written the keys: what cannot be understood counts as absent."""
    task, other = service.start_tasks(2)
    aws.events.take()
    huge = "9" * 400
    records: dict[Any, str] = {
        name: json.dumps(["0" * 32, 4, "RUNNING", "RUNNING"], separators=(",", ":"))
        for name in ("two words", "line\nbreak", "", " ", "x" * 31 + "\n", "short", "é" * 16)
    }
    records |= {b"\xff" * 32: "[]", task.id: f'["{task.id}",{huge},"RUNNING"]', "f" * 32: "inf"}
    aws.valkey.client().hset(TASKS, mapping=records)

    log = tick(aws, function)

    assert [] == [line for line in log if "waits" in line]
    assert any("2 records corrected, 1 tasks looked up" in line for line in log), log
    kept = [one(function, each.id) for each in (task, other)]
    assert [each.state.version for each in (task, other)] == [each["version"] for each in kept]
    task.run_out_of_memory()
    for event in aws.events.take():
        function.invoke(event)
    assert "out_of_memory" == one(function, task.id)["stop"]["kind"]


def test_a_task_that_is_only_missing_is_not_called_gone(
    aws: Simulator, service: Service, function: Function
) -> None:
    """ECS lists it and answers MISSING for it, as it does when it lags."""
    task = service.start_task()
    tick(aws, function)
    task.hide()
    tick(aws, function)
    assert "RUNNING" == one(function, task.id)["last_status"]


def test_a_failing_look_up_only_waits(aws: Simulator, service: Service, function: Function) -> None:
    """The list is published, the log has the reason, and the next run looks again."""
    task, _ = service.start_tasks(2)
    tick(aws, function)
    task.exit(1)
    aws.events.take()
    # The first call describes what the list has, while ECS lists; the second one looks up.
    aws.faults.set("DescribeTasks", denied, times=1, after=1)
    assert any("the history waits: EcsError" in line for line in tick(aws, function))
    assert "RUNNING" == one(function, task.id)["last_status"]
    tick(aws, function)
    assert "STOPPED" == one(function, task.id)["last_status"]


def test_a_secret_in_a_reason_is_masked_before_it_is_kept(
    aws: Simulator, service: Service, function: Function
) -> None:
    """Neither Redis nor the answer has the signature; from an event and from a description."""
    first, second = service.start_tasks(2)
    tick(aws, function)
    first.fail_to_start(PULL)
    for event in aws.events.take():
        function.invoke(event)
    second.fail_to_start(PULL)
    aws.events.take()
    tick(aws, function)
    for id in (first.id, second.id):
        assert "TaskFailedToStart" == one(function, id)["stop"]["stop_code"]
    held = json.dumps(aws.valkey.client().hgetall(TASKS))
    assert 2 == len(json.loads(held))
    assert SIGNATURE not in held + json.dumps(answered(function))
    assert "403 Forbidden" in one(function, first.id)["stop"]["stopped_reason"]


def test_what_a_person_asks_for(aws: Simulator, service: Service, function: Function) -> None:
    """One task by id or ARN, the stopped ones; odd fields are refused by name."""
    tasks = service.start_tasks(3)
    tasks[1].stop("ecs-task-discovery recycle 4f2a91 3/7", "UserInitiated")
    tasks[1].becomes("STOPPED")
    tasks[2].run_out_of_memory()
    for event in aws.events.take():
        function.invoke(event)

    assert [tasks[0].id] == [
        each["task"] for each in answered(function, task=tasks[0].arn)["tasks"]
    ]
    stopped = answered(function, stopped=True)["tasks"]
    assert {tasks[1].id: ("recycled", False), tasks[2].id: ("out_of_memory", True)} == {
        each["task"]: (each["stop"]["kind"], each["stop"]["fault"]) for each in stopped
    }
    assert 3 == len(answered(function, since=5)["tasks"])
    assert [] == answered(function, task="f" * 32)["tasks"]
    for odd in ({"since": 0}, {"since": "5"}, {"stopped": 1}, {"task": 7}, {"tusk": "x"}):
        said = function.invoke(HISTORY | odd)
        assert ("InvalidEventError", True) == (
            said.error_type,
            next(iter(odd)) in f"{said.error_message}",
        )


def test_an_odd_event_is_not_kept_and_does_no_harm(
    aws: Simulator, service: Service, function: Function
) -> None:
    """An instance without an ARN that ECS could have given: the run is as ever."""
    task = service.start_task()
    instance = aws.ecs.add_instance("arcade")
    instance.drain()
    event = aws.events.take()[-1]
    for arn in (None, 7, 'arn:x/a"b', "x" * 40, ""):
        event["detail"]["containerInstanceArn"] = arn
        rest(aws)
        # The run waits for a tenth of the time that is left, at most.
        assert "published" == function.invoke(event, timeout=4.0).answer["outcome"]
    assert [] == aws.valkey.client().hkeys(INSTANCES)
    assert [task.ip] == listed(aws)


def test_a_user_that_may_not_delete_withdraws_all_the_same(
    aws: Simulator, service: Service, start: Start
) -> None:
    """Law 4: what the history lacks holds up no withdrawal and no listing; the log names it."""
    contract = " ".join((ROOT / "docs" / "contract.md").read_text().split())
    (rules,) = re.findall(r"An ACL user needs `(.+?)`", contract)
    rules = rules.replace("<key>", KEY)
    aws.valkey.add_user("discovery", PASSWORD, f"{rules} +hscan +hdel")
    arn = aws.secrets.put("user", json.dumps({"username": "discovery", "password": PASSWORD}))
    function = start(quick(aws, service, HISTORY="true", REDIS_SECRET_ARN=arn))
    task, other = service.start_tasks(2)
    aws.events.take()
    log = tick(aws, function)
    assert [] == [line for line in log if "ERROR" in line]
    task.stop()
    (stop,) = aws.events.take()
    client = aws.valkey.client()
    client.zadd(STOPPED, {"0" * 32: 1})  # stopped long ago: the next write deletes it

    aws.valkey.add_user("discovery", PASSWORD, f"{rules} +hscan -hdel")
    rest(aws)
    said = function.invoke(stop)
    assert ("published", [other.ip]) == (said.answer["outcome"], listed(aws))
    (lacking,) = [line for line in said.log if f"the history on the key {TASKS} lacks" in line]
    assert "commands that docs/contract.md lists" in lacking
    if VERSION >= (7, 2):  # older servers do not name the command
        assert "hdel" in lacking

    aws.valkey.add_user("discovery", PASSWORD, f"{rules} +hscan +hdel")
    rest(aws)
    said = function.invoke(stop)
    assert [] == [line for line in said.log if "ERROR" in line]
    assert [] == client.zrange(STOPPED, 0, -1)


def test_only_a_look_at_each_task_corrects_the_history(
    aws: Simulator, service: Service, function: Function
) -> None:
    """If another run answers the schedule's request first, the scheduled run lists only what may
    have changed. It takes no task for gone that it has not looked at, and looks up none."""
    service.start_tasks(2)
    for event in aws.events.take():
        rest(aws)
        function.invoke(event)
    tick(aws, function)
    aws.calls.clear()
    # A full listing that began later than the schedule's request.
    aws.valkey.client().hset(f"{PREFIX}:state", "full", int((time.time() + 30) * 1000))
    assert [] == tick(aws, function)
    assert [] == aws.calls.of("DescribeTasks")
    assert ["RUNNING"] * 2 == [each["last_status"] for each in answered(function)["tasks"]]
