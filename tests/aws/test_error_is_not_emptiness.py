"""Law 1: if any part of a listing fails, the published list stays the same to the byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import Start, listed
from redis_helpers import PREFIX, Subscriber, quick, rest, state, text

from simulator import faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator import Fault, Function, Service, Simulator

EC2 = "DescribeNetworkInterfaces"


def published(aws: Simulator, start: Start, service: Service, count: int) -> Function:
    """A function that has published this many tasks, of which the last has stopped since."""
    service.start_tasks(count, address_from="ec2")
    function = start(quick(aws, service))
    assert count == len(function.invoke({}).answer["added"])
    service.tasks[-1].stop()
    service.start_task(address_from="ec2")
    return function


def publishes_nothing(aws: Simulator, function: Function) -> str:
    """Invoke, assert that a reader sees no change, and return the error's message."""
    rest(aws)
    before, generation, subscriber = text(aws), state(aws)["generation"], Subscriber(aws)

    invocation = function.invoke({})

    assert "EcsError" == invocation.error_type
    assert (before, generation) == (text(aws), state(aws)["generation"])
    assert [] == subscriber.messages()
    assert not aws.valkey.client().exists(f"{PREFIX}:lease")
    return f"{invocation.error_message}"


@pytest.mark.parametrize("operation", ["ListTasks", "DescribeTasks", EC2])
def test_a_failed_page_publishes_nothing(aws: Simulator, start: Start, operation: str) -> None:
    """Law 1: if any of three pages fails, nothing is published. The next run succeeds.

    EC2 is called for the new task alone, as the addresses of the others are known.
    """
    service = aws.ecs.create_service("arcade", "lobby")
    function = published(aws, start, service, 250)

    for page in range(1 if operation == EC2 else 3):
        aws.faults.set(operation, faults.denied, after=page)
        assert f":{operation} for service lobby of cluster arcade answered " in publishes_nothing(
            aws, function
        )
        aws.faults.clear()

    rest(aws)
    answer = function.invoke({}).answer
    assert (250, 1, 1) == (len(listed(aws) or []), len(answer["added"]), len(answer["removed"]))


@pytest.mark.parametrize(
    ("operation", "kinds"),
    [
        ("ListTasks", (faults.empty, faults.garbage, faults.cut, faults.internal)),
        ("DescribeTasks", (faults.empty, faults.garbage, faults.cut, faults.throttled)),
        (EC2, (faults.empty, faults.garbage, faults.cut, faults.throttled)),
    ],
    ids=["ListTasks", "DescribeTasks", EC2],
)
def test_every_kind_of_failure_is_an_error(
    aws: Simulator, start: Start, operation: str, kinds: tuple[Fault, ...]
) -> None:
    """Law 1: errors, truncated, unreadable and empty answers all raise EcsError."""
    service = aws.ecs.create_service("arcade", "lobby")
    function = published(aws, start, service, 2)

    for fault in kinds:
        aws.faults.set(operation, fault)
        message = publishes_nothing(aws, function)
        assert f":{operation} for service lobby of cluster arcade " in message, fault
        aws.faults.clear()

    rest(aws)
    assert 1 == len(function.invoke({}).answer["added"])


@pytest.mark.parametrize(
    ("operation", "bodies"),
    [
        (
            "ListTasks",
            [b"[]", b"null", b'{"taskArns":null}', b'{"taskArns":{}}', b'{"taskArns":[1]}'],
        ),
        (
            "DescribeTasks",
            [
                b"[]",
                b'"tasks"',
                b'{"tasks":null,"failures":[]}',
                b'{"tasks":[null],"failures":[]}',
                b'{"tasks":["task"],"failures":[]}',
                b'{"tasks":[{"taskArn":null}],"failures":null}',
                b'{"tasks":[{"taskArn":"a/b","attachments":[7]}],"failures":[]}',
                b'{"tasks":[{"taskArn":["a"]}],"failures":[]}',
                b'{"tasks":[],"failures":["MISSING"]}',
                b'{"tasks":[],"failures":null}',
            ],
        ),
    ],
    ids=["ListTasks", "DescribeTasks"],
)
def test_a_malformed_answer_is_an_error(
    aws: Simulator, start: Start, operation: str, bodies: list[bytes]
) -> None:
    """Law 1: JSON that does not match the documented form raises EcsError."""
    service = aws.ecs.create_service("arcade", "lobby")
    function = published(aws, start, service, 2)

    for body in bodies:
        aws.faults.set(operation, faults.says(body))
        message = publishes_nothing(aws, function)
        assert "for service lobby of cluster arcade " in message or "of service lobby" in message, (
            body
        )
        aws.faults.clear()

    rest(aws)
    assert 1 == len(function.invoke({}).answer["added"])


def test_a_failed_run_makes_no_more_calls(aws: Simulator, start: Start) -> None:
    """After a failed call a run makes no further calls, so it does not spend ECS's budget."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(1000)
    aws.latency = 0.02
    function = start(quick(aws, service))
    aws.faults.set("DescribeTasks", faults.denied, times=1)

    assert "EcsError" == function.invoke({}).error_type

    rest(aws)
    aws.calls.clear()
    assert 1000 == len(function.invoke({}).answer["added"])
    assert len(aws.calls) in (20, 21)  # one call of the first run may have been in flight


@pytest.mark.parametrize("fault", [faults.throttled, faults.internal], ids=lambda fault: fault.kind)
def test_a_transient_failure_is_retried(aws: Simulator, start: Start, fault: Fault) -> None:
    """A single failed attempt only costs time, because the SDK retries the call."""
    service = aws.ecs.create_service("arcade", "lobby")
    function = published(aws, start, service, 2)
    rest(aws)
    aws.faults.set("DescribeTasks", fault, times=1)

    assert 1 == len(function.invoke({}).answer["added"])


def test_an_unreachable_endpoint_is_an_error(aws: Simulator, start: Start) -> None:
    """A refused connection raises EcsError with a hint on where to look."""
    service = aws.ecs.create_service("arcade", "lobby")
    function = published(aws, start, service, 2)
    aws.refuse()

    assert "interface endpoint" in publishes_nothing(aws, function)

    aws.accept()
    rest(aws)
    assert 1 == len(function.invoke({}).answer["added"])


def vanish(aws: Simulator, service: Service) -> None:
    """Delete the service, which looks like a mistyped name to the function."""
    del aws.ecs.clusters[service.cluster.name].services[service.name]


def vanish_with_cluster(aws: Simulator, service: Service) -> None:
    del aws.ecs.clusters[service.cluster.name]


@pytest.mark.parametrize(
    ("gone", "error"),
    [
        (vanish, "ServiceNotFoundException (Service not found.): set ECS_SERVICE_NAME to"),
        (vanish_with_cluster, "ClusterNotFoundException (Cluster not found.): set ECS_CLUSTER_NAM"),
    ],
    ids=["service", "cluster"],
)
def test_a_missing_service_is_not_an_empty_service(
    aws: Simulator, start: Start, gone: Callable[[Simulator, Service], None], error: str
) -> None:
    """Law 1: a missing service or cluster raises EcsError with both names and the variable to
    correct."""
    service = aws.ecs.create_service("arcade", "lobby")
    function = published(aws, start, service, 2)
    gone(aws, service)

    message = publishes_nothing(aws, function)

    assert f"ecs:ListTasks for service lobby of cluster arcade answered {error}" in message


def test_a_failed_later_round_keeps_what_an_earlier_round_published(
    aws: Simulator, start: Start
) -> None:
    """A failed round takes back nothing that an earlier round published."""
    service = aws.ecs.create_service("arcade", "lobby")
    opens = service.start_task()
    service.start_task(port="closed")
    aws.faults.set("DescribeTasks", faults.denied, after=1)

    invocation = start(quick(aws, service)).invoke({})

    assert ("EcsError", [opens.ip]) == (invocation.error_type, listed(aws))
