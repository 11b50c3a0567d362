"""Law 2: of two runs that overlap, the one that listed first does not write last."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

import pytest
from conftest import Start, listed
from redis_helpers import PREFIX, Subscriber, everything, quick, rest, state, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator import Call, Simulator

PATIENCE = 10.0  # seconds


class Held:
    """The first call of an operation, held on its way to AWS."""

    def __init__(self) -> None:
        self.reached, self.released = Event(), Event()

    def wait(self) -> None:
        assert self.reached.wait(PATIENCE)


@contextmanager
def holding(aws: Simulator, operation: str) -> Iterator[Held]:
    held = Held()

    def hook(call: Call) -> None:
        if call.operation == operation and not held.reached.is_set():
            held.reached.set()
            held.released.wait(PATIENCE)

    aws.on_call = hook
    yield held
    held.released.set()


def lose_the_lease(aws: Simulator) -> None:
    """As if the run at work had been frozen for longer than its lease."""
    aws.valkey.client().delete(f"{PREFIX}:lease")
    rest(aws)


@pytest.mark.parametrize("change", ["a task started", "a task stopped"])
def test_a_slower_run_does_not_overwrite_a_newer_list(
    aws: Simulator, start: Start, change: str
) -> None:
    """What an older listing did not know is not undone by it, not even for a moment."""
    service = aws.ecs.create_service("arcade", "lobby")
    first, second = service.start_tasks(2)
    slow, fast = start(quick(aws, service)), start(quick(aws, service))
    with holding(aws, "DescribeTasks") as held:
        answer = slow.start({})
        held.wait()
        if change == "a task started":
            service.start_task()
        else:
            second.stop()
        lose_the_lease(aws)
        newer = fast.invoke({}).answer
        before, subscriber = text(aws), Subscriber(aws)
        # Somebody else is at work when the slow one goes on, so it may not begin again.
        aws.valkey.client().set(f"{PREFIX}:lease", "a third run", px=8000)
        held.released.set()
        said = answer.result()

    assert "superseded" == said.answer["outcome"]
    assert (before, []) == (text(aws), subscriber.messages())
    assert str(newer["generation"]) == state(aws)["generation"]
    assert {
        "a task started": [task.ip for task in service.tasks],
        "a task stopped": [first.ip],
    }[change] == listed(aws)
    assert 1 == sum("a newer listing is published" in line for line in said.log)


def test_a_superseded_run_lists_again_if_nobody_else_does(aws: Simulator, start: Start) -> None:
    """Its request is answered by a listing of its own that begins after the newer one."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    slow, fast = start(quick(aws, service)), start(quick(aws, service))
    subscriber = Subscriber(aws)
    with holding(aws, "DescribeTasks") as held:
        answer = slow.start({})
        held.wait()
        service.start_task()
        lose_the_lease(aws)
        newer = fast.invoke({}).answer
        third = service.start_task()
        held.released.set()
        said = answer.result().answer

    assert ("published", [third.ip]) == (said["outcome"], said["added"])
    assert newer["generation"] < said["generation"]
    assert [task.ip for task in service.tasks] == listed(aws)
    assert [] == [message["removed"] for message in subscriber.messages() if message["removed"]]


def test_a_run_that_lost_its_place_takes_nothing_from_the_next(
    aws: Simulator, start: Start
) -> None:
    """Neither its renewals nor its end touch a lease that is another run's by now."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    client = aws.valkey.client()
    with holding(aws, "DescribeTasks") as held:
        answer = start(quick(aws, service)).start({})
        held.wait()
        client.set(f"{PREFIX}:lease", "another run", px=8000)
        moment = everything(aws)[f"{PREFIX}:lease"]
        held.released.set()
        said = answer.result()

    # Its listing is still the newest, so what it saw is written all the same.
    assert ("published", [service.tasks[0].ip]) == (said.answer["outcome"], listed(aws))
    assert moment == everything(aws)[f"{PREFIX}:lease"]


def test_a_withdrawal_supersedes_a_listing_that_began_before_it(
    aws: Simulator, start: Start
) -> None:
    """Law 4 through a slower run: the task that is stopping does not come back, or flicker."""
    service = aws.ecs.create_service("arcade", "lobby")
    stops, stays = service.start_tasks(2)
    slow, fast = start(quick(aws, service)), start(quick(aws, service))
    fast.invoke({})
    rest(aws)
    service.freeze_listing()  # ECS itself lags: it goes on calling the task RUNNING
    subscriber = Subscriber(aws)
    with holding(aws, "DescribeTasks") as held:
        answer = slow.start({})
        held.wait()
        stops.stop()
        assert "coalesced" == fast.invoke(aws.events.take()[-1]).answer["outcome"]
        assert [stays.ip] == listed(aws)
        held.released.set()
        said = answer.result().answer

    reasons = [(each["task"], each["reason"]) for each in said["excluded"]]
    assert [(stops.id, "withdrawn: it is stopping")] == reasons
    assert [stays.ip] == listed(aws)
    assert [([], [stops.ip])] == [
        (each["added"], each["removed"]) for each in subscriber.messages()
    ]
