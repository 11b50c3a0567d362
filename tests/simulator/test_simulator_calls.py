"""How AWS calls are kept, delayed, spoiled and refused, as the real boto3 client sees it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Callable

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from simulator.faults import slow

if TYPE_CHECKING:
    from simulator import Call, Simulator

Connect = Callable[[str], Any]


@pytest.fixture
def connect(aws: Simulator) -> Connect:
    """Makes clients that try once and wait for at most 0.3 s."""

    def connect(service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=aws.url,
            region_name="us-east-1",
            aws_access_key_id="id",
            aws_secret_access_key="key",
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=0.3),
        )

    aws.ecs.create_service("arcade", "lobby").start_tasks(3)
    return connect


def list_tasks(connect: Connect) -> list[str]:
    arns: list[str] = connect("ecs").list_tasks(cluster="arcade")["taskArns"]
    return arns


def test_keeps_each_call_with_its_parameters_and_its_end(aws: Simulator, connect: Connect) -> None:
    """The log has operation, parameters, time, HTTP status and error code, in order."""
    before = time.monotonic()
    list_tasks(connect)
    with pytest.raises(ClientError):
        connect("ecs").describe_tasks(cluster="nowhere", tasks=["x"])

    listing, describing = aws.calls
    assert (listing.operation, listing.status, listing.error_code) == ("ListTasks", 200, None)
    assert (describing.status, describing.error_code) == (400, "ClusterNotFoundException")
    assert describing.parameters == {"cluster": "nowhere", "tasks": ["x"]}
    assert before < listing.at < describing.at < time.monotonic()
    assert aws.calls.of("DescribeTasks") == [describing]
    aws.calls.clear()
    assert len(aws.calls) == 0


@pytest.mark.parametrize(
    ("fault", "service", "operation", "code", "status"),
    [
        ("throttled", "ecs", "list_tasks", "ThrottlingException", 400),
        ("internal", "ecs", "list_tasks", "ServerException", 500),
        ("denied", "ecs", "list_tasks", "AccessDeniedException", 400),
        ("internal", "secretsmanager", "get_secret_value", "InternalServiceError", 500),
        ("denied", "secretsmanager", "get_secret_value", "AccessDeniedException", 400),
        ("throttled", "ec2", "describe_network_interfaces", "RequestLimitExceeded", 503),
        ("internal", "ec2", "describe_network_interfaces", "InternalError", 500),
        ("denied", "ec2", "describe_network_interfaces", "UnauthorizedOperation", 403),
    ],
)
def test_fails_as_the_service_does(
    aws: Simulator,
    connect: Connect,
    fault: Any,
    service: str,
    operation: str,
    code: str,
    status: int,
) -> None:
    """Each service has its own code and HTTP status for the same misfortune."""
    client = connect(service)
    aws.faults.set(client.meta.method_to_api_mapping[operation], fault)
    parameters = {"SecretId": "any"} if service == "secretsmanager" else {}

    with pytest.raises(ClientError) as error:
        getattr(client, operation)(**parameters)

    response = error.value.response
    assert response["Error"]["Code"] == code
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert aws.calls[0].error_code == code


@pytest.mark.parametrize("fault", ["hangs", slow(1)])
def test_silence_is_a_timeout(aws: Simulator, connect: Connect, fault: Any) -> None:
    """Whether the answer never comes or comes late."""
    aws.faults.set("ListTasks", fault)

    with pytest.raises(ReadTimeoutError):
        list_tasks(connect)


@pytest.mark.parametrize("fault", ["cut", "garbage", "empty"])
def test_a_broken_answer_has_no_fields(aws: Simulator, connect: Connect, fault: Any) -> None:
    """Half a body, none that is JSON, `{}`: botocore takes each for a success without the list.

    It does not compare the length with the header's, and makes of a body that
    it can't read an empty answer. With `.get` an error would look like emptiness.
    """
    aws.faults.set("ListTasks", fault)

    answer = connect("ecs").list_tasks(cluster="arcade")

    assert list(answer) == ["ResponseMetadata"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize("fault", ["cut", "garbage", "empty"])
def test_a_broken_answer_is_an_error_where_xml_is_expected(
    aws: Simulator, connect: Connect, fault: Any
) -> None:
    """EC2's parser raises an error."""
    aws.faults.set("DescribeNetworkInterfaces", fault)

    with pytest.raises(ResponseParserError):
        connect("ec2").describe_network_interfaces()


def test_a_hanging_call_loses_its_connection_when_faults_are_cleared(
    aws: Simulator, connect: Connect
) -> None:
    """So a test can let go of a client that waits for long."""
    aws.faults.set("ListTasks", "hangs")
    aws.on_call = lambda _: threading.Timer(0.05, aws.faults.clear).start()

    with pytest.raises(ConnectionClosedError):
        list_tasks(connect)
    aws.on_call = None
    assert len(list_tasks(connect)) == 3


def test_a_fault_hits_the_calls_it_is_told_to(aws: Simulator, connect: Connect) -> None:
    """After one good call two fail, then all is well again; others are not concerned."""
    aws.faults.set("ListTasks", "internal", times=2, after=1)
    client = connect("ecs")

    for _ in range(4):
        try:
            client.list_tasks(cluster="arcade")
        except ClientError:
            client.describe_tasks(cluster="arcade", tasks=["0" * 32])

    assert [call.status for call in aws.calls.of("ListTasks")] == [200, 500, 500, 200]
    assert [call.status for call in aws.calls.of("DescribeTasks")] == [200, 200]


def test_latency_is_what_a_call_takes_and_can_change(aws: Simulator, connect: Connect) -> None:
    """It holds for the calls that come after it was set."""
    client = connect("ecs")
    client.list_tasks(cluster="arcade")

    aws.latency = 0.1
    began = time.monotonic()
    client.list_tasks(cluster="arcade")

    assert 0.1 <= time.monotonic() - began < 0.3


def test_the_world_can_change_in_the_middle_of_a_listing(aws: Simulator, connect: Connect) -> None:
    """The hook runs before a call is looked at: what it does is in the answer."""
    tasks = aws.ecs.create_service("arcade", "lobby").tasks

    def stop_the_last(call: Call) -> None:
        if "nextToken" in call.parameters:
            tasks[-1].stop()

    aws.on_call = stop_the_last
    paginator = connect("ecs").get_paginator("list_tasks")
    pages = paginator.paginate(cluster="arcade", PaginationConfig={"PageSize": 2})

    assert [page["taskArns"] for page in pages] == [[tasks[0].arn, tasks[1].arn], []]


def test_refuses_connections_and_accepts_them_again(aws: Simulator, connect: Connect) -> None:
    """Open connections close, new ones are refused, and the port stays the same."""
    client = connect("ecs")
    client.list_tasks(cluster="arcade")

    aws.refuse()
    with pytest.raises(EndpointConnectionError):
        client.list_tasks(cluster="arcade")
    aws.accept()

    assert len(client.list_tasks(cluster="arcade")["taskArns"]) == 3


def test_does_not_know_other_operations(connect: Connect) -> None:
    """They are errors, not empty answers."""
    with pytest.raises(ClientError, match="UnknownOperationException"):
        connect("ecs").list_clusters()
