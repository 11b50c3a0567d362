"""Law 6: the function answers before Lambda stops it, with what it could establish."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from conftest import Start, listed
from redis_helpers import PREFIX, items, quick, rest, state, text

from simulator import faults
from simulator.events import scheduled, service_action
from simulator.processes import wait_until

if TYPE_CHECKING:
    from simulator import Call, Simulator


def test_not_probed_timed_out_and_refused_are_different_reasons(
    aws: Simulator, start: Start
) -> None:
    """Law 6: each excluded task has its own reason. A listed task without a probe result stays."""
    service = aws.ecs.create_service("arcade", "lobby")
    silent = service.start_task(status="PENDING", port="silent")
    closed = service.start_task(status="PENDING", port="closed")
    known = service.start_task()
    settings = {"HEALTH_CHECK_TIMEOUT": "0.8", "HEALTH_CHECK_CONCURRENCY": "1", "RETRY_COUNT": "1"}
    function = start(quick(aws, service, **settings))
    assert [known.ip] == function.invoke({}).answer["added"]
    known.port("silent")
    silent.becomes("RUNNING")
    closed.becomes("RUNNING")
    late = service.start_task()
    rest(aws)

    # 1.3 s for the checks, one by one: the first takes 0.8, the third would take as much.
    invocation = function.invoke({}, timeout=2.8)

    assert (False, True) == (invocation.timed_out, invocation.duration < 2.8)
    assert {
        silent.id: "timed out",
        closed.id: "connection refused",
        late.id: "not reached before the deadline",
    } == {each["task"]: each["reason"] for each in invocation.answer["excluded"]}
    assert [known.ip] == listed(aws)


def test_the_deadline_is_kept_with_a_thousand_silent_tasks(aws: Simulator, start: Start) -> None:
    """Law 6: tasks whose probes failed are removed, unprobed tasks stay, and the list is
    written."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(1000)
    slowly = {"HEALTH_CHECK_TIMEOUT": "0.5", "HEALTH_CHECK_CONCURRENCY": "200"}
    function = start(quick(aws, service, RETRY_COUNT="1", **slowly))
    assert 1000 == len(function.invoke({}).answer["added"])
    for task in service.tasks:
        task.port("silent")
    rest(aws)

    invocation = function.invoke({}, timeout=3.5)

    assert (False, True) == (invocation.timed_out, invocation.duration < 3.5)
    assert ("published", 1000, 0) == tuple(
        invocation.answer[name] for name in ("outcome", "running", "healthy")
    )
    assert {"timed out"} == {each["reason"] for each in invocation.answer["excluded"]}
    dropped = [each["ip"] for each in invocation.answer["excluded"]]
    # 2 s less the listing are enough for a turn of 200 or two, and never for five.
    assert 0 < len(dropped) < 1000
    assert sorted(dropped) == sorted(invocation.answer["removed"])
    kept = [task.ip for task in service.tasks if task.ip not in dropped]
    assert kept == [item["ip"] for item in items(aws)]
    assert sorted(kept) == sorted(json.loads(state(aws)["tasks"]).values())
    assert not aws.valkey.client().exists(f"{PREFIX}:lease")


def test_too_little_time_for_another_round_ends_the_run(aws: Simulator, start: Start) -> None:
    """The run answers after the rounds it had time for, logs this, and drops no task early (law
    5)."""
    service = aws.ecs.create_service("arcade", "lobby")
    fails = service.start_task()
    function = start(quick(aws, service, RETRY_INTERVAL="30"))
    function.invoke({})
    fails.port("closed")
    comes = service.start_task()

    invocation = function.invoke({}, timeout=5.0)

    assert ("published", 1) == (invocation.answer["outcome"], invocation.answer["rounds"])
    assert invocation.duration < 2.0
    assert [fails.ip, comes.ip] == listed(aws)
    assert 1 == sum("raise the function's timeout" in line for line in invocation.log)
    assert not aws.valkey.client().exists(f"{PREFIX}:lease")


def test_rounds_go_on_as_long_as_the_time_allows(aws: Simulator, start: Start) -> None:
    """If time runs out between rounds, only the later rounds are missing."""
    service = aws.ecs.create_service("arcade", "lobby")
    opens = service.start_task()
    service.start_task(port="closed")
    function = start(quick(aws, service, RETRY_COUNT="100", RETRY_INTERVAL="0.3"))

    invocation = function.invoke({}, timeout=3.0)

    assert (False, True) == (invocation.timed_out, invocation.duration < 3.0)
    assert 2 <= invocation.answer["rounds"] < 10
    assert [opens.ip] == listed(aws)


def test_too_little_time_for_the_rate_limit_is_not_an_error(aws: Simulator, start: Start) -> None:
    """If ECS's budget allows the next listing only after the deadline, the list is kept."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    function = start(quick(aws, service))
    function.invoke({})
    before = text(aws)
    aws.valkey.client().set(f"{PREFIX}:ratelimit", 100, px=10_000)
    aws.calls.clear()

    invocation = function.invoke({}, timeout=3.0)

    assert ("kept", 0) == (invocation.answer["outcome"], invocation.answer["rounds"])
    assert (before, []) == (text(aws), list(aws.calls))
    assert not aws.valkey.client().exists(f"{PREFIX}:lease")


def test_the_wait_for_the_account_s_budget_is_no_cost_of_a_round(
    aws: Simulator, start: Start
) -> None:
    """Law 5 has its last round: what a run waited for before its first listing, it need not wait
    for again, and a listed task that fails in both rounds is dropped."""
    service = aws.ecs.create_service("arcade", "lobby")
    fails = service.start_task()
    function = start(quick(aws, service, RETRY_COUNT="2"))
    function.invoke({})
    fails.port("closed")
    # 40 calls are in a full bucket, a listing takes 2, and a call is refilled in 108 ms.
    aws.valkey.client().set(f"{PREFIX}:ratelimit", 25, px=2500 + 38 * 108)

    invocation = function.invoke({}, timeout=6.0)

    assert ("published", 2) == (invocation.answer["outcome"], invocation.answer["rounds"])
    assert [fails.ip] == invocation.answer["removed"]
    assert not any("raise the function's timeout" in line for line in invocation.log)


def test_a_round_that_the_budget_allows_too_late_is_not_begun(aws: Simulator, start: Start) -> None:
    """A run that has published answers so: it does not fail in a listing that cannot end."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task(port="closed")
    function = start(quick(aws, service, ECS_CALLS_PER_SECOND="1"))
    function.invoke({"action": "status"})
    aws.valkey.client().set(f"{PREFIX}:ratelimit", 2, px=2 * 1072)  # 2 of 4 calls are left
    aws.faults.set("ListTasks", faults.slow(0.6))

    invocation = function.invoke({}, timeout=4.0)

    assert ("published", 1) == (invocation.answer["outcome"], invocation.answer["rounds"])
    assert invocation.duration < 3.0
    assert not aws.valkey.client().exists(f"{PREFIX}:lease")


def test_a_request_that_comes_too_late_is_logged(aws: Simulator, start: Start) -> None:
    """Law 3: a run that leaves a request open logs who answers it, and does not blame the
    timeout."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    worker, other = start(quick(aws, service)), start(quick(aws, service))
    other.invoke({"action": "status"})
    worker.invoke({"action": "status"})
    aws.faults.set("ListTasks", faults.slow(0.8))
    answers: list[str] = []

    def on_call(call: Call) -> None:
        if call.operation == "DescribeTasks":
            answers.append(other.invoke(scheduled()).answer["outcome"])

    aws.on_call = on_call
    invocation = worker.invoke({}, timeout=2.7)

    assert ["coalesced"] == answers
    assert ("published", 1) == (invocation.answer["outcome"], invocation.answer["rounds"])
    assert 1 == sum(
        "a request came after the last listing began" in line for line in invocation.log
    )
    assert not any("raise the function's timeout" in line for line in invocation.log)
    assert not aws.valkey.client().exists(f"{PREFIX}:lease")


@pytest.mark.parametrize("operation", ["ListTasks", "DescribeTasks"])
def test_a_hung_call_ends_before_the_deadline(aws: Simulator, start: Start, operation: str) -> None:
    """If ECS never answers, the run raises EcsError before Lambda's limit and the list stays."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    function = start(quick(aws, service))
    function.invoke({})
    before = text(aws)
    rest(aws)
    aws.faults.set(operation, faults.hangs)

    invocation = function.invoke({}, timeout=2.0)

    assert (False, True) == (invocation.timed_out, invocation.duration < 2.0)
    assert ("EcsError", before) == (invocation.error_type, text(aws))
    assert "raise the function's timeout" in f"{invocation.error_message}"

    aws.faults.clear()
    assert "published" == function.invoke({}).answer["outcome"]


def test_a_full_listing_that_takes_longer_than_is_left_is_no_failure(
    aws: Simulator, start: Start
) -> None:
    """The schedule's request comes while an event's run lists quickly, and needs all descriptions,
    which don't come in time. The run has published, ends in time, and says what it leaves."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(3)
    run, schedule = start(quick(aws, service)), start(quick(aws, service))
    run.invoke({})
    schedule.invoke({"action": "status"})  # warm
    rest(aws)
    aws.calls.clear()
    aws.faults.set("ListTasks", faults.slow(0.3))
    aws.faults.set("DescribeTasks", faults.hangs)

    waiting = run.start(service_action(service, "SERVICE_STEADY_STATE"), timeout=3.0)
    wait_until(lambda: bool(aws.calls.of("ListTasks")), "the run lists")
    assert "coalesced" == schedule.invoke(scheduled()).answer["outcome"]
    invocation = waiting.result()

    assert (False, None) == (invocation.timed_out, invocation.error_message)
    assert ("published", 1) == (invocation.answer["outcome"], invocation.answer["rounds"])
    assert any("no time is left to list for it" in line for line in invocation.log)
    assert not aws.valkey.client().exists(f"{PREFIX}:lease")
