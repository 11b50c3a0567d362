"""The stack with AllowDiagnose and AllowHistory, on a local AWS that is not ours.

Its CloudWatch Logs and Elastic Load Balancing answer the diagnosis, and its IAM holds the
function to its role; ECS is the simulator's.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack import Stack

    from simulator import Service

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]
pytest_plugins = ("stack",)

NAME, GROUP, KEY = "diagnoses", "/ecs/hall", "ecs:task:hall"
DIAGNOSE = {"action": "diagnose", "minutes": 5}


@pytest.fixture(scope="module")
def service(stack: Stack) -> Service:
    """A service of its own, as its tasks stop."""
    service = stack.aws.ecs.create_service("arcade", "hall")
    service.start_tasks(2)
    return service


@pytest.fixture(scope="module")
def diagnosing(stack: Stack, service: Service) -> Iterator[Stack]:
    """A stack beside the first, for that service and with a key of its own."""
    more = {
        "EcsServiceName": service.name,
        "RedisKey": KEY,
        "AllowDiagnose": "true",
        "AllowHistory": "true",
    }
    done = stack.deploy("--old-file=build", stack=NAME, **(stack.parameters | more))
    assert 0 == done.returncode, done.stdout + done.stderr
    yield stack
    client = stack.local.client("cloudformation")
    client.delete_stack(StackName=NAME)
    client.get_waiter("stack_delete_complete").wait(
        StackName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def invoked(stack: Stack, event: dict[str, Any]) -> dict[str, Any]:
    """What `make invoke` prints."""
    done = stack.make("invoke", STACK=NAME, EVENT=json.dumps(event))
    assert (0, "") == (done.returncode, done.stderr), done.stdout
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def write(stack: Stack, task: str, *lines: str) -> None:
    """Have a task log lines now, in the local CloudWatch Logs."""
    logs, stream = stack.local.client("logs"), f"ecs/hall/{task}"
    logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    now = int(time.time() * 1000)
    logs.put_log_events(
        logGroupName=GROUP,
        logStreamName=stream,
        logEvents=[{"timestamp": now, "message": line} for line in lines],
    )


def kinds(answer: dict[str, Any]) -> list[str]:
    return [each["kind"] for each in answer["findings"]]


def test_a_diagnosis_reads_the_logs_and_targets_of_another_aws(
    diagnosing: Stack, service: Service
) -> None:
    """By the role: a missing log group is named; then the cause has the task's last lines."""
    local = diagnosing.local
    task = service.start_task()
    task.run_out_of_memory()
    without = invoked(diagnosing, DIAGNOSE)
    assert "unseen_missing" in kinds(without)
    assert f"log-group:{GROUP}" in json.dumps(without["findings"])

    local.client("logs").create_log_group(logGroupName=GROUP)
    write(diagnosing, task.id, "loading", "java.lang.OutOfMemoryError: Java heap space")
    with target_group(diagnosing, service) as arn:
        answer = invoked(diagnosing, DIAGNOSE)

    assert [] == [kind for kind in kinds(answer) if kind.startswith("unseen")]
    assert (
        "1 of 1 restarts are OutOfMemory in container hall; the task's limit is 512 MiB; the "
        "last lines before: loading | java.lang.OutOfMemoryError: Java heap space."
    ) == answer["cause"]["text"]
    assert (2, {"oom": 1}) == (answer["logs"]["lines"], answer["logs"]["classes"])
    assert [(arn, len(service.running))] == [
        (each["group"], len(each["targets"])) for each in answer["targets"]
    ]


def test_the_history_keeps_an_event_and_answers(diagnosing: Stack, service: Service) -> None:
    """The stop of a task is there by its id, explained; the diagnosis has it, too."""
    diagnosing.aws.events.take()
    task = service.start_task()
    task.exit(139)
    invoked(diagnosing, diagnosing.aws.events.take()[-1])

    (kept,) = invoked(diagnosing, {"action": "history", "task": task.id})["tasks"]

    assert ("STOPPED", "segfault") == (kept["last_status"], kept["stop"]["kind"])
    groups = invoked(diagnosing, DIAGNOSE)["restarts"]["groups"]
    assert [task.id] == [
        id for each in groups if each["kind"] == "segfault" for id in each["tasks"]
    ]


@contextmanager
def target_group(stack: Stack, service: Service) -> Iterator[str]:
    """The ARN of a group of the local AWS with the running tasks as targets, before the service."""
    client = stack.local.client("elbv2")
    (made,) = client.create_target_group(
        Name="front", Protocol="HTTP", Port=80, TargetType="ip", VpcId=stack.parameters["VpcId"]
    )["TargetGroups"]
    arn: str = made["TargetGroupArn"]
    client.register_targets(
        TargetGroupArn=arn, Targets=[{"Id": each.ip, "Port": 80} for each in service.running]
    )
    named = stack.aws.elb.create("front")
    named.arn = arn  # ECS names the group, and the function looks at the local AWS for it
    service.target_groups.append(named)
    yield arn
    service.target_groups.remove(named)
