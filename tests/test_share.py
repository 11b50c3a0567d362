"""The section `share` of the benchmarks: what is counted, and what it is held against."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from benchmarks import deployment, withdrawal
from benchmarks.contest import OURS, STRAIGHTFORWARD, Contest
from simulator.processes import wait_until

if TYPE_CHECKING:
    from conftest import Start

    from simulator import Simulator

MEMORY = 256


def test_the_busiest_minute_holds_the_most_calls() -> None:
    """A window begins at a call and leaves out what comes when it is over."""
    assert 0 == deployment.busiest([], 60)
    assert 1 == deployment.busiest([0.0, 60.0, 120.0], 60)
    assert 3 == deployment.busiest([0.0, 50.0, 55.0, 109.0, 200.0], 60)


def test_a_percentile_is_one_of_the_values() -> None:
    """The 99th of sixty is the highest of them, the 50th of four the second."""
    assert 60 == deployment.percentile(range(1, 61), 99)
    assert 2 == deployment.percentile([4, 1, 3, 2], 50)


def test_an_event_counts_until_a_listing_after_it_is_published(
    aws: Simulator, start: Start
) -> None:
    """A listing that had begun before the event does not answer it."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(3)
    function = start(aws.settings(service, OURS))
    with deployment.Publications(aws) as publications:
        function.invoke({})
        wait_until(lambda: bool(publications.seen), "the first listing is seen")
        between = time.monotonic()
        aws.valkey.client().delete(f"{{{OURS}}}:ratelimit")
        function.invoke({})
        assert between < publications.after(between) < time.monotonic()


def test_a_change_is_seen_when_it_is_announced(aws: Simulator, start: Start) -> None:
    """A task that runs is added, and one that stops is removed, by its address."""
    service = aws.ecs.create_service("arcade", "lobby")
    (old,) = service.start_tasks(1)
    function = start(aws.settings(service, OURS))
    function.invoke({})
    aws.events.take()
    with deployment.Changes(aws) as changes:
        began = time.monotonic()
        old.stop()
        (gone,) = aws.events.take()
        function.invoke(gone)
        assert began < changes.of(gone)
        between = time.monotonic()
        service.start_task().announce()
        come = aws.events.take()[-1]
        function.invoke(come)
        assert between < changes.of(come)


def test_an_event_without_a_listing_ends_the_benchmark(
    aws: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A figure that leaves such an event out would be too good."""
    monkeypatch.setattr(deployment, "PATIENCE", 0.05)
    with (
        deployment.Publications(aws) as publications,
        pytest.raises(RuntimeError, match="not answered"),
    ):
        publications.after(time.monotonic())


def test_a_deployment_replaces_tasks_one_by_one(aws: Simulator) -> None:
    """Four events for each: the new task is pending, then runs; the old one stops, is stopped."""
    service = aws.ecs.create_service("arcade", "lobby")
    (old,) = service.start_tasks(1)
    aws.events.take()
    events = list(deployment.changes(aws, service))
    (new,) = service.running
    seen = [(each["detail"]["taskArn"], each["detail"]["lastStatus"]) for each in events]
    assert [
        (new.arn, "PENDING"),
        (new.arn, "RUNNING"),
        (old.arn, "DEACTIVATING"),
        (old.arn, "STOPPED"),
    ] == seen


def test_both_are_held_to_the_share(aws: Simulator) -> None:
    """A run takes longer than its CPU at the share, whatever else it waits for."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(100)
    with Contest(aws, service) as contest:
        for name in (OURS, STRAIGHTFORWARD):
            contest.run(name)
            held = contest.run(name, memory=MEMORY)
            # The quota of two periods may be used at once: at the first instant and at the last.
            assert held.wall > (held.cpu - 0.006) / (MEMORY / 1769), name
            assert len(contest.listed(name)) == 100


def test_a_withdrawal_is_seen_by_a_subscriber(aws: Simulator) -> None:
    """The time is that of the first message, which removes the task."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(2)
    with Contest(aws, service) as contest:
        for name in (OURS, STRAIGHTFORWARD):
            delay = withdrawal.out_of_the_list(aws, service, contest, name, MEMORY)
            assert 0 < delay < 10
