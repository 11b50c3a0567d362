"""`make recycle`: from what a person types to the event that the function gets."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from conftest import ROOT

from discovery import events
from discovery.recycle import request

NOW = 1_800_000_000.0


def typed(**variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "packaging" / "recycle.sh"],
        env={"PATH": os.environ["PATH"]} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", {}),
        ("batch_size=10% wait_time=60", {"batch_size": "10%", "wait_time": 60}),
        ("batch_size=2\n  wait_time=9\n", {"batch_size": 2, "wait_time": 9}),
        ("batch_size=3 settle_time=0.5", {"batch_size": 3, "settle_time": 0.5}),
        ("dry_run=true maintain_service_state=false",
         {"dry_run": True, "maintain_service_state": False}),
        ("started_before=2026-11-24T12:00:00+01:00",
         {"started_before": "2026-11-24T12:00:00+01:00"}),
    ],
)  # fmt: skip
def test_options_are_fields_of_the_event(options: str, expected: dict[str, object]) -> None:
    """Numbers and flags are JSON's own, the rest is text; and the function takes them."""
    event = json.loads(typed(OPTIONS=options).stdout)
    assert {"action": "recycle", **expected} == event
    parsed = events.parse(event)
    assert isinstance(parsed, events.Manual)
    request.request(parsed.params, NOW)


@pytest.mark.parametrize("word", request.COMMANDS)
def test_a_command_is_one_of_the_functions(word: str) -> None:
    """The event carries it, and the function takes it."""
    event = json.loads(typed(COMMAND=word).stdout)
    assert {"action": "recycle", "command": word} == event
    parsed = events.parse(event)
    assert isinstance(parsed, events.Manual)
    assert word == request.command(parsed.params)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"OPTIONS": "batch_size"}, "OPTIONS has 'batch_size': write name=value"),
        ({"OPTIONS": 'a="1",b=2'}, "write name=value"),
        ({"COMMAND": 'status", "x": "y'}, "status, pause, resume or cancel"),
    ],
)
def test_what_is_no_option_stops_it_with_one_line(variables: dict[str, str], message: str) -> None:
    """So nothing is sent that was not meant."""
    done = typed(**variables)
    assert (1, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert message in done.stderr
