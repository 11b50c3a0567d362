"""Law 1: whatever part of the listing fails, the list stays to the byte as it was."""

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
    """A function that has listed so many tasks, of which the last has stopped since."""
    service.start_tasks(count, address_from="ec2")
    function = start(quick(aws, service))
    assert count == len(function.invoke({}).answer["added"])
    service.tasks[-1].stop()
    service.start_task()
    return function


def publishes_nothing(aws: Simulator, function: Function) -> str:
    """Invoke, and see that a reader has noticed nothing; the error's message."""
    rest(aws)
    before, generation, subscriber = text(aws), state(aws)["generation"], Subscriber(aws)

    said = function.invoke({})

    assert "EcsError" == said.error_type
    assert (before, generation) == (text(aws), state(aws)["generation"])
    assert [] == subscriber.messages()
    assert not aws.valkey.client().exists(f"{PREFIX}:lease")
    return f"{said.error_message}"


@pytest.mark.parametrize("operation", ["ListTasks", "DescribeTasks", EC2])
def test_no_page_may_fail(aws: Simulator, start: Start, operation: str) -> None:
    """The first, the second or the third of three: nothing is published, the next run mends it."""
    service = aws.ecs.create_service("arcade", "lobby")
    function = published(aws, start, service, 250)

    for page in range(3):
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
def test_no_kind_of_failure_passes_for_an_answer(
    aws: Simulator, start: Start, operation: str, kinds: tuple[Fault, ...]
) -> None:
    """Errors, cut answers, answers that cannot be read and empty ones are EcsErrors alike."""
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
def test_an_answer_of_an_odd_shape_is_no_list(
    aws: Simulator, start: Start, operation: str, bodies: list[bytes]
) -> None:
    """JSON that is not what AWS documents is an EcsError too, whatever stands where."""
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


def test_a_run_that_failed_makes_no_more_calls(aws: Simulator, start: Start) -> None:
    """What was to follow from the calls under way is left: ECS's budget is not spent on it."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(1000)
    aws.latency = 0.02
    function = start(quick(aws, service))
    aws.faults.set("DescribeTasks", faults.denied, times=1)

    assert "EcsError" == function.invoke({}).error_type

    rest(aws)
    aws.calls.clear()
    assert 1000 == len(function.invoke({}).answer["added"])
    assert len(aws.calls) in (20, 21)  # one of the first run may have been on its way


@pytest.mark.parametrize("fault", [faults.throttled, faults.internal], ids=lambda fault: fault.kind)
def test_a_failure_that_passes_is_tried_again(aws: Simulator, start: Start, fault: Fault) -> None:
    """One failed attempt costs nothing but time: the SDK repeats the call."""
    service = aws.ecs.create_service("arcade", "lobby")
    function = published(aws, start, service, 2)
    rest(aws)
    aws.faults.set("DescribeTasks", fault, times=1)

    assert 1 == len(function.invoke({}).answer["added"])


def test_aws_that_cannot_be_reached_is_an_error(aws: Simulator, start: Start) -> None:
    """A connection that is refused is an EcsError that tells where to look."""
    service = aws.ecs.create_service("arcade", "lobby")
    function = published(aws, start, service, 2)
    aws.refuse()

    assert "interface endpoint" in publishes_nothing(aws, function)

    aws.accept()
    rest(aws)
    assert 1 == len(function.invoke({}).answer["added"])


def vanish(aws: Simulator, service: Service) -> None:
    """The service is deleted, or its name was mistyped in a deployment."""
    del aws.ecs.clusters[service.cluster.name].services[service.name]


def vanish_with_cluster(aws: Simulator, service: Service) -> None:
    del aws.ecs.clusters[service.cluster.name]


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        (vanish, "ServiceNotFoundException (Service not found.): set ECS_SERVICE_NAME to"),
        (vanish_with_cluster, "ClusterNotFoundException (Cluster not found.): set ECS_CLUSTER_NAM"),
    ],
    ids=["service", "cluster"],
)
def test_a_service_that_is_not_there_is_not_an_empty_one(
    aws: Simulator, start: Start, gone: Callable[[Simulator, Service], None], told: str
) -> None:
    """No such service or cluster is an error that names both and the variable to mend."""
    service = aws.ecs.create_service("arcade", "lobby")
    function = published(aws, start, service, 2)
    gone(aws, service)

    message = publishes_nothing(aws, function)

    assert f"ecs:ListTasks for service lobby of cluster arcade answered {told}" in message


def test_a_later_round_that_fails_leaves_what_the_earlier_published(
    aws: Simulator, start: Start
) -> None:
    """Each round stands on its own: its failure takes nothing back."""
    service = aws.ecs.create_service("arcade", "lobby")
    opens = service.start_task()
    service.start_task(port="closed")
    aws.faults.set("DescribeTasks", faults.denied, after=1)

    said = start(quick(aws, service)).invoke({})

    assert ("EcsError", [opens.ip]) == (said.error_type, listed(aws))
