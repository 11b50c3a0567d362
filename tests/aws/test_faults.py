"""One AWS fault in one call at a time. docs/operations.md has the table of these faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import PASSWORD, listed
from redis_helpers import quick, state, text

from simulator import faults

if TYPE_CHECKING:
    from conftest import Start

    from simulator import Fault, Simulator

CALLS = {
    "ListTasks": "ecs:ListTasks",
    "DescribeTasks": "ecs:DescribeTasks",
    "DescribeNetworkInterfaces": "ec2:DescribeNetworkInterfaces",
    "GetSecretValue": "secretsmanager:GetSecretValue",
}
# The fault, and the text that the person on call reads.
FAULTS = {
    "throttled": (
        faults.throttled,
        "the account's call budget is used up; the next run tries again",
    ),
    "internal": (faults.internal, "the next run tries again"),
    "denied": (faults.denied, "grant the action to the function's role"),
    "cut": (faults.cut, "the next run tries again"),
    "garbage": (faults.garbage, "the next run tries again"),
    "empty": (faults.empty, ""),
    "hangs": (faults.hangs, "raise the function's timeout"),
}
LIMIT = 8.0  # seconds: the function's timeout, shorter than the SDK's timeout for a hung call


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_call_changes_nothing(
    aws: Simulator, start: Start, operation: str, fault: str
) -> None:
    """Laws 1 and 6: the invocation fails before its deadline, and Redis is unchanged.

    The error names the call and the remedy. Without the fault the next invocation publishes.
    """
    if operation == "GetSecretValue":
        aws.valkey.set_password(PASSWORD)
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task(address_from="ec2")
    settings = quick(aws, service)
    function = start(settings, timeout=3.0 if fault == "hangs" else LIMIT)
    function.invoke({})
    if operation == "GetSecretValue":  # an environment calls it only once
        function = start(settings, timeout=3.0 if fault == "hangs" else LIMIT)
    before, generation = text(aws), state(aws)["generation"]
    service.start_task(address_from="ec2")
    kind, remedy = FAULTS[fault]
    aws.faults.set(operation, kind)

    failed = function.invoke({})

    error = "SecretError" if operation == "GetSecretValue" else "EcsError"
    assert failed.error_type == error
    assert not failed.timed_out
    assert failed.duration < LIMIT
    assert text(aws) == before
    assert state(aws)["generation"] == generation
    message = str(failed.error_message)
    assert remedy in message
    if fault != "hangs":
        assert CALLS[operation] in message
    aws.faults.clear()
    assert function.invoke({}).answer["outcome"] == "published"
    assert len(listed(aws) or []) == 2


def test_an_unreachable_endpoint_is_named(aws: Simulator, start: Start) -> None:
    """If an endpoint refuses connections, the error names it and what to check."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    function = start(quick(aws, service), timeout=LIMIT)
    function.invoke({})
    before = text(aws)
    aws.refuse()
    failed = function.invoke({})
    assert failed.error_type == "EcsError"
    assert "check that the subnets have the interface endpoint" in str(failed.error_message)
    assert failed.duration < LIMIT
    assert text(aws) == before
    aws.accept()
    assert function.invoke({}).answer["outcome"] == "published"


def test_a_call_that_fails_once_is_retried(aws: Simulator, start: Start) -> None:
    """A single 500 or a throttled call costs a retry of the SDK, not the run."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    function = start(quick(aws, service))
    passing: list[Fault] = [faults.internal, faults.throttled]
    for fault in passing:
        aws.faults.set("DescribeTasks", fault, times=1)
        assert function.invoke({}).answer["outcome"] == "published"


def test_hung_calls_of_one_run_do_not_delay_the_next_run(aws: Simulator, start: Start) -> None:
    """A call that hangs past the deadline still occupies its thread. The next run has new
    threads."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    function = start(quick(aws, service), timeout=2.5)
    function.invoke({})
    aws.faults.set("ListTasks", faults.hangs, times=1)
    assert function.invoke({}).error_type == "EcsError"
    again = function.invoke({})
    assert again.answer["outcome"] == "published"
    assert again.duration < 1
