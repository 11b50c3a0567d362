"""Which tasks are listed, which are excluded, and why. Law 5 is tested in test_grace.py."""

from __future__ import annotations

import copy

import pytest
from builders import NOT_RUNNING, decided, entries, entry, held, opened, snapshot, task, why

from discovery.model import Decision, Probe, PublishedState, Snapshot, Task
from discovery.sync.decide import without

IP, OTHER, THIRD = "10.0.0.1", "10.0.0.2", "10.0.0.3"
A, B, C = task("a", IP), task("b", OTHER), task("c", THIRD)
REFUSED = {IP: Probe.REFUSED}


def test_a_running_task_whose_port_is_open_is_listed() -> None:
    """Its address and its family:revision; nothing is left to wait for."""
    expected = Decision({"a": entry(IP)}, (), frozenset(), 1, 1, False, True)
    assert expected == decided(held(), snapshot(A), opened(IP))


def test_no_tasks_is_an_empty_list() -> None:
    """A service scaled to zero has an empty list, at once."""
    expected = Decision({}, (), frozenset(), 0, 0, False, True)
    assert expected == decided(held(a=IP), snapshot(), {}, panic=50)


def test_a_withdrawn_task_does_not_come_back() -> None:
    """Law 4: ECS may still report a withdrawn task as running with an open port."""
    before = held(withdrawn={"a", "c"}, a=IP, c=THIRD)
    decision = decided(before, snapshot(A, B, missing={"c"}), opened(IP, OTHER), panic=100)
    assert entries(b=OTHER) == decision.entries
    assert "withdrawn: it is stopping" == why(decision)["a"]
    assert (1, 1, False) == (decision.running, decision.healthy, decision.degraded)


def test_below_the_panic_threshold_listed_tasks_that_run_are_kept() -> None:
    """Failed in every round or UNHEALTHY: with most of a service failing, the check is doubted."""
    sick = task("b", OTHER, health="UNHEALTHY")
    seen, probes = snapshot(A, sick, C), {IP: Probe.REFUSED, THIRD: Probe.OPEN}
    decision = decided(held(a=IP, b=OTHER), seen, probes, {"a"}, last=True, panic=34)
    assert entries(a=IP, b=OTHER, c=THIRD) == decision.entries
    assert (3, 1, True) == (decision.running, decision.healthy, decision.degraded)


@pytest.mark.parametrize(("panic", "kept"), [(0.0, False), (50.0, False), (50.1, True)])
def test_the_panic_threshold_is_a_share_of_the_running_tasks(panic: float, kept: bool) -> None:
    """One of two is 50 %: not below 50, below 50.1; and 0 switches it off."""
    seen, probes = snapshot(A, B, task("c", THIRD, "PENDING")), opened(OTHER) | REFUSED
    decision = decided(held(a=IP), seen, probes, {"a"}, last=True, panic=panic)
    assert (kept, kept) == (decision.degraded, "a" in decision.entries)


def test_panic_keeps_and_does_not_add() -> None:
    """Only a listed task is kept: one that never passed, or that is stopping, is not."""
    stopped = task("c", THIRD, "RUNNING", "STOPPED")
    before = held(withdrawn={"d"}, a=IP, c=THIRD, d="10.0.0.4")
    decision = decided(before, snapshot(A, B, stopped, task("d", "10.0.0.4")), {}, panic=100)
    assert entries(a=IP) == decision.entries
    assert {"b", "c", "d"} == why(decision).keys()


def test_zero_is_off_even_with_nothing_healthy() -> None:
    """Without the threshold a service whose tasks all failed each time has an empty list."""
    probes = {IP: Probe.REFUSED, OTHER: Probe.TIMED_OUT}
    decision = decided(held(a=IP, b=OTHER), snapshot(A, B), probes, {"a", "b"}, last=True)
    assert ({}, False) == (decision.entries, decision.degraded)


def test_a_reused_address_belongs_to_the_new_task() -> None:
    """ECS lost sight of the old task, and its address belongs to one that runs and passed."""
    seen = snapshot(task("b", IP, created_at=2.0), missing={"a"})
    decision = decided(held(a=IP), seen, opened(IP))
    assert entries(b=IP) == decision.entries
    assert {"a": "its address passed to task b"} == why(decision)


@pytest.mark.parametrize(("early", "late"), [("a", "b"), ("b", "a")])
def test_of_two_claimants_the_later_has_the_address(early: str, late: str) -> None:
    """If ECS reports two running tasks with one address, the later task has it."""
    seen = snapshot(task(early, IP, created_at=1.0), task(late, IP, created_at=2.0))
    for each in (seen, snapshot(*reversed(seen.tasks))):
        decision = decided(held(**{early: IP}), each, opened(IP))
        assert entries(**{late: IP}) == decision.entries
        assert {early: f"its address passed to task {late}"} == why(decision)


def test_a_listed_task_keeps_its_address_from_one_that_has_not_passed() -> None:
    """A task that has not passed a probe does not take a listed task's address."""
    late = task("b", IP, "PENDING", created_at=2.0)
    assert entries(a=IP) == decided(held(a=IP), snapshot(A, late), opened(IP)).entries


def test_a_task_without_an_address_is_reported_and_not_waited_for() -> None:
    """A task without an address is excluded at once, as a further round would not change it."""
    decision = decided(held(), snapshot(task("a", None)), {})
    expected = "no address: its ENI is unknown (network mode awsvpc is required)"
    assert {"a": expected} == why(decision)
    assert (1, 0, True) == (decision.running, decision.healthy, decision.settled)


def test_a_listed_task_is_listed_with_the_address_it_has_now() -> None:
    """The address in ECS is newer than the address in the list."""
    decision = decided(held(a=IP), snapshot(task("a", OTHER)), opened(OTHER))
    assert entries(a=OTHER) == decision.entries


def test_a_run_settles_when_nothing_that_runs_is_left_to_wait_for() -> None:
    """Starting, stopping, UNHEALTHY and addressless tasks are not; a failing one is."""
    hopeless = (
        task("b", OTHER, "PENDING"),
        task("c", THIRD, "RUNNING", "STOPPED"),
        task("d", "10.0.0.4", health="UNHEALTHY"),
        task("e", None),
    )
    assert decided(held(), snapshot(A, *hopeless), opened(IP)).settled
    assert not decided(held(), snapshot(A, *hopeless), REFUSED).settled
    assert decided(held(), snapshot(A, *hopeless), REFUSED, last=True).settled


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (A, True),
        (task("a", IP, health="HEALTHY"), True),
        (task("a", IP, health="UNHEALTHY"), False),
        (task("a", None), False),
        *((task("a", IP, last, desired), False) for last, desired in NOT_RUNNING),
    ],
)
def test_a_task_is_probed_only_if_the_result_matters(one: Task, expected: bool) -> None:
    """Running, with an address, and not UNHEALTHY by ECS's own word."""
    assert expected is one.needs_probe


def test_the_reasons_come_in_order_and_the_inputs_stay_as_they_were() -> None:
    """It is pure: what goes in is not changed, and the same again gives the same again."""
    before = PublishedState(7, 7, entries(a=IP, c=THIRD, z="10.0.0.9"), {"c"})
    seen = Snapshot((C, task("b", None), A), {"z", "y"}, 2)
    probes, failed = dict(REFUSED), {"a"}
    kept = copy.deepcopy((before, seen, probes, failed))

    first = decided(before, seen, probes, failed, last=True)

    assert ["a", "b", "c", "y"] == [each.task for each in first.excluded]
    assert first == decided(before, seen, probes, failed, last=True)
    assert kept == (before, seen, probes, failed)


def test_a_decision_without_what_was_withdrawn_after_it() -> None:
    """It lists the others, and says why the withdrawn task is left out; all else is as it was."""
    made = decided(held(), snapshot(task("a", IP), task("b", OTHER)), opened(IP, OTHER))
    left = without(made, frozenset("b"))
    assert entries(a=IP) == left.entries
    assert {"b": "withdrawn: it is stopping"} == why(left)
    assert (made.running, made.healthy, made.settled) == (left.running, left.healthy, left.settled)
    assert made is without(made, frozenset())
