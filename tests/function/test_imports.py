"""What a process imports: a service that is not recycled pays nothing for recycling."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from conftest import ROOT
from redis_helpers import quick

from simulator import Simulator, events

if TYPE_CHECKING:
    from collections.abc import Mapping

# What the process has imported and which services it has clients for, after these invocations.
PROCESS = """
import json, sys
import boto3
clients = []
make = boto3.client
boto3.client = lambda service, *args, **named: clients.append(service) or make(
    service, *args, **named)
import lambda_function

class Context:
    def get_remaining_time_in_millis(self):
        return 30_000

outcomes = [lambda_function.lambda_handler(each, Context())["outcome"]
            for each in json.loads(sys.argv[1])]
print(json.dumps({"outcomes": outcomes, "modules": list(sys.modules), "clients": clients}))
"""
SYNCED = ["published", "checked", "status", "published"]
RARE = {"smtplib", "discovery.stops", "discovery.task_record"}
RARE |= {"discovery.telemetry.mail", "discovery.telemetry.messages"}
RARE |= {"discovery.telemetry.notifications", "discovery.aws.service_writer"}


def process(python: str, env: Mapping[str, str], *more: Any) -> dict[str, Any]:
    """A process of the function that syncs, tries, shows and reconciles, then does this."""
    sent = [{}, {"dry_run": True}, {"action": "status"}, events.scheduled(), *more]
    done = subprocess.run(
        [python, "-c", PROCESS, json.dumps(sent)],
        cwd=ROOT, env=dict(env), capture_output=True, text=True, check=True,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def of_recycling(modules: list[str]) -> set[str]:
    rooms = ("discovery.recycle", "discovery.wiring", "discovery.store.recycles", "discovery.cli")
    return {each for each in modules if each.startswith(rooms)} | RARE & set(modules)


@pytest.fixture
def settings(aws: Simulator) -> dict[str, str]:
    service = aws.ecs.create_service("arcade", "lobby", desired=2, steady=True)
    return quick(aws, service)


def test_without_recycling_nothing_of_it_is_imported(
    settings: dict[str, str], product_python: str
) -> None:
    """Not by a sync, a dry run, a status or the schedule; and ECS has the only client."""
    result = process(product_python, settings)
    assert SYNCED == result["outcomes"]
    assert set() == of_recycling(result["modules"])
    assert ["ecs"] == result["clients"]


def test_with_recycling_it_is_imported_without_mail(
    settings: dict[str, str], product_python: str
) -> None:
    """So the test above looks for names that exist. Without a mail server there is no smtplib."""
    plan = {"action": "recycle", "dry_run": True}
    result = process(product_python, settings | {"RECYCLE": "true"}, plan)
    assert [*SYNCED, "checked"] == result["outcomes"]
    assert {"discovery.recycle.machine", "discovery.wiring.recycle"} <= of_recycling(
        result["modules"]
    )
    assert set() == {"smtplib", "discovery.telemetry.mail"} & set(result["modules"])
