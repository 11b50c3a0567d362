"""Rounds: how often a run looks again, what it publishes in between, and law 5."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from conftest import Start, listed
from redis_helpers import Subscriber, quick, rest, state

from simulator.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator import Call, Function, Invocation, Simulator
    from simulator.hosts import Port


def at_second_round(aws: Simulator, act: Callable[[], object]) -> None:
    """Do something when the listing of the second round begins."""
    aws.calls.clear()

    def hook(call: Call) -> None:
        if call.operation == "ListTasks" and len(aws.calls.of("ListTasks")) == 2:
            act()

    aws.on_call = hook


def between_rounds(aws: Simulator, function: Function, *acts: Callable[[], object]) -> Invocation:
    """Invoke, and act once after each round, while no task is being probed.

    The listed tasks are probed when a round begins, before anything could act on its listing.
    """
    listings = [state(aws)["listing"]]
    run = function.start({})
    for act in acts:
        wait_until(lambda: state(aws)["listing"] not in listings, "a round is over")
        listings.append(state(aws)["listing"])
        act()
    return run.result()


def test_a_run_ends_when_nothing_is_left_to_wait_for(aws: Simulator, start: Start) -> None:
    """If all running tasks are healthy, one round of five is enough. Other tasks are not waited
    for."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    service.start_task(status="PENDING")
    service.start_task(health="UNHEALTHY")

    answer = start(quick(aws, service, RETRY_COUNT="5")).invoke({}).answer

    assert (1, 1) == (answer["rounds"], len(aws.calls.of("ListTasks")))


def test_a_run_goes_round_again_until_the_last(aws: Simulator, start: Start) -> None:
    """While a task refuses, the service is listed RETRY_COUNT times, RETRY_INTERVAL apart."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task(port="closed")

    answer = start(quick(aws, service, RETRY_COUNT="3", RETRY_INTERVAL="0.4")).invoke({}).answer

    first, second, third = (call.at for call in aws.calls.of("ListTasks"))
    assert 3 == answer["rounds"]
    assert 0.4 <= second - first < 1.2
    assert 0.4 <= third - second < 1.2


def test_each_round_is_published(aws: Simulator, start: Start) -> None:
    """Listening tasks are listed after the first round, before the run waits for the others."""
    service = aws.ecs.create_service("arcade", "lobby")
    opens = service.start_task()
    service.start_task(port="closed")
    seen: list[list[str] | None] = []
    at_second_round(aws, lambda: seen.append(listed(aws)))

    start(quick(aws, service, RETRY_COUNT="2")).invoke({})

    assert [[opens.ip]] == seen


def test_a_task_that_begins_to_listen_is_listed_by_a_later_round(
    aws: Simulator, start: Start
) -> None:
    """A slow starter is listed by the run of its own RUNNING event, which ends right then."""
    service = aws.ecs.create_service("arcade", "lobby")
    slow = service.start_task(port="closed")
    at_second_round(aws, lambda: slow.port("listens"))

    answer = start(quick(aws, service, RETRY_COUNT="5")).invoke(aws.events.take()[-1]).answer

    assert ([slow.ip], 2, []) == (answer["added"], answer["rounds"], answer["excluded"])
    assert [slow.ip] == listed(aws)


def test_a_task_that_starts_between_rounds_is_listed_too(aws: Simulator, start: Start) -> None:
    """Each round lists afresh, so it finds tasks that started after the previous round."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task(port="closed")
    at_second_round(aws, lambda: service.start_tasks(2))

    answer = start(quick(aws, service, RETRY_COUNT="2")).invoke({}).answer

    assert [task.ip for task in service.tasks[1:]] == answer["added"] == listed(aws)


def test_with_one_round_the_first_failure_counts(aws: Simulator, start: Start) -> None:
    """With RETRY_COUNT=1 one failed probe excludes a task, listed or not."""
    service = aws.ecs.create_service("arcade", "lobby")
    fails = service.start_task()
    function = start(quick(aws, service, RETRY_COUNT="1"))
    function.invoke({})
    fails.port("closed")
    service.start_task(port="closed")
    aws.calls.clear()

    answer = function.invoke({}).answer

    assert (1, 1) == (answer["rounds"], len(aws.calls.of("ListTasks")))
    assert ([fails.ip], []) == (answer["removed"], listed(aws))


def test_a_listed_task_goes_only_if_it_fails_every_round(aws: Simulator, start: Start) -> None:
    """Law 5: refused or silent in two of three rounds, it stays; in all three, it goes."""
    service = aws.ecs.create_service("arcade", "lobby")
    stays, flaps, down = service.start_tasks(3)
    function = start(quick(aws, service, RETRY_COUNT="3", RETRY_INTERVAL="0.5"))
    function.invoke({})
    rest(aws)
    flaps.port("closed")
    down.port("closed")
    subscriber = Subscriber(aws)
    seen: list[list[str] | None] = []

    def second() -> None:
        seen.append(listed(aws))
        flaps.port("listens")

    def third() -> None:
        seen.append(listed(aws))
        flaps.port("silent")

    answer = between_rounds(aws, function, second, third).answer

    # The first was never off the list, and the other was not before its last round.
    assert [[stays.ip, flaps.ip, down.ip]] * 2 == seen
    assert [([], [down.ip])] == [(each["added"], each["removed"]) for each in subscriber.messages()]
    assert [stays.ip, flaps.ip] == listed(aws)
    assert [(down.id, "connection refused")] == [
        (each["task"], each["reason"]) for each in answer["excluded"]
    ]


def test_one_lost_packet_removes_no_task(aws: Simulator, start: Start) -> None:
    """Law 5: a listed task that is silent for one round is never off the list."""
    service = aws.ecs.create_service("arcade", "lobby")
    task = service.start_task()
    function = start(quick(aws, service, RETRY_COUNT="2", RETRY_INTERVAL="0.5"))
    function.invoke({})
    rest(aws)
    task.port("silent")
    subscriber = Subscriber(aws)

    answer = between_rounds(aws, function, lambda: task.port("listens")).answer

    assert (2, [], []) == (answer["rounds"], answer["removed"], subscriber.messages())
    assert [task.ip] == listed(aws)


def test_failures_do_not_add_up_over_runs(aws: Simulator, start: Start) -> None:
    """Law 5 counts the rounds of one run: failures in two runs do not add up."""
    service = aws.ecs.create_service("arcade", "lobby")
    task, other = service.start_tasks(2)
    function = start(quick(aws, service, RETRY_COUNT="2", RETRY_INTERVAL="0.5"))
    function.invoke({})
    other.port("closed")
    turns: tuple[tuple[Port, Port], ...] = (("listens", "closed"), ("closed", "listens"))
    for first, second in turns * 2:
        rest(aws)
        task.port(first)
        done = between_rounds(aws, function, partial(task.port, second))
        assert task.ip not in done.answer["removed"]


def test_a_task_that_ecs_no_longer_runs_goes_at_once(aws: Simulator, start: Start) -> None:
    """Law 5 protects what ECS reports running: the rest is off the list after one round."""
    service = aws.ecs.create_service("arcade", "lobby")
    gone, stopping, stays = service.start_tasks(3)
    function = start(quick(aws, service, RETRY_COUNT="2"))
    function.invoke({})
    stays.port("closed")  # so that the run goes round again
    seen: list[list[str] | None] = []
    at_second_round(aws, lambda: seen.append(listed(aws)))
    gone.becomes("STOPPED")
    stopping.stop()

    function.invoke({})

    assert [[stays.ip]] == seen
