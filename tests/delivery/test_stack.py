"""The stack, alive: made, invoked and updated with make, run by its schedule, taken away."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from conftest import PASSWORD, ROOT

from simulator import processes
from simulator.emulator import VERSION

if TYPE_CHECKING:
    from stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]
pytest_plugins = ("stack",)


def test_an_invoke_reads_the_secret_and_writes_the_list(stack: Stack) -> None:
    """`make invoke` prints the answer; the password came from Secrets Manager, by the role."""
    before = stack.aws.valkey.auth_attempts()
    done = stack.make("invoke")
    answer = json.loads(done.stdout)

    assert (0, "") == (done.returncode, done.stderr)
    assert ("published", 3) == (answer["outcome"], answer["healthy"])
    assert [task.ip for task in stack.service.tasks] == stack.listed()
    assert 0 == stack.aws.valkey.auth_attempts().failed - before.failed
    assert [] == stack.aws.calls.of("GetSecretValue")  # so it was not the simulator's
    assert PASSWORD not in done.stdout
    assert PASSWORD not in stack.local.log()


def test_an_invoke_takes_an_event_and_fails_with_the_function(stack: Stack) -> None:
    """EVENT is what the function gets; its error is printed, and make fails."""
    status = json.loads(stack.make("invoke", EVENT='{"action": "status"}').stdout)
    failed = stack.make("invoke", EVENT='{"action": "dance"}')

    assert "status" == status["outcome"]
    assert failed.returncode != 0
    assert "action is 'dance'" in json.loads(failed.stdout)["errorMessage"]


def test_a_recycle_is_refused_unless_it_is_allowed(stack: Stack) -> None:
    """`make recycle` invokes the function, prints its answer and fails with it."""
    done = stack.make("recycle", OPTIONS="batch_size=10%")
    answer = json.loads(done.stdout)

    assert done.returncode != 0
    assert "deploy with AllowRecycle=true" in answer["errorMessage"]


def test_logs_follow_the_functions_group() -> None:
    """`make logs` leaves the following to the AWS CLI."""
    command = ["make", "-n", "-C", str(ROOT), "logs", "STACK=lobby-list"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "aws logs tail /aws/lambda/lobby-list --follow" in done.stdout


def test_a_deployment_names_what_it_lacks(stack: Stack) -> None:
    """With nobody to ask it stops with one line: first the bucket, then a parameter."""
    no_bucket = stack.make("--old-file=build", "deploy", STACK="another")
    no_cluster = stack.make("--old-file=build", "deploy", STACK="another", BUCKET="code")

    for done, name in ((no_bucket, "BUCKET"), (no_cluster, "EcsClusterName")):
        said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
        assert (2, 1) == (done.returncode, len(said))
        assert f"deploy: {name} is missing" in said[0]


def test_a_deployment_asks_a_person_for_what_it_lacks(stack: Stack) -> None:
    """At a terminal: each thing without a default, one by one; then the stack is there."""
    wanted = ["EcsClusterName", "EcsServiceName", "RedisHost", "RedisKey", "VpcId", "SubnetIds"]
    wanted += ["TaskSecurityGroupId", "RedisSecurityGroupId"]
    answers = ["code", *(stack.parameters[name] for name in wanted)]
    person, terminal = os.openpty()
    os.write(person, "".join(f"{answer}\n" for answer in answers).encode())
    done = stack.make("--old-file=build", "deploy", STACK="prompted", terminal=terminal)
    os.close(terminal)
    os.close(person)

    assert 0 == done.returncode, done.stderr
    client = stack.local.client("cloudformation")
    (made,) = client.describe_stacks(StackName="prompted")["Stacks"]
    held = {each["ParameterKey"]: each["ParameterValue"] for each in made["Parameters"]}
    assert {name: stack.parameters[name] for name in wanted} == {
        name: held[name] for name in wanted
    }
    assert f"python{VERSION}" == held["Runtime"]
    client.delete_stack(StackName="prompted")


def test_an_update_changes_what_it_is_told_and_no_more(stack: Stack) -> None:
    """A second `make deploy` needs no parameter; what is given is changed, and the rest stays."""
    before = stack.function()["Environment"]["Variables"]
    done = stack.deploy("--old-file=build", LogLevel="WARNING")

    assert 0 == done.returncode, done.stderr
    assert before | {"LOG_LEVEL": "WARNING"} == stack.function()["Environment"]["Variables"]


def test_the_schedule_keeps_the_list_true(stack: Stack) -> None:
    """A task that comes and one that goes, without an event: the list follows within a minute."""
    gone, come = stack.service.tasks[0], stack.service.start_task()
    gone.becomes("STOPPED")
    processes.wait_until(
        lambda: stack.listed() is not None and come.ip in (stack.listed() or []),
        "the schedule has reconciled",
        90,
    )
    assert gone.ip not in (stack.listed() or [])


def test_a_stack_goes_without_a_trace(stack: Stack) -> None:
    """Deleting it leaves no function, rule, role, queue, alarm or log group behind."""
    made = stack.deploy("--old-file=build", stack="another", **stack.parameters)
    before = named(stack, "another")
    stack.local.client("cloudformation").delete_stack(StackName="another")

    assert 0 == made.returncode, made.stderr
    assert len(before) >= 10
    processes.wait_until(lambda: named(stack, "another") == [], "everything is gone")


def named(stack: Stack, name: str) -> list[str]:
    """What there is with the name in its own: each kind that the template makes."""
    kinds = {
        "lambda": ("list_functions", "Functions", "FunctionName"),
        "events": ("list_rules", "Rules", "Name"),
        "iam": ("list_roles", "Roles", "RoleName"),
        "logs": ("describe_log_groups", "logGroups", "logGroupName"),
        "sns": ("list_topics", "Topics", "TopicArn"),
        "cloudwatch": ("describe_alarms", "MetricAlarms", "AlarmName"),
    }
    found: list[str] = stack.local.client("sqs").list_queues().get("QueueUrls", [])
    for service, (operation, many, one) in kinds.items():
        answer: Any = getattr(stack.local.client(service), operation)()
        found += [each[one] for each in answer[many]]
    return [each for each in found if name in each]
