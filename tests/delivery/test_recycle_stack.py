"""The stack with AllowRecycle: what its role may do, its endpoints, its alarms."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from conftest import PASSWORD, ROOT, Start
from permissions import ON_BEHALF, allowed, called, decisions, operations, written
from redis_helpers import quick

from simulator import Delays, Simulator, events
from simulator.account import ACCOUNT, REGION
from simulator.ports import free_port
from simulator.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from permissions import Call
    from stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]
pytest_plugins = ("stack",)

NAME = "recycles"
ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
SERVICE = f"{ECS}:service/arcade/lobby"
TASK = f"{ECS}:task/arcade/0123456789abcdef"
TARGET = f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/0ec5abc"
OURS = {"ecs:cluster": f"{ECS}:cluster/arcade"}
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
KMS_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SCALING = {
    "application-autoscaling:service-namespace": "ecs",
    "application-autoscaling:scalable-dimension": "ecs:service:DesiredCount",
}
TAG = {"aws:TagKeys": "ecs-task-discovery:recycle"}


@pytest.fixture(scope="module")
def mail_secret(stack: Stack) -> Iterator[str]:
    """The ARN of a mail server's secret; a worker may come back to this module and make it anew."""
    client = stack.local.client("secretsmanager")
    arn = client.create_secret(Name="mail", SecretString="{}")["ARN"]
    yield arn
    client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


@pytest.fixture(scope="module")
def recycling(stack: Stack, mail_secret: str) -> Iterator[dict[str, Any]]:
    """The role's policies of a stack that may recycle, with a topic, a mail server and endpoints.

    It goes before its schedule comes, as nothing answers at the endpoints.
    """
    more = {
        "AllowRecycle": "true",
        "AllowDiagnose": "true",
        "NotificationTopicArn": TOPIC,
        "SmtpSecretArn": mail_secret,
        "SmtpSecretKmsKeyArn": KMS_KEY,
        "CreateEndpoints": "true",
        "CreateEc2Endpoint": "true",
    }
    done = stack.deploy("--old-file=build", stack=NAME, **(stack.parameters | more))
    assert 0 == done.returncode, done.stdout + done.stderr
    yield stack.policies(NAME)
    client = stack.local.client("cloudformation")
    client.delete_stack(StackName=NAME)
    client.get_waiter("stack_delete_complete").wait(
        StackName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


DIAGNOSIS = {"ecs:DescribeTaskDefinition", "logs:FilterLogEvents", "logs:GetLogEvents"}


def recycled(aws: Simulator, start: Start) -> set[str]:
    """The calls of a recycle that meets all there is: scaling, a target group, a topic, mail."""
    service = aws.ecs.create_service("arcade", "hall", desired=1, steady=True)
    service.delays = Delays().times(0.02)
    group = aws.elb.create("hall")
    group.registration = group.checking = group.draining = 0.02
    service.attach(group)
    aws.scaling.register(service, 1, 1)
    mail = {"host": "127.0.0.1", "port": free_port(), "username": "u", "password": PASSWORD}
    mail |= {"from": "list@example.com", "to": "me@example.com"}
    arns = {
        "NOTIFICATION_TOPIC_ARN": aws.sns.create("alerts"),
        "SMTP_SECRET_ARN": aws.secrets.put("mail", json.dumps(mail)),
    }
    aws.clock.run()
    function = start(quick(aws, service, RECYCLE="true", **arns))
    aws.calls.clear()
    answer = function.invoke({"action": "recycle", "drain_time": 0, "wait_time": 0}).answer
    assert answer is not None

    def ended() -> bool:
        function.invoke(events.scheduled())
        status = function.invoke({"action": "recycle", "command": "status"}).answer
        return bool(status["outcome"] == "recycled")

    wait_until(ended, "the recycle has ended", 60)
    aws.clock.stop()
    return {call.action for call in aws.calls}


def test_the_role_allows_what_is_called_and_nothing_else(
    recycling: dict[str, Any], aws: Simulator, start: Start
) -> None:
    """The calls of syncs and a recycle, those in the source, the role's and the zip's are equal.

    The calls of a diagnosis have a test each in tests/diagnose.
    """
    held = allowed({name: each for name, each in recycling.items() if name != "lambda"})
    assert called(aws, start) | recycled(aws, start) == held - ON_BEHALF - DIAGNOSIS
    assert written() == held - ON_BEHALF
    assert operations() == held - ON_BEHALF


def test_without_it_nothing_more_is_allowed(stack: Stack) -> None:
    """A topic or a mail server alone grants nothing either."""
    assert {"ecs", "secret", "lambda"} == stack.policies().keys()
    calls: list[Call] = [
        ("ecs:StopTask", TASK, OURS),
        ("ecs:UpdateService", SERVICE, OURS),
        ("ecs:TagResource", SERVICE, TAG),
        ("application-autoscaling:RegisterScalableTarget", TARGET, SCALING),
        ("sns:Publish", TOPIC, {}),
    ]
    assert ["ImplicitDeny"] * len(calls) == decisions(stack.policies(), calls)


def test_a_recycles_calls_pass(recycling: dict[str, Any], mail_secret: str) -> None:
    """Each with the resource and the conditions that AWS checks it on."""
    calls: list[Call] = [
        ("ecs:DescribeServices", SERVICE, OURS),
        ("ecs:UpdateService", SERVICE, OURS),
        ("ecs:StopTask", TASK, OURS),
        ("ecs:GetTaskProtection", TASK, OURS),
        ("ecs:TagResource", SERVICE, TAG),
        ("ecs:UntagResource", SERVICE, TAG),
        ("application-autoscaling:DescribeScalableTargets", "*", {}),
        ("application-autoscaling:RegisterScalableTarget", TARGET, SCALING),
        ("elasticloadbalancing:DescribeTargetHealth", "*", {}),
        ("sns:Publish", TOPIC, {}),
        ("secretsmanager:GetSecretValue", mail_secret, {}),
    ]
    assert ["Allow"] * len(calls) == decisions(recycling, calls)


def test_nothing_beyond_passes(recycling: dict[str, Any], mail_secret: str) -> None:
    """No other service, cluster, tag, kind of scaling, topic or secret, and no other action."""
    elsewhere = {"ecs:cluster": f"{ECS}:cluster/casino"}
    calls: list[Call] = [
        ("ecs:UpdateService", f"{ECS}:service/arcade/lobby-2", OURS),
        ("ecs:UpdateService", f"{ECS}:service/casino/lobby", elsewhere),
        ("ecs:DeleteService", SERVICE, OURS),
        ("ecs:StopTask", f"{ECS}:task/casino/0123456789abcdef", elsewhere),
        ("ecs:UpdateTaskProtection", TASK, OURS),
        ("ecs:TagResource", SERVICE, {"aws:TagKeys": "owner"}),
        ("ecs:TagResource", f"{ECS}:cluster/arcade", TAG),
        (
            "application-autoscaling:RegisterScalableTarget",
            TARGET,
            SCALING | {"application-autoscaling:service-namespace": "dynamodb"},
        ),
        ("application-autoscaling:DeregisterScalableTarget", TARGET, SCALING),
        ("elasticloadbalancing:DeregisterTargets", "*", {}),
        ("sns:Publish", f"{TOPIC}2", {}),
        ("secretsmanager:GetSecretValue", f"{mail_secret}2", {}),
    ]
    assert ["ImplicitDeny"] * len(calls) == decisions(recycling, calls)


def test_the_mail_secrets_key_opens_that_secret_alone(
    stack: Stack, recycling: dict[str, Any], mail_secret: str
) -> None:
    """Through Secrets Manager, for the mail secret; not for the secret of Redis."""
    through = {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}
    context = "kms:EncryptionContext:SecretARN"
    calls: list[Call] = [
        ("kms:Decrypt", KMS_KEY, through | {context: mail_secret}),
        ("kms:Decrypt", KMS_KEY, through | {context: stack.parameters["RedisSecretArn"]}),
        ("kms:Decrypt", KMS_KEY, {context: mail_secret}),
    ]
    assert ["Allow", *["ImplicitDeny"] * 2] == decisions(recycling, calls)


def test_the_settings_reach_the_function(
    stack: Stack, recycling: dict[str, Any], mail_secret: str
) -> None:
    """AllowRecycle is RECYCLE; every endpoint has the variable that botocore reads."""
    assert "recycle" in recycling
    variables = stack.function(NAME)["Environment"]["Variables"]
    given = ("RECYCLE", "NOTIFICATION_TOPIC_ARN", "SMTP_SECRET_ARN")
    assert ["true", TOPIC, mail_secret] == [variables[name] for name in given]
    services = ("application-autoscaling", "ec2", "ecs", "elbv2", "logs", "secretsmanager", "sns")
    clients: list[Any] = [
        boto3.client(service, region_name=REGION)  # type: ignore[call-overload]
        for service in services
    ]
    names = {client.meta.service_model.service_id.hyphenize() for client in clients}
    wanted = {f"AWS_ENDPOINT_URL_{name.upper().replace('-', '_')}" for name in names}
    assert wanted == {name for name in variables if name.startswith("AWS_")}


def alarms(stack: Stack) -> dict[str, Any]:
    """The alarms of all stacks, by their names."""
    made = stack.local.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return {each["AlarmName"]: each for each in made}


def test_its_alarms_watch_metrics_that_a_recycle_emits(
    stack: Stack, recycling: dict[str, Any]
) -> None:
    """A failed recycle, and a service that is not restored; no such alarm without AllowRecycle."""
    assert "recycle" in recycling
    watched = {
        each["MetricName"]: each["AlarmName"].startswith(f"{NAME}-")
        for each in alarms(stack).values()
        if "Recycle" in each.get("MetricName", "")
    }
    assert {"RecycleFailed": True, "RecycleNotRestored": True} == watched
    report = (ROOT / "discovery" / "recycle" / "report.py").read_text(encoding="utf-8")
    assert watched.keys() <= set(re.findall(r'"(Recycle\w+)":', report))
