"""From an event to an action: every row of the contract's table but the last."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from builders import (
    CLUSTER_ARN,
    ECS,
    SERVICE_ARN,
    TASK_ID,
    deployment_change,
    instance_change,
    nested,
    routed,
    scheduled,
    service_action,
    task_change,
)

from discovery.routing import Action, Ignore, Status, Sync

if TYPE_CHECKING:
    from collections.abc import Mapping

OTHER_ACCOUNT = "arn:aws:ecs:us-west-2:444455556666:cluster/arcade"


def act(event: Any, **variables: str) -> Action:
    return routed(event, **variables)


def sync(event: Any, **variables: str) -> Sync:
    action = act(event, **variables)
    assert isinstance(action, Sync), action
    return action


@pytest.mark.parametrize(
    ("last", "desired"),
    [
        ("PROVISIONING", "RUNNING"),
        ("PENDING", "RUNNING"),
        ("ACTIVATING", "RUNNING"),
        ("RUNNING", "RUNNING"),
    ],
)
def test_a_task_that_starts_or_runs_leads_to_a_sync_and_withdraws_nothing(
    last: str, desired: str
) -> None:
    """A task that has not been told to stop is never withdrawn."""
    assert sync(task_change(last, desired)).stopping is None
    new_task_ids = sync(task_change(last, desired)).new_task_ids
    assert (({TASK_ID}) if last == "RUNNING" else set()) == new_task_ids


@pytest.mark.parametrize(
    ("last", "desired"),
    [
        ("PENDING", "STOPPED"),
        ("RUNNING", "STOPPED"),
        ("DEACTIVATING", "STOPPED"),
        ("STOPPING", "STOPPED"),
        ("DEPROVISIONING", "STOPPED"),
        ("STOPPED", "STOPPED"),
        ("DEACTIVATING", "RUNNING"),
        ("STOPPING", "RUNNING"),
        ("DEPROVISIONING", "RUNNING"),
        ("STOPPED", "RUNNING"),
    ],
)
def test_a_task_that_stops_is_withdrawn_by_its_id(last: str, desired: str) -> None:
    """Told to stop, or in any state that only ends: the task itself is named, not its address."""
    assert TASK_ID == sync(task_change(last, desired)).stopping
    assert not sync(task_change(last, desired)).new_task_ids


@pytest.mark.parametrize(
    "arn",
    [f"{ECS}:task/{TASK_ID}", f"arn:aws-us-gov:ecs:us-gov-west-1:111122223333:task/a/{TASK_ID}"],
)
def test_task_arns_of_the_old_form_and_of_other_partitions_are_understood(arn: str) -> None:
    """ARNs from before 2018 lack the cluster, and not all of AWS is the partition `aws`."""
    assert TASK_ID == sync(task_change("STOPPED", "STOPPED", taskArn=arn)).stopping


def test_the_history_tells_a_tasks_change() -> None:
    """The log's line for a task has the six facts that make it a readable history."""
    event = task_change("STOPPED", "STOPPED", stoppedReason="Essential container exited")
    expected = (
        f" taskArn={ECS}:task/arcade/{TASK_ID} lastStatus=STOPPED desiredStatus=STOPPED version=3"
        " stopCode=ServiceSchedulerInitiated stoppedReason=Essential container exited"
    )
    assert expected == sync(event).log_fields


def test_the_history_stays_one_line() -> None:
    """stoppedReason is free text, from a container runtime as well: it adds no line to the log."""
    history = sync(
        task_change("STOPPED", "STOPPED", stoppedReason="exec: no such\nfile")
    ).log_fields
    assert len(history.splitlines()) == 1, history


@pytest.mark.parametrize(
    ("updated", "expected"),
    [
        ("2026-11-22T16:41:06.976Z", 1795365666.976),
        ("2026-11-22T16:41:07Z", 1795365667.0),
        ("yesterday", 1795365666.0),
        (1795365, 1795365666.0),
        (None, 1795365666.0),
    ],
)
def test_the_moment_of_a_task_change_is_known(updated: Any, expected: float) -> None:
    """The metric counts from updatedAt, or where that cannot be read from the event's time."""
    assert expected == sync(task_change(updatedAt=updated)).happened_at


def test_times_that_cannot_be_read_spoil_nothing() -> None:
    """Only a metric needs the time: without one the event is answered all the same."""
    assert sync(task_change(updatedAt="soon") | {"time": [1]}).happened_at is None


@pytest.mark.parametrize("event", [service_action(), deployment_change(), instance_change()])
def test_news_of_our_service_and_of_our_clusters_instances_lead_to_a_sync(
    event: dict[str, Any],
) -> None:
    """Service Action, Deployment State Change and Container Instance State Change: look again."""
    action = sync(event)
    assert (None, False) == (action.stopping, action.dry_run)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (instance_change(), True),
        (task_change(), False),
        (task_change("RUNNING", "STOPPED"), False),
        (service_action(), False),
        (deployment_change(), False),
        (scheduled(), False),
        ({}, False),
    ],
)
def test_an_event_that_every_stack_of_the_cluster_gets_is_marked(
    event: dict[str, Any], expected: bool
) -> None:
    """An instance is the whole cluster's; a task, a service and a schedule are one stack's."""
    assert expected is sync(event).shared


def test_the_arn_of_a_service_may_lack_the_cluster() -> None:
    """Service ARNs from before 2018 name no cluster; a Service Action tells it beside."""
    sync(service_action(f"{ECS}:service/lobby"))
    sync(deployment_change(f"{ECS}:service/lobby"))


def test_the_schedule_leads_to_a_sync() -> None:
    """The minute's reconcile."""
    assert Sync("the schedule", scheduled=True) == act(scheduled())


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({}, Sync("a manual invoke")),
        ({"action": "sync"}, Sync("a manual invoke")),
        ({"action": "sync", "dry_run": False}, Sync("a manual invoke")),
        ({"dry_run": True}, Sync("a manual invoke", dry_run=True)),
        ({"action": "sync", "dry_run": True}, Sync("a manual invoke", dry_run=True)),
        ({"action": "status"}, Status()),
    ],
)
def test_manual_events(event: dict[str, Any], expected: Action) -> None:
    """A person's own event: sync, a dry run of it, or status."""
    assert expected == act(event)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (task_change(cluster="casino"), "of cluster 'casino', not 'arcade'"),
        (task_change("STOPPED", "STOPPED", cluster="casino"), "of cluster 'casino', not 'arcade'"),
        (task_change(group="service:lobby2"), "'service:lobby2'"),
        (task_change(group="service:Lobby"), "'service:Lobby'"),
        (task_change(group="family:lobby"), "'family:lobby'"),
        (task_change(group="lobby"), "'lobby'"),
        (task_change(group=None), "None"),
        (service_action(clusterArn=f"{ECS}:cluster/casino"), "of cluster 'casino'"),
        (service_action(f"{ECS}:service/arcade/bar"), "of service 'bar', not 'lobby'"),
        (deployment_change(f"{ECS}:service/casino/lobby"), "of cluster 'casino', not 'arcade'"),
        (deployment_change(f"{ECS}:service/arcade/bar"), "of service 'bar', not 'lobby'"),
        (instance_change("casino"), "of cluster 'casino', not 'arcade'"),
    ],
)
def test_the_events_of_others_are_ignored_with_the_reason(event: dict[str, Any], told: str) -> None:
    """Another cluster's, another service's and a standalone task's events are not ours."""
    action = act(event)
    assert isinstance(action, Ignore), action
    assert told in action.reason


def test_arns_in_the_settings_match_like_names() -> None:
    """Cluster and service may be set as names or as ARNs; our events are ours either way."""
    arns = {"ECS_CLUSTER_NAME": CLUSTER_ARN, "ECS_SERVICE_NAME": SERVICE_ARN}
    for event in (task_change(), service_action(), deployment_change(), instance_change()):
        sync(event, **arns)


@pytest.mark.parametrize(
    "event",
    [
        task_change(clusterArn=OTHER_ACCOUNT),
        service_action(clusterArn=OTHER_ACCOUNT),
        instance_change(clusterArn=OTHER_ACCOUNT),
        deployment_change("arn:aws:ecs:us-west-2:444455556666:service/arcade/lobby"),
    ],
)
def test_an_arn_in_the_settings_tells_accounts_apart(event: dict[str, Any]) -> None:
    """A cluster of the same name in another account is another cluster, where an ARN is set."""
    assert isinstance(act(event, ECS_CLUSTER_NAME=CLUSTER_ARN), Ignore)


def test_what_the_log_tells_of_a_task_may_be_nested_deep() -> None:
    """Fields that only the log quotes spoil nothing, whatever they hold."""
    assert sync(task_change(stoppedReason=nested(10**5))).stopping is None


@pytest.mark.parametrize(
    "event", [task_change(), service_action(), deployment_change(), instance_change(), scheduled()]
)
def test_new_fields_are_welcome_and_the_event_is_left_as_it_was(event: dict[str, Any]) -> None:
    """AWS may add fields at any time; and reading an event does not change it."""
    event["newField"] = {"since": "2027"}
    event["detail"]["newField"] = [1, 2]
    before: Mapping[str, Any] = copy.deepcopy(event)
    sync(event)
    assert before == event
