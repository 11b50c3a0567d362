"""The simulated ECS API, called by the real boto3 client."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from simulator.described import LIFE
from simulator.throttle import TokenBucket

if TYPE_CHECKING:
    from types_boto3_ecs import ECSClient
    from types_boto3_ecs.type_defs import TaskTypeDef

    from simulator import Service, Simulator


@pytest.fixture
def service(aws: Simulator) -> Service:
    return aws.ecs.create_service("arcade", "lobby")


@pytest.fixture
def ecs(aws: Simulator) -> ECSClient:
    return boto3.client(
        "ecs",
        endpoint_url=aws.url,
        region_name="us-east-1",
        aws_access_key_id="id",
        aws_secret_access_key="key",
        config=Config(retries={"total_max_attempts": 1}),
    )


def listed(ecs: ECSClient, **options: Any) -> list[str]:
    pages = ecs.get_paginator("list_tasks").paginate(cluster="arcade", **options)
    return [arn for page in pages for arn in page["taskArns"]]


def details(task: TaskTypeDef, kind: str) -> dict[str, str]:
    (attachment,) = (a for a in task["attachments"] if a["type"] == kind)
    return {detail["name"]: detail["value"] for detail in attachment["details"]}


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def test_lists_in_pages_of_at_most_100_in_the_order_tasks_started(
    aws: Simulator, service: Service, ecs: ECSClient
) -> None:
    """250 tasks come in three pages, each task once, oldest first."""
    tasks = service.start_tasks(250, port="closed")

    assert [task.arn for task in tasks] == listed(ecs, serviceName="lobby")
    assert [call.status for call in aws.calls.of("ListTasks")] == [200] * 3


def test_last_page_has_no_token_even_when_it_is_full(service: Service, ecs: ECSClient) -> None:
    """Exactly 100 tasks are one page; a request may have a size of page."""
    service.start_tasks(100, port="closed")

    assert "nextToken" not in ecs.list_tasks(cluster="arcade")
    assert len(ecs.list_tasks(cluster="arcade", maxResults=7)["taskArns"]) == 7


@pytest.mark.parametrize(
    "wrong", [{"maxResults": 0}, {"maxResults": 101}, {"nextToken": "invented"}]
)
def test_refuses_a_page_that_does_not_exist(
    service: Service, ecs: ECSClient, wrong: dict[str, Any]
) -> None:
    """maxResults is 1 to 100, and a token must be one that was given."""
    service.start_task()

    with pytest.raises(ClientError) as error:
        ecs.list_tasks(cluster="arcade", **wrong)
    assert code(error) == "InvalidParameterException"


def test_token_is_good_for_the_listing_that_gave_it_alone(
    aws: Simulator, service: Service, ecs: ECSClient
) -> None:
    """A token of one service's listing is refused for another's."""
    service.start_tasks(2)
    aws.ecs.create_service("arcade", "other")
    token = ecs.list_tasks(cluster="arcade", serviceName="lobby", maxResults=1)["nextToken"]

    with pytest.raises(ClientError) as error:
        ecs.list_tasks(cluster="arcade", serviceName="other", nextToken=token)
    assert code(error) == "InvalidParameterException"


def test_filters_by_service_and_cluster_by_name_or_arn(
    aws: Simulator, service: Service, ecs: ECSClient
) -> None:
    """Tasks of another service, another cluster, or none do not show."""
    task = service.start_task()
    other = aws.ecs.create_service("arcade", "other").start_task()
    lone = aws.ecs.create_cluster("arcade").run_task()
    aws.ecs.create_service("elsewhere", "lobby").start_task()

    assert [task.arn] == listed(ecs, serviceName="lobby")
    assert [task.arn] == ecs.list_tasks(cluster=service.cluster_arn, serviceName=service.arn)[
        "taskArns"
    ]
    assert [task.arn, other.arn, lone.arn] == listed(ecs)


def test_filters_by_desired_status_not_by_last_status(service: Service, ecs: ECSClient) -> None:
    """The default holds tasks that start, and drops one the moment it is to stop."""
    starting = service.start_task(status="PROVISIONING")
    stopping = service.start_task()
    stopping.stop()

    assert [starting.arn] == listed(ecs)
    assert [stopping.arn] == listed(ecs, desiredStatus="STOPPED")
    assert listed(ecs, desiredStatus="PENDING") == []


def test_names_what_it_does_not_know(service: Service, ecs: ECSClient) -> None:
    """An unknown cluster and an unknown service are errors of their own."""
    with pytest.raises(ClientError) as cluster_error:
        ecs.list_tasks(cluster="nowhere")
    with pytest.raises(ClientError) as service_error:
        ecs.list_tasks(cluster=service.cluster_arn, serviceName="nobody")

    assert code(cluster_error) == "ClusterNotFoundException"
    assert cluster_error.value.response["Error"]["Message"] == "Cluster not found."
    assert code(service_error) == "ServiceNotFoundException"


def test_describes_a_running_task_as_fargate_does(service: Service, ecs: ECSClient) -> None:
    """Its address is in the ENI attachment, which is not the first, and in its container."""
    service.definition = "lobby:42"
    task = service.start_task(health="HEALTHY")

    answer = ecs.describe_tasks(cluster="arcade", tasks=[task.id])
    (described,) = answer["tasks"]

    assert answer["failures"] == []
    assert [attachment["type"] for attachment in described["attachments"]] == [
        "ServiceConnect",
        "ElasticNetworkInterface",
    ]
    assert task.ip == details(described, "ElasticNetworkInterface")["privateIPv4Address"]
    assert task.ip == described["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
    assert described["taskDefinitionArn"].endswith(":task-definition/lobby:42")
    assert (
        described["group"],
        described["lastStatus"],
        described["desiredStatus"],
        described["healthStatus"],
        described["version"],
    ) == ("service:lobby", "RUNNING", "RUNNING", "HEALTHY", 1)
    assert 1500 < len(task.state.json) < 2100


@pytest.mark.parametrize(
    ("options", "in_attachment", "in_container"),
    [
        ({"address_from": "containers"}, None, {"privateIpv4Address": "127.16.0.1"}),
        ({"address_from": "ec2"}, None, None),
        ({"ip": "127.16.9.9"}, "127.16.9.9", {"privateIpv4Address": "127.16.9.9"}),
        ({"ip": "::1"}, None, {"ipv6Address": "::1"}),
        ({"status": "PROVISIONING"}, None, None),
    ],
)
def test_address_is_where_the_test_wants_it(
    service: Service,
    ecs: ECSClient,
    options: Any,
    in_attachment: str | None,
    in_container: dict[str, str] | None,
) -> None:
    """In the attachment, in the containers alone, from EC2 alone, IPv6, or not there yet."""
    task = service.start_task(**options)

    (described,) = ecs.describe_tasks(cluster="arcade", tasks=[task.arn])["tasks"]
    interfaces = described["containers"][0]["networkInterfaces"]
    for interface in interfaces:
        interface.pop("attachmentId")

    assert in_attachment == details(described, "ElasticNetworkInterface").get("privateIPv4Address")
    assert ([in_container] if in_container else []) == interfaces


def test_a_provisioning_task_has_a_subnet_and_nothing_else(
    service: Service, ecs: ECSClient
) -> None:
    """Its network interface does not exist yet."""
    task = service.start_task(status="PROVISIONING")

    (described,) = ecs.describe_tasks(cluster="arcade", tasks=[task.arn])["tasks"]

    assert list(details(described, "ElasticNetworkInterface")) == ["subnetId"]


def test_each_change_counts_in_the_version(service: Service) -> None:
    """A whole life is eight versions; health is no change that ECS counts."""
    task = service.start_task(status="PROVISIONING")
    for status in LIFE[1:]:
        task.becomes(status)
    task.health("UNHEALTHY")

    assert (
        task.state.version,
        task.state.last_status,
        task.state.health,
    ) == (8, "STOPPED", "UNHEALTHY")


def test_a_stopping_task_says_why(service: Service, ecs: ECSClient) -> None:
    """A task that is stopped deactivates first. One that ends by itself names its container."""
    stopping, ended = service.start_tasks(2)
    stopping.stop(reason="Scaling in")
    ended.becomes("STOPPED")

    one, two = ecs.describe_tasks(cluster="arcade", tasks=[stopping.arn, ended.arn])["tasks"]

    assert (
        one["lastStatus"],
        one["desiredStatus"],
        one["stoppedReason"],
    ) == ("DEACTIVATING", "STOPPED", "Scaling in")
    assert (two["lastStatus"], two["stopCode"]) == ("STOPPED", "EssentialContainerExited")
    assert two["createdAt"] <= two["stoppedAt"]


def test_an_unknown_task_is_a_failure_beside_the_known_ones(
    service: Service, ecs: ECSClient
) -> None:
    """So is a hidden one; both are MISSING, and the others are described."""
    known, hidden = service.start_tasks(2)
    hidden.hide()

    answer = ecs.describe_tasks(cluster="arcade", tasks=[known.arn, hidden.arn, "0" * 32])

    assert [known.arn] == [task["taskArn"] for task in answer["tasks"]]
    prefix = "arn:aws:ecs:us-east-1:111122223333:task/arcade/"
    assert [
        {"arn": hidden.arn, "reason": "MISSING"},
        {"arn": prefix + "0" * 32, "reason": "MISSING"},
    ] == answer["failures"]
    assert [known.arn, hidden.arn] == listed(ecs)
    hidden.show()
    assert ecs.describe_tasks(cluster="arcade", tasks=[hidden.arn])["failures"] == []


def test_describes_at_most_100_tasks(service: Service, ecs: ECSClient) -> None:
    """101 ids, or none, are refused."""
    arns = [task.arn for task in service.start_tasks(101, port="closed")]

    assert len(ecs.describe_tasks(cluster="arcade", tasks=arns[:100])["tasks"]) == 100
    for wrong in (arns, []):
        with pytest.raises(ClientError) as error:
            ecs.describe_tasks(cluster="arcade", tasks=wrong)
        assert code(error) == "InvalidParameterException"


def test_a_frozen_listing_answers_from_an_earlier_truth(service: Service, ecs: ECSClient) -> None:
    """Neither a stop nor a start shows until it thaws, in ListTasks or DescribeTasks."""
    old = service.start_task()
    service.freeze_listing()
    old.stop()
    new = service.start_task()

    stale = ecs.describe_tasks(cluster="arcade", tasks=[old.arn, new.arn])
    assert [old.arn] == listed(ecs, serviceName="lobby")
    assert [task["desiredStatus"] for task in stale["tasks"]] == ["RUNNING"]
    assert [new.arn] == [failure["arn"] for failure in stale["failures"]]

    service.thaw_listing()
    assert [new.arn] == listed(ecs, serviceName="lobby")


def test_lists_and_describes_share_one_throttle_bucket(
    aws: Simulator, service: Service, ecs: ECSClient
) -> None:
    """Over the burst a call is throttled, until the limit is lifted."""
    task = service.start_task()
    aws.ecs.throttle(burst=2, per_second=0.001)
    ecs.list_tasks(cluster="arcade")
    ecs.describe_tasks(cluster="arcade", tasks=[task.arn])

    with pytest.raises(ClientError) as error:
        ecs.list_tasks(cluster="arcade")
    assert code(error) == "ThrottlingException"
    assert aws.calls.of("ListTasks")[-1].status == 400
    aws.ecs.unthrottle()
    ecs.list_tasks(cluster="arcade")


def test_the_throttle_bucket_fills_again_with_time() -> None:
    """At 50 a second an empty bucket earns the next call in 20 ms, and not earlier."""
    bucket = TokenBucket(burst=1, per_second=50)
    emptied = time.monotonic()
    assert bucket.take()

    while not bucket.take():
        assert time.monotonic() - emptied < 5
    assert time.monotonic() - emptied >= 0.02


def test_5000_tasks_are_listed_and_described_fast(service: Service, ecs: ECSClient) -> None:
    """The largest service there can be answers all its pages well within a second."""
    tasks = service.start_tasks(5000, port="closed")

    began = time.process_time()
    assert len(listed(ecs, serviceName="lobby")) == 5000
    body = b"".join(task.state.json for task in tasks)

    assert time.process_time() - began < 2
    assert 5000 * 1500 < len(body) < 5000 * 2100
