"""Target groups, called by the real boto3 client, and a service behind one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from simulated import checked, code, options, standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_elbv2 import ElasticLoadBalancingv2Client

    from simulator import Service, Simulator
    from simulator.elb import TargetGroup


@pytest.fixture
def aws() -> Iterator[Simulator]:
    with standing() as simulator:
        yield simulator


@pytest.fixture
def elb(aws: Simulator) -> ElasticLoadBalancingv2Client:
    return checked(boto3.client("elbv2", **options(aws)))


@pytest.fixture
def group(aws: Simulator) -> TargetGroup:
    return aws.elb.create("lobby")


@pytest.fixture
def service(aws: Simulator, group: TargetGroup) -> Service:
    """A steady service, each task of which is a healthy target."""
    service = aws.ecs.create_service("arcade", "lobby", desired=2, steady=True)
    service.attach(group)
    aws.ecs.advance(20)
    aws.events.take()
    return service


def healths(elb: ElasticLoadBalancingv2Client, group: TargetGroup) -> dict[str, str]:
    """The state, or the reason for it, of each address."""
    found = elb.describe_target_health(TargetGroupArn=group.arn)["TargetHealthDescriptions"]
    return {
        each["Target"]["Id"]: each["TargetHealth"].get("Reason", each["TargetHealth"]["State"])
        for each in found
    }


def test_a_target_is_registered_checked_and_then_healthy(
    aws: Simulator, elb: ElasticLoadBalancingv2Client, group: TargetGroup
) -> None:
    """Each after its time; the last only if the port listens."""
    service = aws.ecs.create_service("arcade", "manual")
    well, closed, silent = (
        service.start_task(port=port) for port in ("listens", "closed", "silent")
    )
    for task in (well, closed, silent):
        group.register(task.ip)
    first = healths(elb, group)
    aws.ecs.advance(3)
    second = healths(elb, group)
    aws.ecs.advance(10)

    assert {"Elb.RegistrationInProgress"} == set(first.values())
    assert {"Elb.InitialHealthChecking"} == set(second.values())
    assert {
        well.ip: "healthy",
        closed.ip: "Target.FailedHealthChecks",
        silent.ip: "Target.Timeout",
    } == healths(elb, group)


def test_a_target_has_a_port_and_a_description(
    aws: Simulator, service: Service, elb: ElasticLoadBalancingv2Client, group: TargetGroup
) -> None:
    """Healthy has no reason; what is not registered is unused; a state can be forced."""
    task = service.tasks[0]
    group.force(task.ip, "unavailable", "Target.HealthCheckDisabled")
    targets: Any = [{"Id": task.ip}, {"Id": "10.9.9.9"}, {"Id": service.tasks[1].ip}]
    forced, unknown, well = elb.describe_target_health(TargetGroupArn=group.arn, Targets=targets)[
        "TargetHealthDescriptions"
    ]

    assert {
        "State": "unavailable",
        "Reason": "Target.HealthCheckDisabled",
        "Description": "Health checks are not enabled for this target",
    } == forced["TargetHealth"]
    assert aws.hosts.port == forced["Target"]["Port"]
    assert "Target.NotRegistered" == unknown["TargetHealth"]["Reason"]
    assert {"State": "healthy"} == well["TargetHealth"]
    group.release(task.ip)
    assert "healthy" == healths(elb, group)[task.ip]


def test_a_service_names_its_target_group(aws: Simulator, service: Service) -> None:
    """In DescribeServices, with its container and port."""
    ecs = boto3.client("ecs", **options(aws))
    (described,) = ecs.describe_services(cluster="arcade", services=["lobby"])["services"]
    (balancer,) = described["loadBalancers"]

    assert (service.target_groups[0].arn, "lobby", aws.hosts.port) == (
        balancer["targetGroupArn"],
        balancer["containerName"],
        balancer["containerPort"],
    )


def test_the_scheduler_registers_and_drains(
    aws: Simulator, service: Service, elb: ElasticLoadBalancingv2Client, group: TargetGroup
) -> None:
    """A new task from the moment it runs; a stopping one drains, then it is gone."""
    gone = service.tasks[0]
    gone.stop(code="UserInitiated")
    assert "Target.DeregistrationInProgress" == healths(elb, group)[gone.ip]
    aws.ecs.advance(9)
    new = service.tasks[-1]
    assert "Elb.RegistrationInProgress" == healths(elb, group)[new.ip]
    assert gone.ip not in healths(elb, group)
    aws.ecs.advance(15)

    assert {"healthy"} == set(healths(elb, group).values())
    assert any("registered 1 targets in" in event.message for event in service.events)
    assert any("draining connections on 1 tasks" in event.message for event in service.events)


def test_a_deployment_waits_for_healthy_targets(aws: Simulator, service: Service) -> None:
    """The old tasks stay until the new ones are healthy there."""
    old = service.tasks
    service.deploy()
    aws.ecs.advance(15)
    assert old == [task for task in old if task in service.running]
    assert 4 == len(service.running)
    aws.ecs.advance(15)

    assert [] == [task for task in old if task in service.running]
    assert "COMPLETED" == service.primary.rollout


def test_a_task_that_fails_the_checks_is_replaced(
    aws: Simulator, service: Service, group: TargetGroup
) -> None:
    """With the reason that ECS gives, and once the grace period is over."""
    service.grace = 60
    service.fails("never_listens", times=1)
    service.scale(3)
    aws.ecs.advance(40)
    ill = service.tasks[-1]
    assert "RUNNING" == ill.state.last_status
    aws.ecs.advance(40)

    assert f"Task failed ELB health checks in (target-group {group.arn})" == (
        ill.state.stopped_reason
    )
    aws.ecs.advance(30)
    assert 3 == len(service.running)


def test_deregistering_needs_the_port(
    aws: Simulator, service: Service, elb: ElasticLoadBalancingv2Client, group: TargetGroup
) -> None:
    """Without it, it succeeds, and nothing happens."""
    address = service.tasks[0].ip
    elb.deregister_targets(TargetGroupArn=group.arn, Targets=[{"Id": address}])
    assert "healthy" == healths(elb, group)[address]
    elb.deregister_targets(
        TargetGroupArn=group.arn, Targets=[{"Id": address, "Port": aws.hosts.port}]
    )

    assert "Target.DeregistrationInProgress" == healths(elb, group)[address]


def test_describes_target_groups(group: TargetGroup, elb: ElasticLoadBalancingv2Client) -> None:
    """All, or by ARN or name; with where their health checks go."""
    (found,) = elb.describe_target_groups(TargetGroupArns=[group.arn])["TargetGroups"]

    assert ("lobby", "/health") == (found["TargetGroupName"], found["HealthCheckPath"])
    assert [] == elb.describe_target_groups(Names=["other"])["TargetGroups"]
    assert 1 == len(elb.describe_target_groups()["TargetGroups"])


def test_an_unknown_target_group_is_not_found(elb: ElasticLoadBalancingv2Client) -> None:
    """The error is the service's own."""
    with pytest.raises(elb.exceptions.TargetGroupNotFoundException):
        elb.describe_target_health(TargetGroupArn="arn:aws:elasticloadbalancing:nothing")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [("denied", "AccessDenied"), ("throttled", "Throttling"), ("internal", "InternalFailure")],
)
def test_fails_as_the_service_does(
    aws: Simulator,
    group: TargetGroup,
    elb: ElasticLoadBalancingv2Client,
    fault: Any,
    expected: str,
) -> None:
    """And the call is on record with the action that IAM must allow."""
    aws.faults.set("DescribeTargetHealth", fault)

    with pytest.raises(ClientError) as error:
        elb.describe_target_health(TargetGroupArn=group.arn)

    assert expected == code(error.value)
    assert "elasticloadbalancing:DescribeTargetHealth" == aws.calls[0].action
