"""An event that reaches every stack of a cluster does not make all of them list at once."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from redis_helpers import a_registry, quick

from discovery.model import LeaseHeld
from lambda_function import SPREAD
from simulator import events

if TYPE_CHECKING:
    from conftest import Start

    from simulator import Function, Invocation, Service, Simulator

STACKS = 6


def waited(invocation: Invocation) -> list[float]:
    """The seconds that an invocation says it waits, each time that it does."""
    found = [re.search(r"waiting ([0-9.]+) s: every stack", line) for line in invocation.log]
    return [float(each.group(1)) for each in found if each]


@pytest.fixture
def lobby(aws: Simulator) -> Service:
    """A service of one task."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    return service


def test_an_instance_event_waits_before_the_listing(
    aws: Simulator, lobby: Service, start: Start
) -> None:
    """As long as the log says, at most SPREAD; then it is answered like any other event."""
    function = start(quick(aws, lobby))
    began = time.monotonic()
    invocation = function.invoke(events.container_instance_state_change(lobby.cluster_arn))

    (seconds,) = waited(invocation)
    assert 0 <= seconds <= SPREAD
    assert aws.calls.of("ListTasks")[0].at - began >= seconds - 0.001  # the log's rounding
    assert "published" == invocation.answer["outcome"]


def test_no_other_event_waits(aws: Simulator, lobby: Service, start: Start) -> None:
    """An event that only one stack receives is answered at once."""
    function = start(quick(aws, lobby))
    for event in (
        events.task_state_change(lobby.tasks[0].state),
        events.service_action(lobby),
        events.deployment_state_change(lobby),
        events.scheduled(),
        {},
    ):
        assert [] == waited(function.invoke(event))


def test_stacks_woken_together_list_apart(aws: Simulator, start: Start) -> None:
    """Warm functions that get one event at one instant do not all list within 100 ms.

    Six waits from 0 to 2 s lie within 0.1 s of each other once in half a million times.
    """
    functions: list[Function] = []
    for number in range(STACKS):
        service = aws.ecs.create_service("arcade", f"lobby-{number}")
        functions.append(start(quick(aws, service, REDIS_KEY=f"list-{number}")))
    for number, function in enumerate(functions):
        assert "published" == function.invoke({}).answer["outcome"]
        aws.valkey.client().delete(f"{{list-{number}}}:ratelimit")
    aws.calls.clear()
    event = events.container_instance_state_change(service.cluster_arn)
    for running in [function.start(event) for function in functions]:
        assert "published" == running.result().answer["outcome"]

    listings = [call.at for call in aws.calls.of("ListTasks")]
    assert STACKS == len(listings)
    assert max(listings) - min(listings) > 0.1


def test_a_task_event_takes_the_lease_before_a_waiting_run(
    aws: Simulator, lobby: Service, start: Start
) -> None:
    """While one run waits for its turn, a second instance event is its to answer, and a change of
    the service's own task is listed at once; the run that waited finds the place taken."""
    function = start(quick(aws, lobby))
    (change,) = [each for each in aws.events.take() if each["detail"].get("version") == 1]
    waiting = a_registry(aws)
    assert waiting.request()
    assert waiting.reserve()

    event = events.container_instance_state_change(lobby.cluster_arn)
    assert "coalesced" == function.invoke(event).answer["outcome"]

    seen: list[object] = []
    aws.on_call = lambda _: seen.append(waiting.acquire())
    assert "published" == function.invoke(change).answer["outcome"]
    assert {LeaseHeld()} == {*seen}


def test_a_short_deadline_bounds_the_wait(aws: Simulator, lobby: Service, start: Start) -> None:
    """Law 6: a short invocation waits a tenth of its time at most, so its run gets through."""
    function = start(quick(aws, lobby), timeout=2.0)
    function.invoke({}, timeout=30)
    for _ in range(8):
        invocation = function.invoke(events.container_instance_state_change(lobby.cluster_arn))
        (seconds,) = waited(invocation)
        assert seconds <= 0.2
        assert not invocation.timed_out
