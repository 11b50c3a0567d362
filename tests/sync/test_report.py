"""What came of a run: the answer, the figures and the line that CloudWatch reads."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from builders import entries, entry

from discovery.model import Decision, Exclusion, Outcome
from discovery.sync.report import Report, answer, figures
from discovery.telemetry import metrics

DECISION = Decision(
    entries=entries(a="10.0.0.10", c="10.0.0.9", d="10.0.0.2"),
    excluded=(Exclusion("e", "10.0.0.5", "timed out"), Exclusion("f", None, "no address")),
    failing={"e"},
    running=5,
    healthy=3,
    degraded=False,
    settled=True,
)
BEFORE = entries(a="10.0.0.10", b="10.0.0.3")


def published(**changed: Any) -> Report:
    shape: dict[str, Any] = {
        "outcome": Outcome.PUBLISHED,
        "generation": 42,
        "rounds": 2,
        "decision": DECISION,
        "before": BEFORE,
    }
    return Report(**(shape | changed))


def test_the_answer_of_a_run_has_every_field_of_the_contract() -> None:
    """What was published, what changed by it in order of address, and why a task was left out."""
    expected = {
        "outcome": "published",
        "generation": 42,
        "running": 5,
        "healthy": 3,
        "degraded": False,
        "excluded": [
            {"task": "e", "ip": "10.0.0.5", "reason": "timed out"},
            {"task": "f", "ip": None, "reason": "no address"},
        ],
        "rounds": 2,
        "added": ["10.0.0.2", "10.0.0.9"],
        "removed": ["10.0.0.3"],
        "duration_ms": 1235,
    }
    assert expected == answer(published(), 1.2349)


def test_the_answer_fits_into_lambda_s() -> None:
    """However many tasks are left out, and however long their reasons: 6 MB."""
    many = tuple(Exclusion(f"{n:032x}", "fd00::ffff:ffff:ffff", "r" * 250) for n in range(100_000))
    result = answer(published(decision=replace(DECISION, excluded=many)), 1.0)
    assert 5000 <= len(result["excluded"])
    assert len(json.dumps(result)) < 6_000_000


@pytest.mark.parametrize("outcome", [Outcome.KEPT, Outcome.COALESCED, Outcome.SUPERSEDED])
def test_a_run_that_published_nothing_answers_without_figures_of_its_own(outcome: Outcome) -> None:
    """The run made no decision, so the answer holds nothing but the outcome."""
    expected: dict[str, Any] = {
        "outcome": outcome.value,
        "generation": None,
        "running": None,
        "healthy": None,
        "degraded": None,
        "rounds": 1,
        "added": [],
        "removed": [],
        "excluded": [],
        "duration_ms": 0,
    }
    assert expected == answer(Report(outcome, rounds=1), 0.0001)


def test_a_withdrawn_address_is_among_the_removed() -> None:
    """The withdrawal came before the run first read the list. The answer has it all the same."""
    result = answer(published(withdrawn="10.0.0.4"), 1.0)
    assert ["10.0.0.3", "10.0.0.4"] == result["removed"]
    assert ["10.0.0.4"] == answer(Report(Outcome.COALESCED, withdrawn="10.0.0.4"), 1.0)["removed"]


def test_an_address_is_removed_once() -> None:
    """Withdrawn by this run and gone from the list: one removal."""
    assert ["10.0.0.3"] == answer(published(withdrawn="10.0.0.3"), 1.0)["removed"]


def test_a_reused_address_is_no_change() -> None:
    """Readers see addresses, and this address was and is in the list."""
    decision = Decision({"z": entry("10.0.0.10", "lobby:8")}, (), set(), 1, 1, False, True)
    result = answer(published(decision=decision, before=entries(a="10.0.0.10")), 1.0)
    assert ([], []) == (result["added"], result["removed"])


def test_an_answer_is_json() -> None:
    """Lambda serializes the answer as it is."""
    result = answer(published(), 1.0)
    assert result == json.loads(json.dumps(result))


def test_the_figures_of_a_run() -> None:
    """Counts of tasks, of changes and of rounds; times in milliseconds."""
    expected = {
        "Published": 1,
        "RunningTasks": 5,
        "HealthyTasks": 3,
        "UnhealthyTasks": 2,
        "PublishedTasks": 3,
        "AddedTasks": 2,
        "RemovedTasks": 1,
        "Degraded": 0,
        "Rounds": 2,
        "SyncDuration": 1234.6,
        "EventToPublish": 2500.0,
    }
    assert expected == figures(published(), 1.23456, 2.5)


@pytest.mark.parametrize("outcome", [Outcome.KEPT, Outcome.COALESCED, Outcome.SUPERSEDED])
def test_a_run_that_published_nothing_has_no_counts(outcome: Outcome) -> None:
    """A zero would be read as a service without tasks, and their many short times would hide
    how long a run takes."""
    expected = {outcome.value.capitalize(): 1}
    assert expected == figures(Report(outcome), 0.01, None)


def test_the_line_is_what_cloudwatch_reads() -> None:
    """One JSON object on one line: namespace, dimensions and units beside the figures."""
    text = metrics.line(
        "Games/Lobby", "arcade", "lobby", 1795365666.9761, {"Rounds": 2, "SyncDuration": 12.5}
    )
    expected = {
        "_aws": {
            "Timestamp": 1795365666976,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Games/Lobby",
                    "Dimensions": [["Cluster", "Service"]],
                    "Metrics": [
                        {"Name": "Rounds", "Unit": "Count"},
                        {"Name": "SyncDuration", "Unit": "Milliseconds"},
                    ],
                }
            ],
        },
        "Cluster": "arcade",
        "Service": "lobby",
        "Rounds": 2,
        "SyncDuration": 12.5,
    }
    assert expected == json.loads(text)
    assert "\n" not in text


def test_every_figure_is_within_cloudwatchs_bounds() -> None:
    """At most 100 metrics in a line, each declared and there, as a number; times in ms.

    docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    result = json.loads(metrics.line("N", "c", "s", 0.0, figures(published(), 1.0, 1.0)))
    declared = result["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    assert 0 < len(declared) <= 100
    for each in declared:
        assert isinstance(result[each["Name"]], (int, float))
    in_ms = {each["Name"] for each in declared if each["Unit"] == "Milliseconds"}
    assert {"SyncDuration", "EventToPublish"} == in_ms
