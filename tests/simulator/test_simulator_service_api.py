"""DescribeServices, ListServices, UpdateService and tags, called by the real boto3 client."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from simulated import checked, code, options, standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_ecs import ECSClient
    from types_boto3_ecs.type_defs import ServiceTypeDef

    from simulator import Service, Simulator


@pytest.fixture
def aws() -> Iterator[Simulator]:
    with standing() as simulator:
        yield simulator


@pytest.fixture
def service(aws: Simulator) -> Service:
    return aws.ecs.create_service("arcade", "lobby", desired=3, steady=True)


@pytest.fixture
def ecs(aws: Simulator) -> ECSClient:
    return checked(boto3.client("ecs", **options(aws)))


def described(ecs: ECSClient, name: str = "lobby", **more: Any) -> ServiceTypeDef:
    (service,) = ecs.describe_services(cluster="arcade", services=[name], **more)["services"]
    return service


def counts(service: ServiceTypeDef) -> tuple[int, int, int]:
    return service["desiredCount"], service["runningCount"], service["pendingCount"]


def test_describes_a_service(service: Service, ecs: ECSClient) -> None:
    """With its one deployment, as it is when nothing happens."""
    found = described(ecs)
    (deployment,) = found["deployments"]

    assert (3, 3, 0) == counts(found)
    assert ("ACTIVE", "REPLICA", service.arn) == (
        found["status"],
        found["schedulingStrategy"],
        found["serviceArn"],
    )
    assert (service.deployment, "PRIMARY", "COMPLETED", 0) == (
        deployment["id"],
        deployment["status"],
        deployment["rolloutState"],
        deployment["failedTasks"],
    )
    assert found["taskDefinition"].endswith(":task-definition/lobby:1")
    assert "tags" not in found


def test_describes_a_service_that_a_test_moves_by_hand(aws: Simulator, ecs: ECSClient) -> None:
    """Its desired count is what it has."""
    aws.ecs.create_service("arcade", "manual").start_tasks(2)

    assert (2, 2, 0) == counts(described(ecs, "manual"))


def test_what_is_unknown_is_a_failure(service: Service, ecs: ECSClient) -> None:
    """Beside those that are known; of a cluster it is an error."""
    answer = ecs.describe_services(cluster="arcade", services=["lobby", "nobody"])

    assert [service.arn] == [each["serviceArn"] for each in answer["services"]]
    assert [{"arn": service.arn.replace("lobby", "nobody"), "reason": "MISSING"}] == answer[
        "failures"
    ]
    with pytest.raises(ClientError) as error:
        ecs.describe_services(cluster="nowhere", services=["lobby"])
    assert "ClusterNotFoundException" == code(error.value)


@pytest.mark.usefixtures("service")
def test_takes_1_to_10_services(ecs: ECSClient) -> None:
    """11 are refused, and so is none."""
    for wrong in ([], ["lobby"] * 11):
        with pytest.raises(ClientError) as error:
            ecs.describe_services(cluster="arcade", services=wrong)
        assert "InvalidParameterException" == code(error.value)


def test_shows_a_deployment_under_way(aws: Simulator, service: Service, ecs: ECSClient) -> None:
    """Forced: the primary one with what it has, the active one with what is left of it."""
    old = service.deployment
    updated = ecs.update_service(cluster="arcade", service="lobby", forceNewDeployment=True)
    aws.ecs.advance(4)
    primary, active = described(ecs)["deployments"]

    assert 2 == len(updated["service"]["deployments"])
    assert ("PRIMARY", "IN_PROGRESS", 3, 0, 3) == (
        primary["status"],
        primary["rolloutState"],
        primary["desiredCount"],
        primary["runningCount"],
        primary["pendingCount"],
    )
    assert ("ACTIVE", old, 3) == (active["status"], active["id"], active["runningCount"])
    aws.ecs.advance(60)
    assert [service.deployment] == [each["id"] for each in described(ecs)["deployments"]]


def test_a_new_definition_is_a_new_deployment(
    aws: Simulator, service: Service, ecs: ECSClient
) -> None:
    """The same one is none, unless it is forced."""
    aws.ecs.definitions.register("lobby")
    aws.ecs.definitions.register("lobby")
    ecs.update_service(cluster="arcade", service="lobby", taskDefinition="lobby:2")
    ecs.update_service(cluster="arcade", service="lobby", taskDefinition="lobby:2")
    aws.ecs.advance(60)

    assert {"lobby:2"} == {task.state.definition for task in service.running}
    assert 1 == sum("deployment completed" in event.message for event in service.events)
    with pytest.raises(ClientError) as error:
        ecs.update_service(cluster="arcade", service="lobby", taskDefinition="lobby:9")
    assert "ClientException" == code(error.value)


def test_the_desired_count_is_no_deployment(
    aws: Simulator, service: Service, ecs: ECSClient
) -> None:
    """It is met with tasks of the one there is."""
    answer = ecs.update_service(cluster="arcade", service=service.arn, desiredCount=5)
    assert (5, 3, 0) == counts(answer["service"])
    aws.ecs.advance(3)
    assert (5, 3, 2) == counts(described(ecs))
    aws.ecs.advance(30)

    assert (5, 5, 0) == counts(described(ecs))
    assert 1 == len(described(ecs)["deployments"])


@pytest.mark.usefixtures("service")
def test_sets_bounds_and_the_circuit_breaker(ecs: ECSClient) -> None:
    """What is not given stays."""
    ecs.update_service(
        cluster="arcade",
        service="lobby",
        deploymentConfiguration={
            "minimumHealthyPercent": 50,
            "deploymentCircuitBreaker": {"enable": True, "rollback": False},
        },
        healthCheckGracePeriodSeconds=30,
    )

    found = described(ecs)
    configuration = found["deploymentConfiguration"]
    assert (50, 200) == (
        configuration["minimumHealthyPercent"],
        configuration["maximumPercent"],
    )
    assert {"enable": True, "rollback": False} == configuration["deploymentCircuitBreaker"]
    assert 30 == found["healthCheckGracePeriodSeconds"]


@pytest.mark.usefixtures("service")
def test_refuses_what_does_not_go(aws: Simulator, ecs: ECSClient) -> None:
    """An unknown service, a deleted one, a negative count, and the count of a daemon."""
    aws.ecs.create_service("arcade", "agent", desired=2, steady=True, daemon=True)
    aws.ecs.create_service("arcade", "gone", desired=1, steady=True).delete()

    def refused(name: str, desired: int) -> str:
        with pytest.raises(ClientError) as error:
            ecs.update_service(cluster="arcade", service=name, desiredCount=desired)
        return code(error.value)

    assert "ServiceNotFoundException" == refused("nobody", 1)
    assert "ServiceNotActiveException" == refused("gone", 1)
    assert "InvalidParameterException" == refused("lobby", -1)
    assert "InvalidParameterException" == refused("agent", 1)
    assert "DAEMON" == described(ecs, "agent")["schedulingStrategy"]
    assert ("INACTIVE", []) == (
        described(ecs, "gone")["status"],
        described(ecs, "gone")["deployments"],
    )


def test_counts_failures_of_a_deployment(aws: Simulator, service: Service, ecs: ECSClient) -> None:
    """Until the first of its tasks is well."""
    service.fails("cannot_pull", times=6)
    service.deploy()
    aws.ecs.advance(17)
    assert 6 == described(ecs)["deployments"][0]["failedTasks"]
    aws.ecs.advance(120)

    assert 0 == described(ecs)["deployments"][0]["failedTasks"]


def test_keeps_the_newest_100_events(service: Service, ecs: ECSClient) -> None:
    """Newest first, each with an id of its own."""
    for number in range(120):
        service.say(f"has event {number}.")

    found = described(ecs)["events"]

    assert "(service lobby) has event 119." == found[0]["message"]
    assert 100 == len(found) == len({event["id"] for event in found})


def test_describing_can_be_behind(aws: Simulator, service: Service, ecs: ECSClient) -> None:
    """As ECS is, which is eventually consistent: by so many seconds, or for good."""
    service.lag = 10
    service.scale(4)
    aws.ecs.advance(9)
    assert (3, 3, 0) == counts(described(ecs))
    aws.ecs.advance(2)
    assert (4, 3, 1) == counts(described(ecs))

    service.lag = math.inf
    service.scale(1)
    aws.ecs.advance(3600)
    assert (4, 4, 0) == counts(described(ecs))
    service.lag = 0
    assert (1, 1, 0) == counts(described(ecs))


def test_lists_services_in_pages(aws: Simulator, service: Service, ecs: ECSClient) -> None:
    """Of ten, unless the request has another size; deleted ones are not there."""
    arns = [service.arn]
    arns += [aws.ecs.create_service("arcade", f"s{number}").arn for number in range(24)]
    aws.ecs.create_service("arcade", "gone", desired=1).delete()
    pages = list(ecs.get_paginator("list_services").paginate(cluster="arcade"))

    assert [10, 10, 5] == [len(page["serviceArns"]) for page in pages]
    assert arns == [arn for page in pages for arn in page["serviceArns"]]
    assert 25 == len(ecs.list_services(cluster="arcade", maxResults=100)["serviceArns"])
    token = ecs.list_services(cluster="arcade")["nextToken"]
    with pytest.raises(ClientError):
        ecs.list_services(cluster="arcade", nextToken=token, schedulingStrategy="DAEMON")


def test_tags_are_set_read_and_taken_away(service: Service, ecs: ECSClient) -> None:
    """On a service they show in DescribeServices when the request includes them."""
    arn = service.arn
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": ""}])
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "2"}])

    both = [{"key": "a", "value": "2"}, {"key": "b", "value": ""}]
    assert both == ecs.list_tags_for_resource(resourceArn=arn)["tags"]
    assert both == described(ecs, include=["TAGS"])["tags"]
    ecs.untag_resource(resourceArn=arn, tagKeys=["b", "nothing"])
    assert both[:1] == ecs.list_tags_for_resource(resourceArn=arn)["tags"]
    assert {"a": "2"} == service.tags


def test_clusters_and_tasks_have_tags_too(service: Service, ecs: ECSClient) -> None:
    """Each its own."""
    for number, arn in enumerate((service.cluster_arn, service.tasks[0].arn)):
        ecs.tag_resource(resourceArn=arn, tags=[{"key": "k", "value": str(number)}])

    assert [{"key": "k", "value": "0"}] == ecs.list_tags_for_resource(
        resourceArn=service.cluster_arn
    )["tags"]
    assert [{"key": "k", "value": "1"}] == ecs.list_tags_for_resource(
        resourceArn=service.tasks[0].arn
    )["tags"]
    assert {} == service.tags


@pytest.mark.parametrize(
    ("key", "value"),
    [("json", '{"desired": 3}'), ("aws:own", "x"), ("k", "v" * 257), ("k" * 129, "v")],
)
def test_refuses_tags_that_ecs_does_not_take(
    service: Service, ecs: ECSClient, key: str, value: str
) -> None:
    """Braces and quotes, reserved prefixes, and what is too long."""
    with pytest.raises(ClientError) as error:
        ecs.tag_resource(resourceArn=service.arn, tags=[{"key": key, "value": value}])

    assert "InvalidParameterException" == code(error.value)
    assert {} == service.tags


def test_takes_50_tags_at_most(service: Service, ecs: ECSClient) -> None:
    """And none for what does not exist."""
    tags: Any = [{"key": f"k{number}", "value": "v"} for number in range(51)]
    ecs.tag_resource(resourceArn=service.arn, tags=tags[:50])

    with pytest.raises(ClientError) as too_many:
        ecs.tag_resource(resourceArn=service.arn, tags=tags[50:])
    with pytest.raises(ClientError) as unknown:
        ecs.tag_resource(resourceArn=service.arn + "x", tags=tags[:1])
    assert "InvalidParameterException" == code(too_many.value)
    assert "ResourceNotFoundException" == code(unknown.value)


@pytest.mark.usefixtures("service")
def test_each_bucket_limits_its_own_operations(aws: Simulator, ecs: ECSClient) -> None:
    """As AWS does: 50 UpdateService at once and 5 a second, by the simulator's clock."""
    aws.ecs.throttle_all()

    def update_often() -> None:
        for _ in range(100):
            ecs.update_service(cluster="arcade", service="lobby", desiredCount=3)

    def updates() -> int:
        """How many go through until one is refused."""
        aws.calls.clear()
        with pytest.raises(ClientError, match="ThrottlingException"):
            update_often()
        return len(aws.calls) - 1

    assert 50 == updates()
    assert (3, 3, 0) == counts(described(ecs))
    aws.ecs.advance(1)
    assert 5 == updates()
    aws.ecs.unthrottle()
    assert 3 == ecs.update_service(cluster="arcade", service="lobby")["service"]["desiredCount"]


@pytest.mark.usefixtures("service")
def test_calls_name_the_action_that_iam_must_allow(aws: Simulator, ecs: ECSClient) -> None:
    """So a policy can be compared with what was called."""
    ecs.update_service(cluster="arcade", service="lobby", desiredCount=3)
    described(ecs)

    assert ["ecs:UpdateService", "ecs:DescribeServices"] == [call.action for call in aws.calls]


def test_faults_hit_the_new_operations_too(
    aws: Simulator, service: Service, ecs: ECSClient
) -> None:
    """A refused call changes nothing."""
    aws.faults.set("UpdateService", "denied")

    with pytest.raises(ClientError) as error:
        ecs.update_service(cluster="arcade", service="lobby", desiredCount=9)

    assert "AccessDeniedException" == code(error.value)
    assert 3 == service.desired
