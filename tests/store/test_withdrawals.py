"""Tasks that stop while a run is at work: publications and withdrawals in each other's way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from builders import entry
from conftest import KEY, listed
from redis_helpers import PREFIX, Subscriber, a_registry, quick, rest, state, text

from discovery.model import Decision, Grant, Published, PublishedState

if TYPE_CHECKING:
    from conftest import Start

    from discovery.store.registry import Registry
    from simulator import Call, Simulator

WITHDRAWN = f"{PREFIX}:withdrawn"


def granted(registry: Registry) -> Grant:
    answer = registry.acquire()
    while not isinstance(answer, Grant):
        answer = registry.acquire()
    return answer


def listing(**ips: str) -> Decision:
    """A decision that lists these tasks, all of them healthy."""
    entries = {task: entry(ip) for task, ip in ips.items()}
    return Decision(entries, (), frozenset(), len(ips), len(ips), degraded=False, settled=True)


def publish(registry: Registry, base: Grant, decision: Decision) -> Any:
    return registry.publish(base, base.state, decision, 2)


ONE, TWO, THREE, FOUR = (f"127.9.0.{n}" for n in range(1, 5))


def test_a_publication_is_not_refused_for_what_was_withdrawn(aws: Simulator) -> None:
    """Law 4: the tasks withdrawn since the listing began are left out, the others are listed."""
    registry = a_registry(aws)
    publish(registry, granted(registry), listing(a=ONE, b=TWO))
    base, subscriber = granted(registry), Subscriber(aws)
    assert ONE == registry.withdraw("a")
    assert registry.withdraw("c") is None  # new, and not listed yet

    answer = publish(registry, base, listing(a=ONE, b=TWO, c=THREE, d=FOUR))

    assert isinstance(answer, Published)
    assert {"a", "c"} == answer.withdrawn
    assert [TWO, FOUR] == listed(aws)
    changes = [(each["added"], each["removed"]) for each in subscriber.messages()]
    assert [([], [ONE]), ([FOUR], [])] == changes
    assert {"b": entry(TWO), "d": entry(FOUR)} == registry.read().entries


def test_an_address_that_passed_on_meanwhile_is_announced_again(aws: Simulator) -> None:
    """Readers heard that the withdrawn task's address went: they hear that it is back."""
    registry = a_registry(aws)
    publish(registry, granted(registry), listing(a=ONE, b=TWO))
    base, subscriber = granted(registry), Subscriber(aws)
    registry.withdraw("a")

    publish(registry, base, listing(e=ONE, b=TWO))

    changes = [(each["added"], each["removed"]) for each in subscriber.messages()]
    assert [([], [ONE]), ([ONE], [])] == changes
    assert [ONE, TWO] == listed(aws)


def test_a_publication_is_refused_for_an_older_one_that_came_between(aws: Simulator) -> None:
    """Law 5: what an older listing found healthy is known to the decision before it is dropped."""
    old, new = a_registry(aws, "old"), a_registry(aws, "new")
    older = granted(old)
    aws.valkey.client().delete(f"{PREFIX}:lease", f"{PREFIX}:ratelimit")
    newer = granted(new)
    publish(old, older, listing(a=ONE))

    answer = publish(new, newer, listing(b=TWO))

    assert isinstance(answer, PublishedState)
    assert {"a": entry(ONE)} == answer.entries
    assert [ONE] == listed(aws)


@pytest.mark.parametrize("order", ["abcd", "dcba", "bcad", "bdac", "cbda"])
def test_a_withdrawal_leaves_the_list_json_whatever_was_withdrawn_before(
    aws: Simulator, order: str
) -> None:
    """Blanks take an item's place, and its comma's: what is left is an array at each step."""
    registry = a_registry(aws)
    all_of_them = {"a": ONE, "b": TWO, "c": THREE, "d": FOUR}
    publish(registry, granted(registry), listing(**all_of_them))
    for task in order:
        assert all_of_them.pop(task) == registry.withdraw(task)
        assert list(all_of_them.values()) == listed(aws)
        assert registry.withdraw(task) is None  # the event came twice
        assert all_of_them.keys() == registry.read().entries.keys()
    assert "[]" == (text(aws) or "").replace(" ", "")
    publish(registry, granted(registry), listing())
    assert "[]" == text(aws)


def test_a_withdrawal_keeps_the_list_s_expiry(aws: Simulator) -> None:
    """REDIS_KEY_TTL goes on to count from the last publication."""
    registry = a_registry(aws)
    publish(registry, granted(registry), listing(a=ONE))
    aws.valkey.client().expire(KEY, 100)
    registry.withdraw("a")
    assert 0 < int(str(aws.valkey.client().ttl(KEY))) <= 100


def test_a_withdrawal_costs_the_replicas_little(aws: Simulator) -> None:
    """5,000 tasks listed: one withdrawal writes some hundred bytes, not the list and the map."""
    registry = a_registry(aws)
    addresses = [f"127.9.{n // 250}.{n % 250 + 1}" for n in range(5000)]
    tasks = {f"{n:032x}": ip for n, ip in enumerate(addresses)}
    publish(registry, granted(registry), listing(**tasks))
    client = aws.valkey.client()
    with client.monitor() as monitor:  # type: ignore[no-untyped-call]
        registry.withdraw(f"{2500:032x}")
        client.ping()
        written = 0
        while "PING" not in (command := monitor.next_command()["command"]):
            if command.split()[0] not in ("EVALSHA", "EVAL"):
                written += len(command)
    assert len(addresses) - 1 == len(listed(aws) or [])
    assert written < 2000


def test_a_run_publishes_in_its_first_round_while_tasks_stop(aws: Simulator, start: Start) -> None:
    """Three tasks stop between a listing and its publication: when the run lists again, for their
    events, the task that is new is in the list and they are not."""
    service = aws.ecs.create_service("arcade", "lobby")
    stopping, staying = service.start_tasks(3), service.start_task()
    worker, other = start(quick(aws, service)), start(quick(aws, service))
    worker.invoke({})
    other.invoke({"action": "status"})
    rest(aws)
    aws.events.take()
    new = service.start_task()
    aws.calls.clear()
    answers: list[str] = []
    seen: list[list[str] | None] = []

    def on_call(call: Call) -> None:
        if call.operation == "DescribeTasks" and new.id in str(call) and not answers:
            answers.append("grant")
            for task in stopping:
                task.stop()
            events = [event for event in aws.events.take() if event["detail"]["version"] > 1]
            answers.extend(other.invoke(event).answer["outcome"] for event in events)
        if call.operation == "ListTasks" and answers:
            seen.append(listed(aws))

    aws.on_call = on_call
    said = worker.invoke({})

    assert ["grant", "coalesced", "coalesced", "coalesced"] == answers
    assert [[staying.ip, new.ip]] == seen
    assert ("published", 2) == (said.answer["outcome"], said.answer["rounds"])
    publications = [line for line in said.log if "published generation" in line]
    assert [True, True] == [": 2 listed, " in line for line in publications]


def test_the_log_and_the_state_agree_on_what_is_left(aws: Simulator) -> None:
    """`S:state` has the map as it was published; without `S:withdrawn` it is the list."""
    registry = a_registry(aws)
    publish(registry, granted(registry), listing(a=ONE, b=TWO))
    registry.withdraw("b")
    left = aws.valkey.client().zrange(WITHDRAWN, 0, -1)
    tasks = json.loads(state(aws)["tasks"])
    assert ["b"] == left
    assert [ONE] == [ip for task, ip in tasks.items() if task not in left] == listed(aws)


def test_a_drained_task_is_off_the_list_until_it_is_reinstated(aws: Simulator) -> None:
    """Law 4 for a stop that is only planned: readers look away first, and it can be taken back."""
    registry, subscriber = a_registry(aws), Subscriber(aws)
    publish(registry, granted(registry), listing(a=ONE, b=TWO))
    assert ONE == registry.drain("a")
    assert [TWO] == listed(aws)
    assert {"a"} == registry.read().withdrawn
    publish(registry, base := granted(registry), listing(a=ONE, b=TWO))
    assert [ONE, TWO] == listed(aws), "this decision ignores tombstones, as no run does"
    registry.drain("a")

    assert registry.reinstate("a")

    assert frozenset() == registry.read().withdrawn
    assert registry.renew(base.token), "a listing is requested"
    assert not registry.reinstate("a"), "a repeated call changes nothing"
    assert subscriber.messages()


def test_a_task_that_is_stopping_cannot_be_reinstated(aws: Simulator) -> None:
    """Law 4: a stop event for a drained task is final, whatever is taken back afterwards."""
    registry = a_registry(aws)
    publish(registry, granted(registry), listing(a=ONE, b=TWO))
    registry.drain("a")
    registry.withdraw("a")

    registry.reinstate("a")

    assert {"a"} == registry.read().withdrawn
    publish(registry, granted(registry), listing(b=TWO))
    assert [TWO] == listed(aws)


def test_a_run_that_decided_before_a_drain_leaves_the_task_out(aws: Simulator) -> None:
    """A slower run does not bring a draining task back, as it does not a stopping one."""
    registry = a_registry(aws)
    publish(registry, granted(registry), listing(a=ONE, b=TWO))
    base = granted(registry)
    registry.drain("a")

    answer = publish(registry, base, listing(a=ONE, b=TWO))

    assert isinstance(answer, Published)
    assert {"a"} == answer.withdrawn
    assert [TWO] == listed(aws)


def test_a_task_that_came_back_while_a_run_listed_is_announced(aws: Simulator) -> None:
    """A reader of the messages heard that it was removed: the run decides again, on a list without
    the task, so that the message says that it is added."""
    registry = a_registry(aws)
    publish(registry, granted(registry), listing(a=ONE, b=TWO))
    base, subscriber = granted(registry), Subscriber(aws)
    registry.drain("a")
    registry.reinstate("a")

    state = publish(registry, base, listing(a=ONE, b=TWO))

    assert isinstance(state, PublishedState)
    assert {"b"} == state.entries.keys()
    assert isinstance(registry.publish(base, state, listing(a=ONE, b=TWO), 2), Published)
    assert [ONE, TWO] == listed(aws)
    changes = [(each["added"], each["removed"]) for each in subscriber.messages()]
    assert [([], [ONE]), ([ONE], [])] == changes


def test_two_tasks_on_one_host_are_two_items(aws: Simulator) -> None:
    """An endpoint is host and port: of two tasks on one host the right one is withdrawn."""
    registry = a_registry(aws)
    entries = {"a": entry(ONE, "lobby:7", 8080), "b": entry(ONE, "lobby:8", 8081)}
    both = Decision(entries, (), frozenset(), 2, 2, degraded=False, settled=True)
    publish(registry, granted(registry), both)

    assert registry.withdraw("a") == ONE

    (item,) = json.loads(text(aws) or "")
    assert "lobby:8" == item["task_name"]
    assert {"b"} == registry.read().entries.keys()
