"""Text from outside is one bounded, printable line in every log entry and answer."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from builders import (
    deployment_change,
    instance_change,
    routed,
    scheduled,
    service_action,
    task_change,
)
from conftest import KEY
from junk import spots
from redis_helpers import PREFIX, quick

from discovery.errors import InvalidEventError
from discovery.routing import Ignore, Sync
from discovery.text import one_line
from simulator import faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Start

    from simulator import Simulator

HOSTILE = "x\n[ERROR] all is lost\r\x1b[2J\u2028\u202e\x00\t" + "y" * 300_000
SHAPES = {
    "task change": task_change("RUNNING", "STOPPED"),
    "standalone task": task_change(group="family:lobby"),
    "service action": service_action(),
    "deployment change": deployment_change(),
    "instance change": instance_change(),
    "schedule": scheduled(),
    "manual": {"action": "sync", "dry_run": True},
}


def poisoned(event: Any) -> Iterator[Any]:
    """The event with the hostile text in each of its fields in turn, and as the name of a field."""
    for index in range(len(list(spots([event])))):
        whole = [copy.deepcopy(event)]
        container, key = list(spots(whole))[index]
        container[key] = HOSTILE
        yield whole[0]
        container[key] = [HOSTILE, {HOSTILE: HOSTILE}]
        yield whole[0]
    yield {HOSTILE: HOSTILE}
    yield {**event, HOSTILE: HOSTILE}


@pytest.mark.parametrize("event", SHAPES.values(), ids=SHAPES)
def test_each_field_of_an_event_is_sanitized_for_the_log(event: Any) -> None:
    """Whatever a field holds, the log line about the event is one short line."""
    lines = []
    for each in poisoned(event):
        try:
            action = routed(each)
        except InvalidEventError as error:
            lines.append(str(error))
        else:
            if isinstance(action, Sync):
                lines.append(action.reason + action.log_fields)
            if isinstance(action, Ignore):
                lines.append(action.reason)
    assert len(lines) > 3
    for line in lines:
        assert (True, True) == (line.isprintable(), len(line) < 4000), line[:200]


def test_no_log_line_can_be_forged(aws: Simulator, start: Start) -> None:
    """Each entry of the function's log is one printable line of at most 4,000 characters.

    This also holds for text from ECS, Redis and Secrets Manager.
    """
    service = aws.ecs.create_service("arcade", "lobby")
    task = service.start_task()
    function = start(quick(aws, service))
    function.invoke({})
    item = {"ip": f"10.0.0.1{HOSTILE[:50]}", "task_name": HOSTILE, "update_time": "", "status": ""}
    client = aws.valkey.client()
    client.set(KEY, json.dumps([item]))
    client.hset(f"{PREFIX}:state", "tasks", json.dumps({HOSTILE: item["ip"]}))
    change = task_change("STOPPED", "STOPPED", cluster=service.cluster.name)
    change["detail"]["stoppedReason"] = HOSTILE
    invocations = [
        function.invoke(event) for event in ({}, change, {HOSTILE: 1}, {"source": HOSTILE})
    ]
    failure = {"tasks": [], "failures": [{"arn": HOSTILE, "reason": HOSTILE, "detail": HOSTILE}]}
    aws.faults.set("DescribeTasks", faults.says(json.dumps(failure).encode()))
    invocations.append(function.invoke({}))

    assert "EcsError" == invocations[-1].error_type, invocations[-1].trace[-1500:]
    entries = [line for each in invocations for line in each.log if line.startswith("[INFO]")]
    assert any(task.ip in line for line in entries)
    for each in invocations:
        for entry in each.log:
            # Lambda's own entry for an uncaught exception has a traceback of many lines.
            lines = entry.split("\n") if "Traceback" in entry else [entry]
            for line in lines:
                assert line.replace("\t", " ").isprintable(), entry[:300]
                assert len(line) < 4000, entry[:300]


def test_a_line_keeps_readable_text() -> None:
    """Words are kept, a separator becomes one space, and a shortened text ends with dots."""
    assert "a b c" == one_line("  a\r\n\tb \x1b c ")
    assert "10.0.0.1 caf\u00e9" == one_line("10.0.0.1 caf\u00e9")
    assert "x" * 500 + "..." == one_line("x" * 501)
    assert "x" * 500 == one_line("x" * 500)
