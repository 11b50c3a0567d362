"""The action that follows from each valid event: every row of the contract's table but the last."""

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
    """A task is only withdrawn if its desired or last status says that it stops."""
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
def test_a_stopping_task_is_withdrawn_by_its_id(last: str, desired: str) -> None:
    """A stopping or stopped task is withdrawn by its task id, not by its address."""
    assert TASK_ID == sync(task_change(last, desired)).stopping
    assert not sync(task_change(last, desired)).new_task_ids


@pytest.mark.parametrize(
    "arn",
    [f"{ECS}:task/{TASK_ID}", f"arn:aws-us-gov:ecs:us-gov-west-1:111122223333:task/a/{TASK_ID}"],
)
def test_task_arns_of_the_old_form_and_of_other_partitions_are_understood(arn: str) -> None:
    """Task ARNs from before 2018 lack the cluster, and other partitions than `aws` exist."""
    assert TASK_ID == sync(task_change("STOPPED", "STOPPED", taskArn=arn)).stopping


def test_the_log_line_describes_the_tasks_change() -> None:
    """The log line of a task event holds the six facts that make it a readable history."""
    event = task_change("STOPPED", "STOPPED", stoppedReason="Essential container exited")
    expected = (
        f" taskArn={ECS}:task/arcade/{TASK_ID} lastStatus=STOPPED desiredStatus=STOPPED version=3"
        " stopCode=ServiceSchedulerInitiated stoppedReason=Essential container exited"
    )
    assert expected == sync(event).log_fields


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (
            'httpReadSeeker: failed open: "https://b.s3.amazonaws.com/l/data?X-Amz-Date=1&a": 403',
            'httpReadSeeker: failed open: "https://b.s3.amazonaws.com/l/data?***": 403',
        ),
        (
            "pull from https://ann:o@pen@r.example/v2?x was refused",
            "pull from https://***@r.example/v2?*** was refused",
        ),
        ("Is it there? mail ann@a.example", "Is it there? mail ann@a.example"),
        (f"{'a ' * 240}https://h/?X-Amz-Signature={'f' * 5000}", f"{'a ' * 240}https://h/?***"),
    ],
)
def test_the_log_line_has_no_signature_of_a_url(reason: str, shown: str) -> None:
    """An image that cannot be pulled is named by a signed URL at times; where it is, stays."""
    event = task_change("STOPPED", "STOPPED", stoppedReason=reason)
    assert sync(event).log_fields.endswith(f"stoppedReason={shown}")


def test_the_log_line_of_a_task_stays_one_line() -> None:
    """stoppedReason is free text, partly from the container runtime. It adds no line to the log."""
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
def test_the_time_of_a_task_change_is_parsed(updated: Any, expected: float) -> None:
    """The metric counts from updatedAt. If that is not readable, it counts from the event's
    time."""
    assert expected == sync(task_change(updatedAt=updated)).happened_at


def test_an_unreadable_time_is_ignored() -> None:
    """Only a metric needs the time. An event without a readable time still leads to a sync."""
    assert sync(task_change(updatedAt="soon") | {"time": [1]}).happened_at is None


@pytest.mark.parametrize("event", [service_action(), deployment_change(), instance_change()])
def test_events_of_our_service_and_our_instances_lead_to_a_sync(
    event: dict[str, Any],
) -> None:
    """A Service Action, Deployment State Change or Container Instance State Change leads to a
    sync."""
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
def test_events_that_reach_every_stack_of_the_cluster_are_marked(
    event: dict[str, Any], expected: bool
) -> None:
    """An instance belongs to the whole cluster. A task, a service and a schedule belong to one
    stack."""
    assert expected is sync(event).shared


def test_the_arn_of_a_service_may_lack_the_cluster() -> None:
    """Service ARNs from before 2018 name no cluster. A Service Action names it in another field."""
    sync(service_action(f"{ECS}:service/lobby"))
    sync(deployment_change(f"{ECS}:service/lobby"))


def test_the_schedule_leads_to_a_sync() -> None:
    """The schedule's event is the reconcile of every minute."""
    assert Sync("the schedule", scheduled=True, full=True) == act(scheduled())


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({}, Sync("a manual invoke", full=True)),
        ({"action": "sync"}, Sync("a manual invoke", full=True)),
        ({"action": "sync", "dry_run": False}, Sync("a manual invoke", full=True)),
        ({"dry_run": True}, Sync("a manual invoke", dry_run=True, full=True)),
        ({"action": "sync", "dry_run": True}, Sync("a manual invoke", dry_run=True, full=True)),
        ({"action": "status"}, Status()),
    ],
)
def test_manual_events(event: dict[str, Any], expected: Action) -> None:
    """A manual event leads to a sync, a dry run or the status."""
    assert expected == act(event)


@pytest.mark.parametrize(
    ("event", "reason"),
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
def test_events_of_other_services_are_ignored_with_the_reason(
    event: dict[str, Any], reason: str
) -> None:
    """Events of another cluster, another service or a standalone task are ignored."""
    action = act(event)
    assert isinstance(action, Ignore), action
    assert reason in action.reason


def test_arns_in_the_settings_match_like_names() -> None:
    """Cluster and service may be set as names or as ARNs. Both match our events."""
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
def test_an_arn_in_the_settings_distinguishes_accounts(event: dict[str, Any]) -> None:
    """If the cluster is set as an ARN, a cluster of that name in another account does not match."""
    assert isinstance(act(event, ECS_CLUSTER_NAME=CLUSTER_ARN), Ignore)


def test_logged_fields_may_be_nested_deeply() -> None:
    """A field that only the log quotes may hold anything."""
    assert sync(task_change(stoppedReason=nested(10**5))).stopping is None


@pytest.mark.parametrize(
    "event", [task_change(), service_action(), deployment_change(), instance_change(), scheduled()]
)
def test_new_fields_are_accepted_and_the_event_is_not_modified(event: dict[str, Any]) -> None:
    """AWS may add fields at any time. Parsing an event does not modify it."""
    event["newField"] = {"since": "2027"}
    event["detail"]["newField"] = [1, 2]
    before: Mapping[str, Any] = copy.deepcopy(event)
    sync(event)
    assert before == event
