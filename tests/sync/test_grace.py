"""Law 5, one lost packet removes nobody: `decide` in all the corners of it."""

from __future__ import annotations

import pytest
from builders import NOT_RUNNING, decided, entries, held, opened, snapshot, task, why

from discovery.model import Exclusion, Probe, PublishedState

IP, OTHER, THIRD = "10.0.0.1", "10.0.0.2", "10.0.0.3"
A, B, C = task("a", IP), task("b", OTHER), task("c", THIRD)
REFUSED = {IP: Probe.REFUSED}
FAILURES = [Probe.REFUSED, Probe.TIMED_OUT, Probe.UNREACHABLE]


def test_one_failed_round_removes_no_task() -> None:
    """Law 5: a listed task that failed in the first round of several stays, and is waited for."""
    decision = decided(held(a=IP), snapshot(A), REFUSED)
    expected = (entries(a=IP), {"a"}, False)
    assert expected == (decision.entries, decision.failing, decision.settled)


@pytest.mark.parametrize("probe", FAILURES)
def test_a_listed_task_that_failed_in_every_round_is_dropped_in_the_last(probe: Probe) -> None:
    """Law 5's other side: refused, timed out or unreachable each time, it goes, with the reason."""
    decision = decided(held(a=IP), snapshot(A), {IP: probe}, {"a"}, last=True)
    assert {} == decision.entries
    assert (Exclusion("a", IP, probe.value),) == decision.excluded
    assert decision.settled


def test_a_run_of_one_round_decides_in_that_round() -> None:
    """With RETRY_COUNT=1 the first round is every round."""
    assert {} == decided(held(a=IP), snapshot(A), REFUSED, None, last=True).entries


@pytest.mark.parametrize("probe", FAILURES)
def test_a_task_that_passed_in_one_round_stays(probe: Probe) -> None:
    """Law 5: it failed in the last round, but not in every earlier one."""
    seen = snapshot(A, B)
    decision = decided(held(a=IP), seen, {IP: probe, OTHER: probe}, {"b"}, last=True)
    assert entries(a=IP) == decision.entries
    assert {"b"} == decision.failing


def test_failures_count_only_when_they_are_unbroken() -> None:
    """A round without a failed probe ends the row: only failures in every round count."""
    seen = snapshot(A, B, C)
    probes = {IP: Probe.OPEN, OTHER: Probe.UNANSWERED, THIRD: Probe.TIMED_OUT}
    assert {"c"} == decided(held(), seen, probes, {"a", "b", "c"}).failing


@pytest.mark.parametrize("probes", [{IP: Probe.UNANSWERED}, {}])
def test_a_listed_task_without_a_probe_result_stays(probes: dict[str, Probe]) -> None:
    """Law 5: the deadline came first, so nothing is known, and a listed task stays listed."""
    decision = decided(held(a=IP), snapshot(A), probes, {"a"}, last=True)
    assert (entries(a=IP), set()) == (decision.entries, decision.failing)
    assert not decided(held(a=IP), snapshot(A), probes).settled


def test_a_new_task_is_listed_only_once_it_passed() -> None:
    """Law 5 protects listed tasks only: a task that never passed a probe is excluded with a
    reason."""
    seen = snapshot(A, B)
    decision = decided(held(), seen, {IP: Probe.UNANSWERED, OTHER: Probe.REFUSED})
    assert {} == decision.entries
    assert {"a": "not reached before the deadline", "b": "connection refused"} == why(decision)
    assert not decision.settled


@pytest.mark.parametrize("last", [False, True])
def test_a_listed_task_that_ecs_reports_missing_stays(last: bool) -> None:
    """Law 5: MISSING can be propagation lag, so it does not prove a stop."""
    decision = decided(held(a=IP), snapshot(missing={"a"}), {}, {"a"}, last)
    assert (entries(a=IP), last) == (decision.entries, decision.settled)


def test_a_missing_task_that_is_not_listed_is_reported() -> None:
    """There is no address to list, and the next round describes the task again."""
    decision = decided(held(), snapshot(missing={"a"}), {})
    assert (Exclusion("a", None, "MISSING: ECS listed it and did not find it"),) == (
        decision.excluded
    )
    assert ({}, False) == (decision.entries, decision.settled)


@pytest.mark.parametrize(("last", "desired"), NOT_RUNNING)
def test_a_task_that_no_longer_runs_goes_at_once(last: str, desired: str) -> None:
    """Law 5: grace is for running tasks, so this one goes in the first round, open or not."""
    seen = snapshot(task("a", IP, last, desired), B)
    decision = decided(held(a=IP, b=OTHER), seen, opened(IP, OTHER), panic=100)
    assert entries(b=OTHER) == decision.entries
    assert {"a": f"not running: it is {last}, desired {desired}"} == why(decision)
    assert (1, 1, True) == (decision.running, decision.healthy, decision.settled)


def test_a_task_that_ecs_no_longer_lists_goes_at_once() -> None:
    """Law 5: a task that is absent from a complete listing is stopping or stopped."""
    decision = decided(held(a=IP, b=OTHER), snapshot(B), opened(OTHER))
    assert (entries(b=OTHER), ()) == (decision.entries, decision.excluded)


@pytest.mark.parametrize("before", [held(), held(a=IP)])
def test_a_task_that_ecs_calls_unhealthy_goes_at_once(before: PublishedState) -> None:
    """UNHEALTHY from the container's own health check excludes a task without waiting for a
    round."""
    seen = snapshot(task("a", IP, health="UNHEALTHY"))
    decision = decided(before, seen, opened(IP))
    assert {} == decision.entries
    assert {"a": "UNHEALTHY: its container health check fails"} == why(decision)
    assert (1, 0, True) == (decision.running, decision.healthy, decision.settled)


@pytest.mark.parametrize("health", ["HEALTHY", "UNKNOWN", ""])
def test_other_health_leaves_the_decision_to_the_port(health: str) -> None:
    """HEALTHY is no proof of an open port, and UNKNOWN is what most tasks have."""
    seen = snapshot(task("a", IP, health=health), task("b", OTHER, health=health))
    decision = decided(held(), seen, {IP: Probe.OPEN, OTHER: Probe.REFUSED}, last=True)
    assert entries(a=IP) == decision.entries


def test_a_listed_task_without_an_address_keeps_its_listed_address() -> None:
    """Law 5: the task still runs, so a missing address does not remove it."""
    assert entries(a=IP) == decided(held(a=IP), snapshot(task("a", None)), {}, last=True).entries
