"""Permissions as tests see them: the calls that are made and written, and what a policy allows."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
from typing import TYPE_CHECKING, Any

import boto3
from conftest import PASSWORD, ROOT, Start
from redis_helpers import quick

from simulator import Simulator, events
from simulator.account import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

# Secrets Manager decrypts in the caller's name; the function never calls KMS itself.
ON_BEHALF = {"kms:Decrypt"}

# ministack's evaluation, with the conditions that its own API for it leaves out.
EVALUATE = """
import json, sys
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document
request = json.load(sys.stdin)
policies = [parse_policy_document(each) for each in request["policies"]]
print(json.dumps([
    evaluate(
        EvalContext("arn", "AssumedRole", "", action, resource, "",
                    service_context={name.lower(): value for name, value in context.items()}),
        policies,
    ).decision
    for action, resource, context in request["calls"]
]))
"""
Call = tuple[str, str, dict[str, str]]


def decisions(policies: Mapping[str, Any], calls: list[Call]) -> list[str]:
    request = json.dumps({"policies": list(policies.values()), "calls": calls})
    command = [str(ROOT / ".venv-stack" / "bin" / "python"), "-c", EVALUATE]
    done = subprocess.run(command, input=request, capture_output=True, text=True, check=True)
    decided: list[str] = json.loads(done.stdout)
    return decided


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
    for service in (
        "application-autoscaling",
        "ec2",
        "elbv2",
        "logs",
        "secretsmanager",
        "sns",
        "ecs",
    ):
        client: Any = boto3.client(service, region_name=REGION)
        mapping, prefix = client.meta.method_to_api_mapping, PREFIXES.get(service, service)
        methods.update({name: f"{prefix}:{mapping[name]}" for name in mapping})
    package = ROOT / "discovery"
    # The command line runs with a person's own permissions.
    modules = [each for each in package.rglob("*.py") if package / "cli" not in each.parents]
    files = [ROOT / "lambda_function.py", *modules]
    names = {
        node.attr
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
    }
    return {methods[name] for name in names & methods.keys()}
