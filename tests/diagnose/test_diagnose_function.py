"""The function answers {"action": "diagnose"} where it is allowed, from its configuration alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from redis_helpers import everything, quick

if TYPE_CHECKING:
    from conftest import Start

    from simulator import Simulator


def test_a_diagnosis_has_to_be_allowed(aws: Simulator, start: Start) -> None:
    """Without DIAGNOSE=true nothing is read, and the error says how to allow it."""
    service = aws.ecs.create_service("arcade", "lobby")
    invocation = start(quick(aws, service)).invoke({"action": "diagnose"})
    assert "DiagnoseError" == invocation.error_type
    assert "AllowDiagnose=true" in str(invocation.error_message)
    assert [] == list(aws.calls)


def test_the_function_diagnoses_its_service_and_list(aws: Simulator, start: Start) -> None:
    """A task that refuses connections is left out of the list, and the answer says why."""
    service = aws.ecs.create_service("arcade", "lobby", desired=2, steady=True)
    for task in service.tasks:
        aws.log(task, "ready")
    function = start(quick(aws, service, DIAGNOSE="true", RETRY_COUNT="1"))
    assert "published" == function.invoke({}).answer["outcome"]
    assert "healthy" == function.invoke({"action": "diagnose"}).answer["verdict"]
    service.tasks[0].port("closed")
    function.invoke({})
    before = everything(aws)

    answer = function.invoke({"action": "diagnose", "minutes": 5, "limit": 10}).answer

    assert ("diagnosed", "degraded") == (answer["outcome"], answer["verdict"])
    assert ("list_lacks_tasks", "1 running tasks are not in the list: connection refused.") == (
        answer["findings"][0]["kind"], answer["findings"][0]["what"],
    )  # fmt: skip
    assert before == everything(aws)


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ({"minutes": 0}, "minutes"),
        ({"minutes": "60"}, "minutes"),
        ({"limit": 100_000}, "limit"),
        ({"limit": True}, "limit"),
        ({"endpoint": "http://169.254.169.254/"}, "endpoint"),
        ({"HTTP_ENDPOINTS": "http://10.0.0.1/"}, "HTTP_ENDPOINTS"),
    ],
)
def test_an_event_cannot_name_an_address_nor_an_odd_number(
    aws: Simulator, start: Start, event: dict[str, Any], named: str
) -> None:
    """The function sits inside the VPC: what it connects to comes from its configuration."""
    service = aws.ecs.create_service("arcade", "lobby")
    function = start(quick(aws, service, DIAGNOSE="true"))
    invocation = function.invoke({"action": "diagnose"} | event)
    assert "InvalidEventError" == invocation.error_type
    assert named in str(invocation.error_message)
    assert [] == list(aws.calls)
