"""What each kind of event causes, and that events of other services cause no call."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from conftest import Start, listed
from redis_helpers import PREFIX, Subscriber, everything, quick, rest

from discovery.aws.clients import once
from simulator import events
from simulator.proxy import Proxy

if TYPE_CHECKING:
    from simulator import Service, Simulator


def test_each_event_of_our_service_starts_a_listing(aws: Simulator, start: Start) -> None:
    """Each kind of event starts a new listing, and the run publishes the changes it finds."""
    service = aws.ecs.create_service("arcade", "lobby")
    function = start(quick(aws, service))
    for event in (
        events.service_action(service),
        events.service_action(service, "SERVICE_TASK_PLACEMENT_FAILURE", "ERROR"),
        events.deployment_state_change(service),
        events.container_instance_state_change(service.cluster_arn),
        events.scheduled(),
        events.task_state_change(service.start_task().state),
        {},
    ):
        task = service.start_task()
        aws.calls.clear()
        rest(aws)

        answer = function.invoke(event).answer

        kind = event.get("detail-type", "manual")
        assert (kind, "published", 1) == (kind, answer["outcome"], len(aws.calls.of("ListTasks")))
        assert task.ip in answer["added"]


def test_a_stopping_task_is_withdrawn_before_any_aws_call(aws: Simulator, start: Start) -> None:
    """Law 4: at the first AWS call after a stop event the task is off the list, and subscribers
    know."""
    service = aws.ecs.create_service("arcade", "lobby")
    stops, stays = service.start_tasks(2)
    function = start(quick(aws, service))
    function.invoke({})
    stops.stop()
    subscriber = Subscriber(aws)
    seen: list[tuple[list[str] | None, list[str]]] = []
    aws.on_call = lambda _: seen.append(
        (listed(aws), [ip for message in subscriber.messages() for ip in message["removed"]])
    )

    answer = function.invoke(aws.events.take()[-1]).answer

    assert ([stays.ip], [stops.ip]) == seen[0]
    assert ([stops.ip], []) == (answer["removed"], answer["added"])


def test_a_late_stop_event_leaves_the_address_to_its_new_task(aws: Simulator, start: Start) -> None:
    """The withdrawal goes by task id, so the task that has the address now keeps it."""
    service = aws.ecs.create_service("arcade", "lobby")
    old = service.start_task()
    function = start(quick(aws, service))
    function.invoke({})
    old.becomes("STOPPED")
    stopped = aws.events.take()[-1]
    new = service.start_task(ip=old.ip)
    function.invoke({})
    subscriber = Subscriber(aws)

    function.invoke(stopped)

    assert ([new.ip], []) == (listed(aws), subscriber.messages())


def foreign(aws: Simulator) -> list[dict[str, Any]]:
    """Events that our rule may match, but that belong to another service."""
    neighbour = aws.ecs.create_service("arcade", "lobby-2")
    namesake = aws.ecs.create_service("casino", "lobby")
    standalone = aws.ecs.create_cluster("arcade").run_task("lobby:1")
    return [
        events.task_state_change(neighbour.start_task().state),
        events.task_state_change(namesake.start_task().state),
        events.task_state_change(standalone.state),
        events.service_action(neighbour),
        events.service_action(namesake),
        events.deployment_state_change(neighbour),
        events.deployment_state_change(namesake),
        events.container_instance_state_change(namesake.cluster_arn),
    ]


@pytest.mark.parametrize("by_arn", [False, True], ids=["by name", "by ARN"])
def test_events_of_other_services_make_no_call(aws: Simulator, start: Start, by_arn: bool) -> None:
    """These events are answered `ignored` with a reason, without an AWS call or a Redis
    connection."""
    service = aws.ecs.create_service("arcade", "lobby")
    names = {"ECS_CLUSTER_NAME": service.cluster_arn, "ECS_SERVICE_NAME": service.arn}
    with Proxy(aws.valkey.port) as proxy:
        settings = quick(aws, service, REDIS_PORT=str(proxy.port), **(names if by_arn else {}))
        function = start(settings)
        for event in foreign(aws):
            answer = function.invoke(event).answer
            assert ("ignored", True) == (answer["outcome"], len(answer["reason"]) > 10)

        assert ([], 0) == (list(aws.calls), proxy.connections)
        assert "published" == function.invoke({}).answer["outcome"]
        assert proxy.connections > 0  # so the proxy would have counted a connection above


def changed(event: dict[str, Any], **detail: Any) -> dict[str, Any]:
    """The event with these details replaced. None removes a detail."""
    fields = event["detail"] | detail
    return event | {"detail": {name: fields[name] for name in fields if fields[name] is not None}}


def malformed(service: Service) -> dict[str, Any]:
    """Malformed events by the name of the invalid field, with a word on the fault after a comma."""
    task = events.task_state_change(service.start_task().state)
    action = events.service_action(service)
    return {
        "event": None,
        "event, a list": [task],
        "event, a text": "sync",
        "action": {"action": "dance"},
        "action, a list": {"action": ["sync"]},
        "dry_run": {"dry_run": "yes"},
        "dryrun": {"dryrun": True},
        "source": task | {"source": "aws.s3"},
        "source, none": {"detail-type": "ECS Task State Change"},
        "detail-type": task | {"detail-type": "ECS Task Dance"},
        "detail-type, a number": task | {"detail-type": 1},
        "detail-type, of the schedule": events.scheduled() | {"detail-type": "Holiday"},
        "detail": task | {"detail": None},
        "detail, a text": task | {"detail": "stopped"},
        "detail.clusterArn": changed(task, clusterArn=None),
        "detail.clusterArn, a number": changed(task, clusterArn=7),
        "detail.group": changed(task, group=["service:lobby"]),
        "detail.taskArn": changed(task, taskArn="task"),
        "detail.taskArn, of a service": changed(task, taskArn=service.arn),
        "detail.lastStatus": changed(task, lastStatus=None),
        "detail.desiredStatus": changed(task, desiredStatus=""),
        "resources[0]": action | {"resources": []},
        "resources[0], a task": action | {"resources": task["resources"]},
        "resources[0], not a list": action | {"resources": service.arn},
    }


def test_malformed_events_make_no_call_and_name_the_field(aws: Simulator, start: Start) -> None:
    """Each raises InvalidEventError with the field, without an AWS call or a Redis connection."""
    service = aws.ecs.create_service("arcade", "lobby")
    with Proxy(aws.valkey.port) as proxy:
        function = start(quick(aws, service, REDIS_PORT=str(proxy.port)))
        for name, event in malformed(service).items():
            invocation = function.invoke(event)
            assert (name, "InvalidEventError") == (name, invocation.error_type)
            assert f" {name.split(',')[0]} is " in f"{invocation.error_message}"

        assert ([], 0, {}) == (list(aws.calls), proxy.connections, everything(aws))


def test_unknown_fields_of_an_event_are_ignored(aws: Simulator, start: Start) -> None:
    """ECS may add fields at any time. Unknown fields are ignored."""
    service = aws.ecs.create_service("arcade", "lobby")
    event = changed(events.task_state_change(service.start_task().state), mood={"of": "ECS"})

    answer = start(quick(aws, service)).invoke(event | {"replay-name": "again"}).answer

    assert "published" == answer["outcome"]


def test_an_event_during_another_run_is_coalesced(aws: Simulator, start: Start) -> None:
    """While another run holds the lease, an event leaves a request and makes no AWS call."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    client = aws.valkey.client()
    client.set(f"{PREFIX}:lease", "another run", px=8000)

    answer = start(quick(aws, service)).invoke(aws.events.take()[-1]).answer

    assert ("coalesced", []) == (answer["outcome"], list(aws.calls))
    assert client.hget(f"{PREFIX}:state", "requested") is not None
    assert "another run" == client.get(f"{PREFIX}:lease")


def test_clients_are_created_once_and_one_at_a_time() -> None:
    """The threads of a cold start need clients at the same time. Only one thread calls boto3."""
    making, made = 0, []

    def make() -> int:
        nonlocal making
        making += 1
        assert making == 1
        time.sleep(0.05)  # about as long as boto3 takes
        making -= 1
        made.append(making)
        return making

    first, second = once(make), once(make)
    with ThreadPoolExecutor(8) as threads:
        for each in [threads.submit(get) for get in (first, second) * 4]:
            each.result()
    assert [0, 0] == made
