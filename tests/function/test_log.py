"""What an operator reads: one line a step, and a history of the service's tasks."""

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


def told(said: Invocation, *levels: str) -> list[str]:
    """The messages of the log, of these levels or of all, without what was printed."""
    lines = [line.split("\t", 3) for line in said.log if line.startswith("[")]
    messages = [line[3] for line in lines if line[0].strip("[]") in levels or not levels]
    return [each for each in messages if each != f"ecs-task-discovery {discovery.__version__}"]


def test_a_cold_start_logs_its_version_first_and_a_warm_one_does_not(
    aws: Simulator, start: Start
) -> None:
    """The person on call sees which version an environment runs."""
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


def test_a_run_logs_one_line_a_step(aws: Simulator, start: Start) -> None:
    """What set it off, each round, each publication, who is left out, the answer: no line more."""
    service = aws.ecs.create_service("arcade", "lobby")
    task, closed = service.start_task(), service.start_task(port="closed")
    hidden = service.start_task()
    hidden.hide()

    said = start(quick(aws, service, RETRY_COUNT="2")).invoke({})

    checks = "1 MISSING; 2 probed: 1 connection refused, 1 open"
    counts = "1 listed, 2 running, 1 healthy"
    patterns = (
        "a manual invoke",
        f"round 1 of 2: 2 tasks in 2 calls, {checks}",
        rf"published generation \d+: {counts}, added {task.ip}, removed none",
        f"round 2 of 2: 2 tasks in 3 calls, {checks}",  # what is listed was described ahead
        rf"published generation \d+: {counts}, added none, removed none",
        *sorted(
            (
                f"left out task {closed.id} at {closed.ip}: connection refused",
                f"left out task {hidden.id} at no address: MISSING: ECS listed it and .*",
            )
        ),
        r"answered published after \d+ ms",
    )
    lines = told(said)
    assert [(line, True) for line in lines] == matches(patterns, lines)


def test_the_log_of_many_left_out_is_bounded(aws: Simulator, start: Start) -> None:
    """Law 6: 20 lines and a count for each reason, as 5,000 lines take seconds; the answer has
    all of them."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(15, port="closed")
    service.start_tasks(12, status="PENDING")

    said = start(quick(aws, service, RETRY_COUNT="1")).invoke({})

    lines = [line for line in told(said) if line.startswith("left out")]
    assert 20 + 1 == len(lines)
    assert "27 tasks" in lines[-1]
    assert "15 connection refused" in lines[-1]
    assert "12 not running" in lines[-1]
    assert 27 == len(said.answer["excluded"])


def test_the_log_is_a_history_of_the_service_s_tasks(aws: Simulator, start: Start) -> None:
    """Each task event logs one line with what changed, how often before, and why it stopped."""
    service = aws.ecs.create_service("arcade", "lobby")
    function = start(quick(aws, service))
    task = service.start_task(status="PENDING")
    task.becomes("RUNNING")
    task.stop(reason="Scaling activity initiated by deployment", code="ServiceSchedulerInitiated")
    seen = []
    for event in aws.events.take():
        rest(aws)
        lines = [line for line in told(function.invoke(event)) if task.arn in line]
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


def test_a_reason_with_line_breaks_is_one_line(aws: Simulator, start: Start) -> None:
    """What ECS or a container wrote into stoppedReason cannot begin a line of its own."""
    service = aws.ecs.create_service("arcade", "lobby")
    task = service.start_task()
    task.stop(reason='CannotStartContainerError: exec failed\n{"_aws": {}}\r\n[ERROR]\tforged')

    said = start(quick(aws, service)).invoke(aws.events.take()[-1])

    history = [line for line in told(said) if task.arn in line]
    assert [1] == [len(line.splitlines()) for line in history]
    assert "exec failed" in history[0]


def test_a_withdrawal_is_logged_with_its_address(aws: Simulator, start: Start) -> None:
    """The log tells that a stopping task was withdrawn, from where, and that another was not."""
    service = aws.ecs.create_service("arcade", "lobby")
    task = service.start_task()
    function = start(quick(aws, service))
    function.invoke({})
    task.stop()
    stop = aws.events.take()[-1]

    assert f"withdrew task {task.id}: {task.ip}" in told(function.invoke(stop))
    assert f"withdrew task {task.id}: it was not listed" in told(function.invoke(stop))


def test_what_ends_early_says_why(aws: Simulator, start: Start) -> None:
    """Ignored, coalesced and failed invocations log their reason."""
    service = aws.ecs.create_service("arcade", "lobby")
    other = aws.ecs.create_service("casino", "lobby")
    function = start(quick(aws, service))

    said = function.invoke(events.container_instance_state_change(other.cluster_arn))
    assert ["ignored an event of cluster 'casino', not 'arcade'"] == told(said)

    aws.faults.set("ListTasks", faults.denied)
    said = function.invoke({})
    assert [f"EcsError: {said.error_message}"] == told(said, "ERROR")
    aws.faults.clear()

    aws.valkey.client().set(f"{PREFIX}:lease", "another run", px=8000)
    assert 1 == sum("another run holds the lease" in line for line in told(function.invoke({})))


def test_the_log_level_is_the_operator_s(aws: Simulator, start: Start) -> None:
    """LOG_LEVEL=WARNING leaves a healthy run silent but for its figures."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    function = start(quick(aws, service, LOG_LEVEL="warning"))
    said = function.invoke({})
    assert [] == told(said)
    assert 1 == sum(line.startswith('{"_aws"') for line in said.log)
