"""What an operator reads in the log: one line for each step, and a history of the tasks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from redis_helpers import PREFIX, quick, rest

import discovery
from simulator import events, faults

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conftest import Start

    from simulator import Invocation, Simulator


def messages(invocation: Invocation, *levels: str) -> list[str]:
    """The messages of the log at these levels (default: all), without metrics and the version."""
    lines = [line.split("\t", 3) for line in invocation.log if line.startswith("[")]
    texts = [line[3] for line in lines if line[0].strip("[]") in levels or not levels]
    return [each for each in texts if each != f"ecs-task-discovery {discovery.__version__}"]


def test_a_cold_start_logs_its_version_first_and_a_warm_one_does_not(
    aws: Simulator, start: Start
) -> None:
    """The log shows which version an environment runs."""
    function = start(quick(aws, aws.ecs.create_service("arcade", "lobby")))
    cold, warm = function.invoke({}), function.invoke({})
    line = f"ecs-task-discovery {discovery.__version__}"
    assert cold.log[0].endswith(line)
    assert not [each for each in warm.log if each.endswith(line)]


def matches(patterns: Iterable[str], lines: list[str]) -> list[tuple[str, bool]]:
    return [
        (line, re.fullmatch(pattern, line) is not None)
        for line, pattern in zip(lines, patterns, strict=True)
    ]


def test_a_run_logs_one_line_for_each_step(aws: Simulator, start: Start) -> None:
    """The log holds the cause, each round, each publication, each excluded task and the answer."""
    service = aws.ecs.create_service("arcade", "lobby")
    task, closed = service.start_task(), service.start_task(port="closed")
    hidden = service.start_task()
    hidden.hide()

    invocation = start(quick(aws, service, RETRY_COUNT="2")).invoke({})

    first = "0 of them taken as known, 1 MISSING; 2 probed: 1 connection refused, 1 open"
    second = "1 of them taken as known, 1 MISSING; 1 probed: 1 connection refused"
    counts = "1 listed, 2 running, 1 healthy"
    patterns = (
        "a manual invoke",
        f"round 1 of 2: 2 tasks in 2 calls, {first}",
        rf"published generation \d+: {counts}, added {task.ip}, removed none",
        f"round 2 of 2: 2 tasks in 2 calls, {second}",
        rf"published generation \d+: {counts}, added none, removed none",
        *sorted(
            (
                f"left out task {closed.id} at {closed.ip}: connection refused",
                f"left out task {hidden.id} at no address: MISSING: ECS listed it and .*",
            )
        ),
        r"answered published after \d+ ms",
    )
    lines = messages(invocation)
    assert [(line, True) for line in lines] == matches(patterns, lines)


def test_the_log_of_many_excluded_tasks_is_bounded(aws: Simulator, start: Start) -> None:
    """Law 6: up to 20 lines and a count for each reason are logged, as 5,000 lines take seconds.

    The answer has all tasks.
    """
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(15, port="closed")
    service.start_tasks(12, status="PENDING")

    invocation = start(quick(aws, service, RETRY_COUNT="1")).invoke({})

    lines = [line for line in messages(invocation) if line.startswith("left out")]
    assert 20 + 1 == len(lines)
    assert "27 tasks" in lines[-1]
    assert "15 connection refused" in lines[-1]
    assert "12 not running" in lines[-1]
    assert 27 == len(invocation.answer["excluded"])


def test_the_log_is_a_history_of_the_tasks(aws: Simulator, start: Start) -> None:
    """Each task event logs one line: the change, the number of earlier changes, the stop reason."""
    service = aws.ecs.create_service("arcade", "lobby")
    function = start(quick(aws, service))
    task = service.start_task(status="PENDING")
    task.becomes("RUNNING")
    task.stop(reason="Scaling activity initiated by deployment", code="ServiceSchedulerInitiated")
    seen = []
    for event in aws.events.take():
        rest(aws)
        lines = [line for line in messages(function.invoke(event)) if task.arn in line]
        assert 1 == len(lines)
        seen += lines

    runs, reason = "stopCode=None stoppedReason=None", "Scaling activity initiated by deployment"
    ends = f"stopCode=ServiceSchedulerInitiated stoppedReason={reason}"
    assert [
        f"a task state change: taskArn={task.arn} {change}"
        for change in (
            f"lastStatus=PENDING desiredStatus=RUNNING version=1 {runs}",
            f"lastStatus=RUNNING desiredStatus=RUNNING version=2 {runs}",
            f"lastStatus=DEACTIVATING desiredStatus=STOPPED version=3 {ends}",
        )
    ] == seen


def test_a_stop_reason_with_line_breaks_is_one_line(aws: Simulator, start: Start) -> None:
    """A stoppedReason from ECS or a container cannot start a line of its own."""
    service = aws.ecs.create_service("arcade", "lobby")
    task = service.start_task()
    task.stop(reason='CannotStartContainerError: exec failed\n{"_aws": {}}\r\n[ERROR]\tforged')

    invocation = start(quick(aws, service)).invoke(aws.events.take()[-1])

    history = [line for line in messages(invocation) if task.arn in line]
    assert [1] == [len(line.splitlines()) for line in history]
    assert "exec failed" in history[0]


def test_a_withdrawal_is_logged_with_its_address(aws: Simulator, start: Start) -> None:
    """The log shows that a stopping task was withdrawn with its address, or that it was not
    listed."""
    service = aws.ecs.create_service("arcade", "lobby")
    task = service.start_task()
    function = start(quick(aws, service))
    function.invoke({})
    task.stop()
    stop = aws.events.take()[-1]

    assert f"withdrew task {task.id}: {task.ip}" in messages(function.invoke(stop))
    assert f"withdrew task {task.id}: it was not listed" in messages(function.invoke(stop))


def test_an_invocation_that_ends_early_logs_the_reason(aws: Simulator, start: Start) -> None:
    """Ignored, coalesced and failed invocations log their reason."""
    service = aws.ecs.create_service("arcade", "lobby")
    other = aws.ecs.create_service("casino", "lobby")
    function = start(quick(aws, service))

    invocation = function.invoke(events.container_instance_state_change(other.cluster_arn))
    assert ["ignored an event of cluster 'casino', not 'arcade'"] == messages(invocation)

    aws.faults.set("ListTasks", faults.denied)
    invocation = function.invoke({})
    assert [f"EcsError: {invocation.error_message}"] == messages(invocation, "ERROR")
    aws.faults.clear()

    aws.valkey.client().set(f"{PREFIX}:lease", "another run", px=8000)
    assert 1 == sum("another run holds the lease" in line for line in messages(function.invoke({})))


def test_the_log_level_is_configurable(aws: Simulator, start: Start) -> None:
    """With LOG_LEVEL=WARNING a healthy run logs nothing but its metrics."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    function = start(quick(aws, service, LOG_LEVEL="warning"))
    invocation = function.invoke({})
    assert [] == messages(invocation)
    assert 1 == sum(line.startswith('{"_aws"') for line in invocation.log)
