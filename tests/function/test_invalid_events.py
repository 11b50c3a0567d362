"""Every other event is refused, and the error names the invalid field (the table's last row)."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    CLUSTER_ARN,
    ECS,
    SERVICE_ARN,
    TASK_ID,
    deployment_change,
    envelope,
    instance_change,
    nested,
    routed,
    scheduled,
    service_action,
    task_change,
)

from discovery.errors import InvalidEventError


def refused(event: Any) -> str:
    with pytest.raises(InvalidEventError) as caught:
        routed(event)
    return str(caught.value)


def without(event: dict[str, Any], name: str) -> dict[str, Any]:
    event["detail"].pop(name)
    return event


@pytest.mark.parametrize(
    ("event", "field", "value"),
    [
        (None, "event", "None"),
        ([], "event", "[]"),
        ("sync", "event", "'sync'"),
        (7, "event", "7"),
        ({"action": "delete"}, "action", "'delete'"),
        ({"action": None}, "action", "None"),
        ({"action": ["sync"]}, "action", "['sync']"),
        ({"dry_run": "true"}, "dry_run", "'true'"),
        ({"dry_run": 1}, "dry_run", "1"),
        ({"dryRun": True}, "dryRun", "True"),
        ({"detail": {}}, "detail", "{}"),
        ({"source": "aws.ecs"}, "detail-type", "None"),
        ({"detail-type": "ECS Task State Change"}, "source", "None"),
        (scheduled() | {"detail-type": "Rule Changed"}, "detail-type", "'Rule Changed'"),
        (task_change() | {"source": "aws.ec2"}, "source", "'aws.ec2'"),
        (task_change() | {"source": ["aws.ecs"]}, "source", "['aws.ecs']"),
        (task_change() | {"detail-type": ["x"]}, "detail-type", "['x']"),
        (envelope("AWS API Call via CloudTrail", [], {}), "detail-type", "'AWS API Call via"),
        (task_change() | {"detail": None}, "detail", "None"),
        (task_change() | {"detail": [1]}, "detail", "[1]"),
        (without(task_change(), "clusterArn"), "detail.clusterArn", "None"),
        (task_change(clusterArn=5), "detail.clusterArn", "5"),
        (task_change(clusterArn=""), "detail.clusterArn", "''"),
        (task_change(group=["service:lobby"]), "detail.group", "['service:lobby']"),
        (without(task_change(), "taskArn"), "detail.taskArn", "None"),
        (task_change(taskArn="lobby"), "detail.taskArn", "'lobby'"),
        (task_change(taskArn=f"{ECS}:task/arcade/"), "detail.taskArn", "'arn:aws:ecs"),
        (task_change(taskArn=f'{ECS}:task/a/b":"'), "detail.taskArn", "'arn:aws:ecs"),
        (task_change(taskArn=f"{ECS}:task/arcade/{TASK_ID}\n"), "detail.taskArn", "'arn:aws:ecs"),
        (without(task_change(), "lastStatus"), "detail.lastStatus", "None"),
        (task_change(desiredStatus={}), "detail.desiredStatus", "{}"),
        (service_action() | {"resources": []}, "resources[0]", "None"),
        (service_action() | {"resources": SERVICE_ARN}, "resources[0]", "None"),
        (service_action() | {"resources": [7]}, "resources[0]", "7"),
        (deployment_change(CLUSTER_ARN), "resources[0]", "'arn:aws:ecs"),
        (deployment_change() | {"detail": "x"}, "detail", "'x'"),
        (service_action(clusterArn=None), "detail.clusterArn", "None"),
        (without(instance_change(), "clusterArn"), "detail.clusterArn", "None"),
    ],
)
def test_an_invalid_event_is_refused_by_field_and_value(event: Any, field: str, value: str) -> None:
    """An event that is not in the contract fails, and the error names the exact field."""
    assert refused(event).startswith(f"Invalid event: {field} is {value}")


@pytest.mark.parametrize(
    "value", ["x" * 10**6, nested(10**5), [[["x" * 100] * 6] * 6] * 6, [*range(10**5)]]
)
@pytest.mark.parametrize("field", ["action", "x" * 10**6])
def test_the_error_stays_short_for_a_huge_event(field: str, value: Any) -> None:
    """An event may hold megabytes or nest deeply. The error quotes it in a bounded length."""
    assert len(refused({field: value})) < 1000
