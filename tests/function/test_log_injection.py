"""What comes from outside is one bounded, printable line wherever it is logged or answered."""

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


def thrown(event: Any) -> Iterator[Any]:
    """The event with the hostile text in each of its fields in turn, and as a field's name."""
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
def test_no_field_of_an_event_reaches_the_log_as_it_came(event: Any) -> None:
    """Whatever a sender puts into a field, what is said of the event is one short line."""
    said = []
    for each in thrown(event):
        try:
            action = routed(each)
        except InvalidEventError as error:
            said.append(str(error))
        else:
            if isinstance(action, Sync):
                said.append(action.reason + action.log_fields)
            if isinstance(action, Ignore):
                said.append(action.reason)
    assert len(said) > 3
    for line in said:
        assert (True, True) == (line.isprintable(), len(line) < 4000), line[:200]


def test_no_line_of_the_log_is_forged(aws: Simulator, start: Start) -> None:
    """In the function itself: each entry of the log is one printable line of at most 4,000
    characters, also of what ECS, Redis and Secrets Manager said."""
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
    said = [function.invoke(event) for event in ({}, change, {HOSTILE: 1}, {"source": HOSTILE})]
    failure = {"tasks": [], "failures": [{"arn": HOSTILE, "reason": HOSTILE, "detail": HOSTILE}]}
    aws.faults.set("DescribeTasks", faults.says(json.dumps(failure).encode()))
    said.append(function.invoke({}))

    assert "EcsError" == said[-1].error_type, said[-1].trace[-1500:]
    entries = [line for each in said for line in each.log if line.startswith("[INFO]")]
    assert any(task.ip in line for line in entries)
    for each in said:
        for entry in each.log:
            # Lambda's own entry of an error that was raised has a trace of many lines.
            lines = entry.split("\n") if "Traceback" in entry else [entry]
            for line in lines:
                assert line.replace("\t", " ").isprintable(), entry[:300]
                assert len(line) < 4000, entry[:300]


def test_a_line_keeps_what_can_be_read() -> None:
    """Words stay, what separates them becomes one blank, and what is cut is seen to be cut."""
    assert "a b c" == one_line("  a\r\n\tb \x1b c ")
    assert "10.0.0.1 caf\u00e9" == one_line("10.0.0.1 caf\u00e9")
    assert "x" * 500 + "..." == one_line("x" * 501)
    assert "x" * 500 == one_line("x" * 500)
