"""Which events the stack's rules let through, by the EventBridge of a local AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from simulator import Simulator, events

if TYPE_CHECKING:
    from collections.abc import Callable

    from stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]
pytest_plugins = ("stack",)


@pytest.fixture(scope="module")
def matches(stack: Stack) -> Callable[[dict[str, Any]], set[str]]:
    """The rules, by what they are for, that let an event through."""
    client = stack.local.client("events")
    patterns = {
        rule["Name"].split("-")[2].removeprefix("Function"): rule["EventPattern"]
        for rule in client.list_rules()["Rules"]
        if "EventPattern" in rule and rule["Name"].startswith(f"{stack.name}-")
    }
    assert {"TaskChange", "ServiceChange", "InstanceChange"} == patterns.keys()

    def matching(event: dict[str, Any]) -> set[str]:
        text = json.dumps(event)
        return {
            name
            for name, pattern in patterns.items()
            if client.test_event_pattern(EventPattern=pattern, Event=text)["Result"]
        }

    return matching


@pytest.fixture
def service(aws: Simulator) -> Any:
    """The service that the stack is for."""
    return aws.ecs.create_service("arcade", "lobby")


def test_every_change_of_the_service_passes_once(
    aws: Simulator, service: Any, matches: Callable[[dict[str, Any]], set[str]]
) -> None:
    """Each state of a task, actions and deployments, a draining instance: one rule, one invoke."""
    task = service.start_task()
    for status in ("DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"):
        task.becomes(status)
    taken = aws.events.take()
    assert len(taken) >= 5
    assert [{"TaskChange"}] * len(taken) == [matches(event) for event in taken]
    others = {
        "ServiceChange": [
            events.service_action(service),
            events.service_action(service, "SERVICE_TASK_PLACEMENT_FAILURE", "ERROR"),
            events.deployment_state_change(service),
        ],
        "InstanceChange": [events.container_instance_state_change(service.cluster_arn)],
    }
    for name, passing in others.items():
        assert [{name}] * len(passing) == [matches(event) for event in passing]


@pytest.mark.parametrize(
    ("agent", "status", "expected"),
    [
        (True, "ACTIVE", set()),
        (False, "ACTIVE", {"InstanceChange"}),
        (True, "DRAINING", {"InstanceChange"}),
        (False, "DRAINING", {"InstanceChange"}),
        (True, "REGISTERING", {"InstanceChange"}),
        (True, "DEREGISTERING", {"InstanceChange"}),
        (False, "INACTIVE", {"InstanceChange"}),
    ],
)
def test_an_instance_passes_when_its_agent_is_gone_or_it_is_not_active(
    service: Any,
    matches: Callable[[dict[str, Any]], set[str]],
    agent: bool,
    status: str,
    expected: set[str],
) -> None:
    """An active one changes whenever any service's task starts or stops there: not our news."""
    event = events.container_instance_state_change(service.cluster_arn)
    event["detail"] |= {"agentConnected": agent, "status": status}
    assert expected == matches(event)


def test_nobody_elses_change_passes(
    aws: Simulator, service: Any, matches: Callable[[dict[str, Any]], set[str]]
) -> None:
    """Not of another cluster, service, region or account, of no service, or from elsewhere."""
    neighbour = aws.ecs.create_service("arcade", "lobby-2")
    namesake = aws.ecs.create_service("casino", "lobby")
    near = aws.ecs.create_service("arcade-2", "lobby")
    ours = events.task_state_change(service.start_task().state)
    foreign = [
        each
        for other in (neighbour, namesake, near)
        for each in (
            events.task_state_change(other.start_task().state),
            events.service_action(other),
            events.deployment_state_change(other),
        )
    ]
    foreign += [
        events.container_instance_state_change(namesake.cluster_arn),
        events.task_state_change(service.cluster.run_task("lobby:1").state),
        json.loads(json.dumps(ours).replace("us-east-1", "eu-west-1")),
        json.loads(json.dumps(ours).replace("111122223333", "444455556666")),
        ours | {"source": "com.example"},
        ours | {"detail-type": "ECS Task Protection State Change"},
        events.scheduled(),
    ]

    assert [set()] * len(foreign) == [matches(event) for event in foreign]
    assert {"TaskChange"} == matches(ours)
