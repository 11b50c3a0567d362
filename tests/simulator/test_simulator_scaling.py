"""Application Auto Scaling, called by the real boto3 client, and what acts by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from simulated import checked, code, options, standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_application_autoscaling import ApplicationAutoScalingClient

    from simulator import Service, Simulator

LOBBY: Any = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/arcade/lobby",
    "ScalableDimension": "ecs:service:DesiredCount",
}
NOTHING = {
    "DynamicScalingInSuspended": False,
    "DynamicScalingOutSuspended": False,
    "ScheduledScalingSuspended": False,
}


@pytest.fixture
def aws() -> Iterator[Simulator]:
    with standing() as simulator:
        yield simulator


@pytest.fixture
def service(aws: Simulator) -> Service:
    return aws.ecs.create_service("arcade", "lobby", desired=3, steady=True)


@pytest.fixture
def scaling(aws: Simulator) -> ApplicationAutoScalingClient:
    return checked(boto3.client("application-autoscaling", **options(aws)))


def described(scaling: ApplicationAutoScalingClient) -> Any:
    (target,) = scaling.describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=[LOBBY["ResourceId"]]
    )["ScalableTargets"]
    return target


def suspend(scaling: ApplicationAutoScalingClient, **flags: bool) -> None:
    scaling.register_scalable_target(**LOBBY, SuspendedState=flags)  # type: ignore[arg-type]


@pytest.mark.usefixtures("service")
def test_no_target_is_an_empty_list(scaling: ApplicationAutoScalingClient) -> None:
    """It is no error."""
    answer = scaling.describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=[LOBBY["ResourceId"]]
    )
    assert [] == answer["ScalableTargets"]


def test_describes_a_target(
    aws: Simulator, service: Service, scaling: ApplicationAutoScalingClient
) -> None:
    """Its bounds, and three flags, which are off at first."""
    aws.scaling.register(service, 2, 6)

    target = described(scaling)

    assert (2, 6) == (target["MinCapacity"], target["MaxCapacity"])
    assert NOTHING == target["SuspendedState"]
    assert LOBBY == {name: target[name] for name in LOBBY}


def test_what_is_not_given_stays(
    aws: Simulator, service: Service, scaling: ApplicationAutoScalingClient
) -> None:
    """Bounds and flags alike."""
    aws.scaling.register(service, 2, 6)
    suspend(scaling, DynamicScalingInSuspended=True)
    scaling.register_scalable_target(**LOBBY, MaxCapacity=7)

    target = described(scaling)

    assert (2, 7) == (target["MinCapacity"], target["MaxCapacity"])
    assert NOTHING | {"DynamicScalingInSuspended": True} == target["SuspendedState"]


def test_registering_moves_the_count_into_the_bounds(
    aws: Simulator, service: Service, scaling: ApplicationAutoScalingClient
) -> None:
    """Even when no bound is given: it reads the count afresh; ECS sends an event for it."""
    aws.scaling.register(service, 2, 4)
    service.scale(5)
    aws.events.take()
    suspend(scaling, DynamicScalingInSuspended=True)
    assert 4 == service.desired
    assert ["SERVICE_DESIRED_COUNT_UPDATED"] == [
        event["detail"]["eventName"] for event in aws.events.take()
    ]
    scaling.register_scalable_target(**LOBBY, MinCapacity=6, MaxCapacity=9)

    assert 6 == service.desired


@pytest.mark.parametrize(
    "wrong",
    [
        {"MinCapacity": 1},
        {"MinCapacity": 3, "MaxCapacity": 2},
        {"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": "service/arcade/nobody"},
        {"MinCapacity": 1, "MaxCapacity": 2, "ServiceNamespace": "lambda"},
    ],
)
@pytest.mark.usefixtures("service")
def test_refuses_what_does_not_go(scaling: ApplicationAutoScalingClient, wrong: Any) -> None:
    """A new target without both bounds, bounds the wrong way round, what does not exist."""
    with pytest.raises(ClientError) as error:
        scaling.register_scalable_target(**(LOBBY | wrong))

    assert "ValidationException" == code(error.value)


def test_a_policy_scales_with_the_load(aws: Simulator, service: Service) -> None:
    """Out and in, within the bounds, when it acts."""
    policy = aws.scaling.track(aws.scaling.register(service, 2, 5), per_task=100)
    counts = []
    for load in (300, 420, 900, 10):
        policy.load = load
        policy.act()
        counts.append(service.desired)

    assert [3, 5, 5, 2] == counts


def test_a_suspended_direction_does_not_scale(
    aws: Simulator, service: Service, scaling: ApplicationAutoScalingClient
) -> None:
    """The other one does."""
    policy = aws.scaling.track(aws.scaling.register(service, 1, 9), per_task=100)
    suspend(scaling, DynamicScalingInSuspended=True)
    policy.load = 100
    assert not policy.act()
    policy.load = 600
    assert policy.act()
    suspend(scaling, DynamicScalingInSuspended=False, DynamicScalingOutSuspended=True)
    policy.load = 900
    assert not policy.act()
    policy.load = 200

    assert policy.act()
    assert 2 == service.desired


def test_a_deployment_suspends_scaling_in_alone(aws: Simulator, service: Service) -> None:
    """As ECS documents it."""
    policy = aws.scaling.track(aws.scaling.register(service, 1, 9), per_task=100)
    service.deploy()
    policy.load = 100
    assert not policy.act()
    policy.load = 400

    assert policy.act()


def test_a_scheduled_action_sets_the_bounds(
    aws: Simulator, service: Service, scaling: ApplicationAutoScalingClient
) -> None:
    """At its time by the clock, unless scheduled scaling is suspended."""
    target = aws.scaling.register(service, 1, 4)
    aws.scaling.schedule(target, 60, minimum=6, maximum=8)
    aws.scaling.schedule(target, 120, maximum=2, minimum=1)
    aws.ecs.advance(61)
    assert (6, 6, 8) == (service.desired, target.minimum, target.maximum)

    suspend(scaling, ScheduledScalingSuspended=True)
    aws.ecs.advance(61)

    assert (6, 6, 8) == (service.desired, target.minimum, target.maximum)


def test_a_policy_can_act_by_itself(aws: Simulator, service: Service) -> None:
    """Each minute of the clock, say, until the service is deleted."""
    target = aws.scaling.register(service, 1, 9)
    policy = aws.scaling.track(target, per_task=100, every=60)
    policy.load = 500
    aws.ecs.advance(59)
    assert 3 == service.desired
    aws.ecs.advance(30)

    assert 5 == len(service.running)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("denied", "AccessDeniedException"),
        ("throttled", "ThrottlingException"),
        ("internal", "InternalServiceException"),
    ],
)
def test_fails_as_the_service_does(
    aws: Simulator, scaling: ApplicationAutoScalingClient, fault: Any, expected: str
) -> None:
    """And the call is on record with the action that IAM must allow."""
    aws.faults.set("DescribeScalableTargets", fault)

    with pytest.raises(ClientError) as error:
        scaling.describe_scalable_targets(ServiceNamespace="ecs")

    assert expected == code(error.value)
    assert "application-autoscaling:DescribeScalableTargets" == aws.calls[0].action
