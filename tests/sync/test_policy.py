"""The function's role: what it calls and nothing more, each on as little as AWS allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from permissions import ON_BEHALF, allowed, called, decisions

from simulator.account import ACCOUNT, REGION

if TYPE_CHECKING:
    from conftest import Start
    from permissions import Call
    from stack import Stack

    from simulator import Simulator

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]
pytest_plugins = ("stack",)

ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
OURS = {"ecs:cluster": f"{ECS}:cluster/arcade"}
HERE = {"ec2:Region": REGION}
CODE = {"lambda:SourceFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:lobby-list"}


def test_the_role_allows_what_is_called_and_nothing_else(
    stack: Stack, aws: Simulator, start: Start
) -> None:
    """Without AllowRecycle these are the calls of a function that does not recycle: four."""
    held = stack.policies()
    lambdas = held.pop("lambda")  # what Lambda does in the function's name: see below

    assert called(aws, start) == allowed(held) - ON_BEHALF
    assert {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sqs:SendMessage",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
        "ec2:DescribeSubnets",
    } == allowed({"lambda": lambdas})


def test_the_functions_calls_pass(stack: Stack) -> None:
    """Each with the resource and the conditions that AWS checks it on."""
    calls: list[Call] = [
        ("ecs:ListTasks", "*", OURS),
        ("ecs:ListTasks", f"{ECS}:container-instance/arcade/*", OURS),
        ("ecs:DescribeTasks", f"{ECS}:task/arcade/0123456789abcdef", OURS),
        ("ec2:DescribeNetworkInterfaces", "*", HERE),
        ("secretsmanager:GetSecretValue", stack.parameters["RedisSecretArn"], {}),
    ]
    with_code = [(action, resource, context | CODE) for action, resource, context in calls]
    assert ["Allow"] * len(calls) == decisions(stack.policies(), with_code)


def test_nothing_beyond_passes(stack: Stack) -> None:
    """Not in another cluster, region or secret, and no other action on our own."""
    other = {"ecs:cluster": f"{ECS}:cluster/casino"}
    secret = stack.parameters["RedisSecretArn"]
    calls: list[Call] = [
        ("ecs:ListTasks", "*", other),
        ("ecs:ListTasks", "*", {}),
        ("ecs:DescribeTasks", f"{ECS}:task/casino/0123456789abcdef", other),
        ("ecs:DescribeTasks", f"{ECS}:task/casino/0123456789abcdef", OURS),
        ("ecs:StopTask", f"{ECS}:task/arcade/0123456789abcdef", OURS),
        ("ec2:DescribeNetworkInterfaces", "*", {"ec2:Region": "eu-west-1"}),
        ("secretsmanager:GetSecretValue", secret + "2", {}),
        ("secretsmanager:PutSecretValue", secret, {}),
        ("kms:Decrypt", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1", {}),
        ("logs:PutLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/other:log-stream:a", {}),
        ("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:other", {}),
        ("sqs:ReceiveMessage", "*", {}),
    ]
    assert ["ImplicitDeny"] * len(calls) == decisions(stack.policies(), calls)


def test_lambda_may_join_the_vpc_and_the_code_may_not(stack: Stack) -> None:
    """Interfaces in our VPC are Lambda's to make; the same calls by the function are denied."""
    there = {"ec2:Vpc": f"{EC2}:vpc/{stack.parameters['VpcId']}"}
    elsewhere = {"ec2:Vpc": f"{EC2}:vpc/vpc-0123456789abcdef0"}
    lambdas: list[Call] = [
        ("ec2:CreateNetworkInterface", f"{EC2}:network-interface/*", {}),
        ("ec2:CreateNetworkInterface", f"{EC2}:subnet/{stack.parameters['SubnetIds']}", there),
        ("ec2:CreateNetworkInterface", f"{EC2}:security-group/sg-1", there),
        ("ec2:DeleteNetworkInterface", f"{EC2}:network-interface/eni-1", there),
        ("ec2:AssignPrivateIpAddresses", f"{EC2}:network-interface/eni-1", there),
        ("ec2:UnassignPrivateIpAddresses", f"{EC2}:network-interface/eni-1", there),
        ("ec2:DescribeSubnets", "*", HERE),
    ]
    code = [(action, resource, context | CODE) for action, resource, context in lambdas]
    outside: list[Call] = [
        ("ec2:CreateNetworkInterface", f"{EC2}:subnet/subnet-1", elsewhere),
        ("ec2:CreateNetworkInterface", f"{EC2}:security-group/sg-1", elsewhere),
    ]
    policies = stack.policies()

    assert ["Allow"] * len(lambdas) == decisions(policies, lambdas)
    assert ["Deny"] * len(code) == decisions(policies, code)
    assert ["ImplicitDeny"] * len(outside) == decisions(policies, outside)


def test_lambda_may_write_its_log_and_keep_what_failed(stack: Stack) -> None:
    """In the stack's own log group and queue."""
    resources = stack.local.client("cloudformation").describe_stack_resources(StackName=stack.name)
    held = {each["LogicalResourceId"]: each for each in resources["StackResources"]}
    queue = held["DeadLetters"]["PhysicalResourceId"].rsplit("/", 1)[-1]
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{stack.name}"
    calls: list[Call] = [
        ("logs:CreateLogStream", f"{group}:log-stream:a", CODE),
        ("logs:PutLogEvents", f"{group}:log-stream:a", CODE),
        ("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}", {}),
    ]
    assert ["Allow"] * len(calls) == decisions(stack.policies(), calls)


def test_the_secrets_key_opens_that_secret_alone(stack: Stack) -> None:
    """With RedisSecretKmsKeyArn: through Secrets Manager, for our secret, and not otherwise."""
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    secret = stack.parameters["RedisSecretArn"]
    done = stack.deploy("--old-file=build", RedisSecretKmsKeyArn=key)
    assert 0 == done.returncode, done.stderr
    through = {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}
    ours = {"kms:EncryptionContext:SecretARN": secret}
    calls: list[Call] = [
        ("kms:Decrypt", key, through | ours),
        ("kms:Decrypt", key, ours),
        ("kms:Decrypt", key, through | {"kms:EncryptionContext:SecretARN": secret + "2"}),
        ("kms:Decrypt", key + "2", through | ours),
    ]
    assert ["Allow", *["ImplicitDeny"] * 3] == decisions(stack.policies(), calls)


def test_only_lambda_takes_the_role(stack: Stack) -> None:
    """No person and no other service."""
    role = stack.local.client("iam").get_role(RoleName=stack.function()["Role"].rsplit("/", 1)[-1])
    (statement,) = role["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert {"Service": "lambda.amazonaws.com"} == statement["Principal"]
