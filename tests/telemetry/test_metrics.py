"""One line of figures a run, in CloudWatch's embedded metric format."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from redis_helpers import PREFIX, quick, rest

from simulator import events, faults

if TYPE_CHECKING:
    from conftest import Start

    from simulator import Invocation, Simulator


def printed(said: Invocation) -> list[dict[str, Any]]:
    """The lines of figures."""
    return [json.loads(line) for line in said.log if line.startswith('{"_aws"')]


def figures(said: Invocation) -> dict[str, float]:
    """The figures of the one line there is, by name."""
    (document,) = printed(said)
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    return {metric["Name"]: document[metric["Name"]] for metric in directive["Metrics"]}


def test_a_run_prints_one_line_of_figures(aws: Simulator, start: Start) -> None:
    """It is valid in CloudWatch's embedded metric format, and its figures are the answer's."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    service.start_task(port="closed")
    settings = quick(aws, service, RETRY_COUNT="2")
    names = {"ECS_CLUSTER_NAME": service.cluster_arn, "ECS_SERVICE_NAME": service.arn}

    for function in (start(settings), start(settings | names)):
        rest(aws)
        said = function.invoke({})
        (document,) = printed(said)

        (directive,) = document["_aws"]["CloudWatchMetrics"]
        assert {"Timestamp", "CloudWatchMetrics"} == document["_aws"].keys()
        assert time.time() - 60 < document["_aws"]["Timestamp"] / 1000 <= time.time()
        assert isinstance(document["_aws"]["Timestamp"], int)
        assert "ECSTaskDiscovery" == directive["Namespace"]
        assert [["Cluster", "Service"]] == directive["Dimensions"]
        assert ("arcade", "lobby") == (document["Cluster"], document["Service"])
        assert {"Count", "Milliseconds"} == {metric["Unit"] for metric in directive["Metrics"]}
        sizes = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
        assert len(sizes) == len(directive["Metrics"]) <= 100
        assert all(isinstance(document[name], (int, float)) for name in sizes)
        assert {"SyncDuration"} == {name for name in sizes if sizes[name] == "Milliseconds"}

        answer = said.answer
        duration = figures(said)["SyncDuration"]
        # The answer's ends after the metric is printed, and is rounded to a millisecond.
        assert -0.5 <= answer["duration_ms"] - duration < 100
        assert 0 < duration <= said.duration * 1000
        assert {
            "Published": 1,
            "RunningTasks": 2,
            "HealthyTasks": 1,
            "UnhealthyTasks": 1,
            "PublishedTasks": 1,
            "AddedTasks": len(answer["added"]),
            "RemovedTasks": 0,
            "Degraded": 0,
            "Rounds": 2,
            "SyncDuration": duration,
        } == figures(said)


def test_event_to_publish_is_from_the_change_to_the_list(aws: Simulator, start: Start) -> None:
    """It counts in ms from the event's time to the first publication, whatever rounds follow."""
    service = aws.ecs.create_service("arcade", "lobby")
    task = service.start_task()
    slow = service.start_task(port="closed")
    event = aws.events.take()[0]
    function = start(quick(aws, service, RETRY_COUNT="2", RETRY_INTERVAL="0.6"))
    changed_at = task.state.updated_at
    before = time.time()
    said = function.invoke(event)
    after = time.time()
    measured = figures(said)["EventToPublish"]
    assert (before - changed_at) * 1000 - 1 <= measured < (after - 0.6 - changed_at) * 1000

    slow.port("listens")
    event["detail"]["updatedAt"] = "2001-01-01T00:00:00.000Z"
    rest(aws)
    long_ago = figures(function.invoke(event))["EventToPublish"]
    assert abs(time.time() - 978307200 - long_ago / 1000) < 5

    event["detail"]["updatedAt"] = "2101-01-01T00:00:00.000Z"  # their clock or ours is wrong
    rest(aws)
    said = function.invoke(event)
    assert 0 <= figures(said)["EventToPublish"] <= figures(said)["SyncDuration"]


def test_each_outcome_of_a_run_has_its_line(aws: Simulator, start: Start) -> None:
    """Coalesced and failed runs are counted as such; what is no run prints nothing."""
    service = aws.ecs.create_service("arcade", "lobby")
    other = aws.ecs.create_service("casino", "lobby")
    function = start(quick(aws, service))
    for event in (
        {"dry_run": True},
        {"action": "status"},
        {"action": "dance"},
        events.service_action(other),
    ):
        assert [] == printed(function.invoke(event))

    aws.faults.set("ListTasks", faults.denied)
    assert {"Failed": 1} == figures(function.invoke({}))
    aws.faults.clear()

    aws.valkey.client().set(f"{PREFIX}:lease", "another run", px=8000)
    assert {"Coalesced": 1} == figures(function.invoke({}))


def test_the_namespace_is_the_operator_s(aws: Simulator, start: Start) -> None:
    """METRICS_NAMESPACE names it; left empty, no figures are printed."""
    service = aws.ecs.create_service("arcade", "lobby")
    said = start(quick(aws, service, METRICS_NAMESPACE="Arcade/Lobby")).invoke({})
    (document,) = printed(said)
    assert "Arcade/Lobby" == document["_aws"]["CloudWatchMetrics"][0]["Namespace"]

    said = start(quick(aws, service, METRICS_NAMESPACE="")).invoke({})
    assert ("published", []) == (said.answer["outcome"], printed(said))
