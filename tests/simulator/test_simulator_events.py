"""The events that ECS sends, and how EventBridge delivers them."""

from __future__ import annotations

import json
import random
import re
from typing import TYPE_CHECKING, Any

import pytest

from simulator import Service, deliver, events
from simulator.described import LIFE

if TYPE_CHECKING:
    from simulator import Simulator

ENVELOPE = {
    "version",
    "id",
    "detail-type",
    "source",
    "account",
    "time",
    "region",
    "resources",
    "detail",
}


@pytest.fixture
def service(aws: Simulator) -> Service:
    return aws.ecs.create_service("arcade", "lobby")


class Recorder:
    """Stands for the function: notes what it is invoked with."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def invoke(self, event: dict[str, Any]) -> int:
        self.seen.append(event["id"])
        return len(self.seen)


def test_each_change_of_a_task_is_an_event(aws: Simulator, service: Service) -> None:
    """A whole life is eight, with versions that count; taken, they are gone."""
    task = service.start_task(status="PROVISIONING")
    for status in LIFE[1:]:
        task.becomes(status)
    task.health("UNHEALTHY")

    taken = aws.events.take()

    assert [event["detail"]["lastStatus"] for event in taken] == list(LIFE)
    assert [event["detail"]["version"] for event in taken] == list(range(1, 9))
    assert len({event["id"] for event in taken}) == 8
    assert aws.events.take() == []


def test_a_task_event_has_the_documented_form(aws: Simulator, service: Service) -> None:
    """The described task, but with `eni`, dates as text, and no health."""
    task = service.start_task(health="HEALTHY")
    aws.events.take()
    task.stop(reason="Scaling in", code="ServiceSchedulerInitiated")

    (event,) = aws.events.take()
    detail = event["detail"]

    assert set(event) == ENVELOPE
    assert event["version"] == "0"
    assert (event["source"], event["detail-type"]) == ("aws.ecs", "ECS Task State Change")
    assert event["resources"] == [task.arn]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"])
    assert [attachment["type"] for attachment in detail["attachments"]] == ["serviceconnect", "eni"]
    assert {"name": "privateIPv4Address", "value": task.ip} in detail["attachments"][1]["details"]
    assert detail["clusterArn"] == service.cluster_arn
    assert detail["group"] == "service:lobby"
    assert (detail["lastStatus"], detail["desiredStatus"]) == ("DEACTIVATING", "STOPPED")
    assert (detail["stopCode"], detail["stoppedReason"]) == (
        "ServiceSchedulerInitiated",
        "Scaling in",
    )
    for date in ("createdAt", "updatedAt", "startedAt", "stoppingAt"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", detail[date])
    assert "healthStatus" not in json.dumps(event)


def test_a_stopped_task_still_tells_its_address(aws: Simulator, service: Service) -> None:
    """Though its interface is deleted."""
    task = service.start_task()
    task.becomes("STOPPED")

    interface = aws.events.take()[-1]["detail"]["attachments"][1]

    assert interface["status"] == "DELETED"
    assert {"name": "privateIPv4Address", "value": task.ip} in interface["details"]


def test_a_standalone_task_belongs_to_no_service(aws: Simulator) -> None:
    """Its group is its family, and no service started it."""
    aws.ecs.create_cluster("arcade").run_task("migration:7")

    (event,) = aws.events.take()

    assert event["detail"]["group"] == "family:migration"
    assert "startedBy" not in event["detail"]


def test_events_of_a_service_name_it_in_resources(service: Service) -> None:
    """And have no version; a deployment's event has no cluster either."""
    action = events.service_action(service)
    deployment = events.deployment_state_change(service)

    assert [set(event) for event in (action, deployment)] == [ENVELOPE] * 2
    assert action["resources"] == deployment["resources"] == [service.arn]
    assert action["detail-type"] == "ECS Service Action"
    assert action["detail"]["eventName"] == "SERVICE_STEADY_STATE"
    assert action["detail"]["clusterArn"] == service.cluster_arn
    assert deployment["detail-type"] == "ECS Deployment State Change"
    assert "clusterArn" not in deployment["detail"]
    assert "version" not in action["detail"] | deployment["detail"]


def test_other_events_have_their_documented_form(service: Service) -> None:
    """A container instance's, and the schedule's."""
    instance = events.container_instance_state_change(service.cluster_arn)
    scheduled = events.scheduled()

    assert instance["detail-type"] == "ECS Container Instance State Change"
    assert instance["detail"]["clusterArn"] == service.cluster_arn
    assert instance["resources"] == [instance["detail"]["containerInstanceArn"]]
    assert (scheduled["source"], scheduled["detail-type"]) == ("aws.events", "Scheduled Event")
    assert scheduled["detail"] == {}


def test_delivery_is_in_order_unless_it_is_shuffled(aws: Simulator, service: Service) -> None:
    """A seed decides the order and the doubles, the same each time."""
    service.start_tasks(5)
    taken = aws.events.take()
    ids = [event["id"] for event in taken]
    plain, once, again = Recorder(), Recorder(), Recorder()

    assert deliver(plain, taken) == [1, 2, 3, 4, 5]
    deliver(once, taken, rng=random.Random(7), duplicates=3)
    deliver(again, taken, rng=random.Random(7), duplicates=3)

    assert plain.seen == ids
    assert once.seen == again.seen
    assert len(once.seen) == 8
    assert set(once.seen) == set(ids)
    assert once.seen[:5] != ids
