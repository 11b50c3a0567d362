"""`--function`: the same commands, answered by a deployed function."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from commands import run
from redis_helpers import quick

from simulator import events
from simulator.faults import denied, hangs, throttled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conftest import Start

    from simulator import Service, Simulator

NAME = "ecs-task-discovery"
AWS_ALONE = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")


@pytest.fixture
def service(aws: Simulator) -> Service:
    service = aws.ecs.create_service("arcade", "lobby", desired=2, steady=True)
    for task in service.tasks:
        aws.log(task, "ready")
    return service


@pytest.fixture
def operator(aws: Simulator, service: Service, start: Start) -> Mapping[str, str | None]:
    """The variables of a person who knows the function's name, beside a function that runs."""
    settings = quick(aws, service, DIAGNOSE="true", HISTORY="true", RECYCLE="true")
    aws.functions.deploy(NAME, start(settings))
    return {name: settings[name] for name in AWS_ALONE}


def invoked(aws: Simulator) -> list[Any]:
    """The events that Invoke has carried since the last look."""
    found = [call.parameters["Payload"] for call in aws.calls if call.operation == "Invoke"]
    aws.calls.clear()
    return found


def test_each_command_is_one_event(
    aws: Simulator, service: Service, operator: Mapping[str, str | None]
) -> None:
    """The function answers it; with --json the answer is printed as it is."""
    sent = (
        ("sync", {"action": "sync"}),
        ("status --json", {"action": "status"}),
        ("list", {"action": "status"}),
        ("history --stopped --since 5", {"action": "history", "since": 5.0, "stopped": True}),
        ("diagnose --minutes 5", {"action": "diagnose", "minutes": 5, "limit": 200}),
        (
            "recycle start --batch-size 50% --no-maintain-service-state --wait-time 9 --dry-run",
            {
                "action": "recycle", "batch_size": "50%", "maintain_service_state": False,
                "wait_time": 9.0, "dry_run": True,
            },
        ),
    )  # fmt: skip
    outputs = {}
    for words, event in sent:
        done = run(operator, *words.split(), "--function", NAME)
        assert (words, 0) == (words, done.code), done
        assert [event] == invoked(aws)
        outputs[words] = done.out
    assert outputs["sync"].startswith("published after ")
    assert 2 == json.loads(outputs["status --json"])["healthy"]
    assert service.tasks[0].ip in outputs["list"]
    assert outputs["diagnose --minutes 5"].startswith(f"{NAME}: healthy")
    assert "2 batches of 1" in outputs[sent[-1][0]]


def test_the_history_is_shown_with_its_reasons(
    aws: Simulator, service: Service, operator: Mapping[str, str | None], start: Start
) -> None:
    """A stopped task has the plain words, and one task alone has its containers."""
    aws.events.take()
    task = service.tasks[0]
    task.run_out_of_memory()
    function = start(quick(aws, service, HISTORY="true"))
    for event in aws.events.take():
        function.invoke(event)
    done = run(operator, "history", "--task", task.id, "--function", NAME)
    assert 0 == done.code
    assert "ran out of memory" in done.out
    assert "  remedy: Raise the memory" in done.out
    assert "  container lobby: STOPPED, exit code 137" in done.out


def test_an_error_of_the_function_or_of_the_call_is_an_error(
    aws: Simulator, service: Service, operator: Mapping[str, str | None], start: Start
) -> None:
    """Exit code 2, with what the function or AWS said; a throttled call is tried again."""
    aws.faults.set("Invoke", throttled, times=2)
    assert 1 == run(operator, "status", "--function", NAME).code  # nothing was published yet
    failed = run(operator, "diagnose", "--minutes", "1", "--function", "other")
    assert (2, "") == (failed.code, failed.out)
    assert "lambda:InvokeFunction on other: ResourceNotFoundException" in failed.err

    aws.functions.deploy("other", start(quick(aws, service)))
    refused = run(operator, "diagnose", "--function", "other")
    assert (2, "") == (refused.code, refused.out)
    assert "The function other failed: DiagnoseError: Diagnosing is not allowed" in refused.err
    aws.faults.set("Invoke", denied)
    assert "AccessDeniedException" in run(operator, "status", "--function", NAME).err


def test_a_function_that_does_not_answer_in_time_is_invoked_once(
    aws: Simulator, operator: Mapping[str, str | None]
) -> None:
    """--timeout bounds the whole wait: what was invoked once more would only add to the work."""
    aws.faults.set("Invoke", hangs)
    aws.calls.clear()
    done = run(operator, "sync", "--timeout", "2", "--function", NAME)
    assert (2, "") == (done.code, done.out)
    assert f"lambda:InvokeFunction on {NAME}: no answer within 2 s" in done.err
    assert 1 == len(invoked(aws))


def test_the_answers_are_those_of_the_handler_here(
    aws: Simulator, service: Service, operator: Mapping[str, str | None], start: Start
) -> None:
    """Without --function the same event is answered in the command's own process."""
    start(quick(aws, service)).invoke(events.scheduled())
    local = json.loads(run(quick(aws, service), "status", "--json").out)
    remote = json.loads(run(operator, "status", "--json", "--function", NAME).out)
    for answer in (local, remote):
        answer.pop("recycle", None)
    assert local.keys() == remote.keys()
    assert (local["outcome"], local["tasks"]) == (remote["outcome"], remote["tasks"])
