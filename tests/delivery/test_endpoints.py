"""The variables with which the template leads the function to its endpoints, read by the zip."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from conftest import PASSWORD, ROOT
from redis_helpers import quick
from zipped import Emulator, built, unpacked

from simulator.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from simulator import Simulator

pytestmark = pytest.mark.timeout(180)


def test_the_zip_goes_where_the_templates_variables_lead(
    aws: Simulator, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """Every call of every service goes there, and none to the place for all other services."""
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    names = re.findall(r"^ +(AWS_ENDPOINT_URL_\w+):", template, re.MULTILINE)
    task_root = unpacked(built(tmp_path_factory) / "build" / "lambda.zip", tmp_path / "task")
    service = aws.ecs.create_service("arcade", "lobby")
    service.attach(aws.elb.create("front"))
    aws.log(service.start_task(address_from="ec2"), "ready")
    aws.valkey.set_password(PASSWORD)
    led = dict.fromkeys(names, aws.url) | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    with Emulator(task_root, quick(aws, service, DIAGNOSE="true") | led) as running:
        assert "published" == running.invoke({}).document["outcome"]
        answer = running.invoke({"action": "diagnose"}).document
    assert [] == [each["kind"] for each in answer["findings"] if each["kind"].startswith("unseen")]

    assert {
        "ListTasks",
        "DescribeTasks",
        "DescribeNetworkInterfaces",
        "GetSecretValue",
        "DescribeServices",
        "DescribeTaskDefinition",
        "DescribeTargetHealth",
        "FilterLogEvents",
    } == {call.operation for call in aws.calls}
