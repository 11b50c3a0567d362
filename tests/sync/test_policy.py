"""The function's role: what it calls and nothing more, each on as little as AWS allows."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from conftest import PASSWORD, ROOT, Start
from redis_helpers import quick

from simulator import Simulator, events
from simulator.account import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]
pytest_plugins = ("stack",)

ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
OURS = {"ecs:cluster": f"{ECS}:cluster/arcade"}
HERE = {"ec2:Region": REGION}
CODE = {"lambda:SourceFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:lobby-list"}
# Secrets Manager decrypts in the caller's name; the function never calls KMS itself.
ON_BEHALF = {"kms:Decrypt"}

# ministack's evaluation, with the conditions that its own API for it leaves out.
EVALUATE = """
import json, sys
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document
asked = json.load(sys.stdin)
policies = [parse_policy_document(each) for each in asked["policies"]]
print(json.dumps([
    evaluate(
        EvalContext("arn", "AssumedRole", "", action, resource, "",
                    service_context={name.lower(): value for name, value in context.items()}),
        policies,
    ).decision
    for action, resource, context in asked["calls"]
]))
"""
Call = tuple[str, str, dict[str, str]]


def decisions(policies: Mapping[str, Any], calls: list[Call]) -> list[str]:
    asked = json.dumps({"policies": list(policies.values()), "calls": calls})
    command = [str(ROOT / ".venv-stack" / "bin" / "python"), "-c", EVALUATE]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    told: list[str] = json.loads(done.stdout)
    return told


def allowed(policies: Mapping[str, Any]) -> set[str]:
    """The actions that policies allow."""
    actions = [
        statement["Action"]
        for document in policies.values()
        for statement in document["Statement"]
        if statement["Effect"] == "Allow"
    ]
    return {name for each in actions for name in ([each] if isinstance(each, str) else each)}


# IAM's name of a service is botocore's, but for this one.
PREFIXES = {"elbv2": "elasticloadbalancing"}


def operations() -> set[str]:
    """What the zip's models are pruned to."""
    spec = importlib.util.spec_from_file_location("bundle", ROOT / "packaging" / "bundle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    held = module.OPERATIONS
    return {f"{PREFIXES.get(each, each)}:{name}" for each, names in held.items() for name in names}


def called(aws: Simulator, start: Start) -> set[str]:
    """The calls of a function that meets all there is: each event, pages, EC2, a password."""
    aws.valkey.set_password(PASSWORD)
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(101)
    hidden = service.start_task(address_from="ec2")
    function = start(quick(aws, service))
    for event in (
        {},
        {"dry_run": True},
        {"action": "status"},
        events.scheduled(),
        events.service_action(service),
        events.deployment_state_change(service),
        events.container_instance_state_change(service.cluster_arn),
        events.task_state_change(hidden.state),
    ):
        assert function.invoke(event).error_type is None
    return {call.action for call in aws.calls}


def written() -> set[str]:
    """The calls that are in the source, on whatever rare path."""
    methods = {}
    # ECS last: several services have a tag_resource, and the function tags nothing else.
    for service in ("application-autoscaling", "ec2", "elbv2", "secretsmanager", "sns", "ecs"):
        client: Any = boto3.client(service, region_name=REGION)
        mapping, prefix = client.meta.method_to_api_mapping, PREFIXES.get(service, service)
        methods.update({name: f"{prefix}:{mapping[name]}" for name in mapping})
    files = [ROOT / "lambda_function.py", *(ROOT / "discovery").rglob("*.py")]
    names = {
        node.attr
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
    }
    return {methods[name] for name in names & methods.keys()}


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
