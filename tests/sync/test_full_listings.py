"""What a run looks at: each task, or only the tasks that may have changed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from builders import NAME, PORT, decided, entries, held, opened, snapshot, task
from conftest import listed
from redis_helpers import PREFIX, a_registry, acquired, publication, quick, rest, state

from discovery.deadline import Deadline
from discovery.model import (
    Endpoint,
    Entry,
    Outcome,
    Page,
    Probe,
    PublishedState,
    ServiceRef,
    Snapshot,
    Task,
)
from discovery.probe.tcp import Prober
from discovery.sync.rounds import Policy
from discovery.sync.run import Dependencies, sync
from simulator import faults
from simulator.events import scheduled, service_action, task_state_change
from simulator.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conftest import Start

    from simulator import Simulator
    from simulator.ecs.services import Service
    from simulator.events import Event

STATE = f"{PREFIX}:state"


@pytest.fixture
def service(aws: Simulator) -> Service:
    return aws.ecs.create_service("arcade", "lobby")


def described(aws: Simulator) -> list[str]:
    """Ids of the tasks that were described since the calls were last cleared."""
    ids = [id for call in aws.calls.of("DescribeTasks") for id in call.parameters["tasks"]]
    return sorted(each.rpartition("/")[2] for each in ids)


def ids(*tasks: Any) -> list[str]:
    return sorted(each.id for each in tasks)


def probed(aws: Simulator, *tasks: Any) -> set[int]:
    """How often the tasks were probed. A host counts a connection when it accepts it."""
    return {aws.hosts.connections[each.ip] for each in tasks}


def until_probed(aws: Simulator, times: int, *tasks: Any) -> None:
    wait_until(lambda: probed(aws, *tasks) == {times}, f"they are probed {times} times")


def steady(service: Service) -> Event:
    """An event that names no task."""
    return service_action(service, "SERVICE_STEADY_STATE")


def test_an_event_describes_and_probes_only_what_may_have_changed(
    aws: Simulator, service: Service, start: Start
) -> None:
    """The task of the event, and each task that is not listed. The others stay as they are known,
    whatever the number of pages."""
    known = service.start_tasks(250)
    closed = service.start_task(port="closed")
    function = start(quick(aws, service, RETRY_COUNT="1"))
    function.invoke({})
    newcomer = service.start_task()
    aws.calls.clear()
    rest(aws)
    until_probed(aws, 1, *known)

    answer = function.invoke(task_state_change(newcomer.state)).answer

    assert ids(newcomer, closed) == described(aws)
    assert {1} == probed(aws, *known)
    assert (252, 251, [newcomer.ip]) == (answer["running"], answer["healthy"], answer["added"])
    assert sorted(each.ip for each in (*known, newcomer)) == sorted(listed(aws) or [])
    assert 3 == len(aws.calls.of("ListTasks"))


def test_a_task_that_ecs_no_longer_lists_leaves_the_list(
    aws: Simulator, service: Service, start: Start
) -> None:
    """Nothing keeps a known task that ECS does not list, and no call is needed to see it."""
    gone, stays = service.start_tasks(2)
    function = start(quick(aws, service))
    function.invoke({})
    gone.stop()
    aws.calls.clear()
    rest(aws)
    assert [gone.ip] == function.invoke(steady(service)).answer["removed"]
    assert ([stays.ip], ["ListTasks"]) == (listed(aws), [call.operation for call in aws.calls])


@pytest.mark.parametrize(
    "event", [scheduled(), {}, {"dry_run": True}], ids=["schedule", "manual", "dry run"]
)
def test_the_schedule_and_a_person_look_at_each_task(
    aws: Simulator, service: Service, start: Start, event: Event
) -> None:
    """Each task is described and probed, so one that ECS calls UNHEALTHY is found."""
    ill, well = service.start_tasks(2)
    function = start(quick(aws, service))
    function.invoke({})
    ill.health("UNHEALTHY")
    aws.calls.clear()
    rest(aws)
    until_probed(aws, 1, well)
    answer = function.invoke(event).answer
    assert ids(ill, well) == described(aws)
    until_probed(aws, 2, well)
    assert [ill.id] == [each["task"] for each in answer["excluded"]]


def test_an_event_describes_the_task_that_it_names(
    aws: Simulator, service: Service, start: Start
) -> None:
    """A listed task is looked at again when its event says that it runs."""
    named, other = service.start_tasks(2)
    function = start(quick(aws, service))
    function.invoke({})
    aws.calls.clear()
    rest(aws)
    until_probed(aws, 1, named, other)
    function.invoke(task_state_change(named.state))
    assert ids(named) == described(aws)
    until_probed(aws, 2, named)
    assert {1} == probed(aws, other)


def test_a_listed_task_that_failed_is_looked_at_by_every_run(
    aws: Simulator, service: Service, start: Start
) -> None:
    """Law 5: a task that stays listed though its probe failed is not taken as known, so it is
    dropped only for failures that this run has seen, and counts as healthy in none."""
    bad, good = service.start_tasks(2)
    function = start(quick(aws, service, PANIC_THRESHOLD_PERCENT="90", RETRY_COUNT="2"))
    function.invoke({})
    bad.port("closed")
    rest(aws)
    answer = function.invoke(scheduled()).answer
    assert (True, 1, 2) == (answer["degraded"], answer["healthy"], answer["running"])
    aws.calls.clear()
    rest(aws)
    answer = function.invoke(steady(service)).answer
    assert set(ids(bad)) == set(described(aws))
    assert (True, 1, 2) == (answer["degraded"], answer["healthy"], answer["running"])
    assert sorted([bad.ip, good.ip]) == sorted(listed(aws) or [])


def test_further_rounds_look_only_at_what_the_first_left_open(
    aws: Simulator, service: Service, start: Start
) -> None:
    """A run that waits for one task does not probe the others in each round."""
    good, slow = service.start_task(), service.start_task(port="closed")
    function = start(quick(aws, service, RETRY_COUNT="3"))
    assert 3 == function.invoke(scheduled()).answer["rounds"]
    assert [1, 3] == [described(aws).count(each.id) for each in (good, slow)]
    until_probed(aws, 1, good)


@pytest.mark.parametrize("newer", [True, False])
def test_a_known_task_keeps_when_it_was_created(
    aws: Simulator, service: Service, start: Start, newer: bool
) -> None:
    """If another task claims its address, the address belongs to the task created last."""
    first = service.start_task()
    other = service.start_task(ip=first.ip)
    known, claims = (first, other) if newer else (other, first)
    claims.hide()
    function = start(quick(aws, service, RETRY_COUNT="1"))
    function.invoke({})
    claims.show()
    aws.calls.clear()
    rest(aws)
    answer = function.invoke(steady(service)).answer
    assert [first.id] == [each["task"] for each in answer["excluded"]]
    assert (ids(claims), [known.ip]) == (described(aws), listed(aws))


def test_another_port_is_probed_at_once(aws: Simulator, service: Service, start: Start) -> None:
    """After a deployment with another HEALTH_CHECK_PORT no task is taken as known."""
    one = service.start_task()
    start(quick(aws, service)).invoke({})
    rest(aws)
    function = start(quick(aws, service, HEALTH_CHECK_PORT="9", RETRY_COUNT="1"))
    assert [one.ip] == function.invoke(steady(service)).answer["removed"]


def test_status_says_when_each_task_was_looked_at(
    aws: Simulator, service: Service, start: Start
) -> None:
    """`age_seconds` is that of the last listing, `full_age_seconds` that of the last full one."""
    service.start_task()
    function = start(quick(aws, service))
    function.invoke({})
    for name in ("full", "full_requested"):
        aws.valkey.client().hset(STATE, name, int(state(aws)[name]) - 30_000)
    rest(aws)
    function.invoke(steady(service))
    answer = function.invoke({"action": "status"}).answer
    assert 0 <= answer["age_seconds"] < 20
    assert 30 <= answer["full_age_seconds"] < 60


# Law 2, with tasks that are taken as known.


class OneTask:
    """ECS lists the one task that Redis confirms; meanwhile something else may happen."""

    def __init__(self, meanwhile: Any) -> None:
        self.meanwhile = meanwhile
        self.assumed: list[list[str]] = []

    def pages(
        self, _service: ServiceRef, known: Mapping[str, Task], full: bool, *_: Any
    ) -> Iterator[Page]:
        assert not full
        self.assumed.append(sorted(known))
        if len(self.assumed) == 1:
            self.meanwhile()
        ill = Task("a", NAME, "RUNNING", "RUNNING", "UNHEALTHY", Endpoint("10.0.0.1", PORT))
        yield Page([*known.values()] or [ill], [], 1)


def test_what_an_older_listing_dropped_does_not_come_back_as_known(aws: Simulator) -> None:
    """Law 2: between our grant and our publication an older listing drops the task that we have
    taken as known. Ours is dropped, and the next round looks at the task."""
    ours, older = a_registry(aws), a_registry(aws, "older")
    ours.publish(*publication(acquired(ours)))
    ours.release(None)
    slow = acquired(older)
    older.release(None)

    def drop() -> None:
        empty = decided(slow.state, snapshot(task("a", "10.0.0.1", health="UNHEALTHY")), {})
        assert {} == empty.entries
        older.publish(slow, slow.state, empty, 1)

    lister = OneTask(drop)
    dependencies = Dependencies(
        ServiceRef("arcade", "lobby", PORT), lister, ours, lambda: Prober(0.2, 10),
        Deadline(time.monotonic() + 30), time.sleep,
    )  # fmt: skip
    report = sync(dependencies, Policy(1, 0.1, 0), full=False)
    assert [["a"], []] == lister.assumed
    assert Outcome.PUBLISHED is report.outcome
    assert [] == listed(aws)


# The decision on tasks that are taken as known. Pure.


def known(*tasks: Task, among: tuple[Task, ...] = ()) -> Snapshot:
    return Snapshot((*tasks, *among), frozenset(), 1, frozenset(each.id for each in tasks))


def test_a_known_task_is_listed_healthy_and_confirmed_again() -> None:
    """It needs no probe, and nothing is left to wait for."""
    a, b = task("a", "10.0.0.1", created_at=7.5), task("b", "10.0.0.2", created_at=9.0)
    decision = decided(held(a="10.0.0.1"), known(a, among=(b,)), opened("10.0.0.2"), panic=100)
    assert entries(a="10.0.0.1", b="10.0.0.2") == decision.entries
    assert {"a": 7.5, "b": 9.0} == decision.confirmed
    assert (2, 2, False, True) == (
        decision.running, decision.healthy, decision.degraded, decision.settled,
    )  # fmt: skip


def test_a_withdrawn_known_task_is_not_listed() -> None:
    """Law 4: a tombstone counts more than what is known."""
    a = task("a", "10.0.0.1", created_at=7.5)
    decision = decided(held(withdrawn={"a"}), known(a), {})
    assert ({}, {}) == (decision.entries, decision.confirmed)


@pytest.mark.parametrize(("created_at", "winner"), [(5.0, "known"), (9.0, "other")])
def test_an_address_belongs_to_the_task_created_last_known_or_not(
    created_at: float, winner: str
) -> None:
    """A known task keeps when it was created, so an older one cannot take its address."""
    mine = task("known", "10.0.0.1", created_at=7.5)
    other = task("other", "10.0.0.1", created_at=created_at)
    decision = decided(held(known="10.0.0.1"), known(mine, among=(other,)), opened("10.0.0.1"))
    assert [winner] == list(decision.entries) == list(decision.confirmed)


def test_a_task_that_stays_without_an_open_port_is_not_confirmed() -> None:
    """Neither one whose probe failed, nor one that ECS cannot find: every run looks at them."""
    a = task("a", "10.0.0.1", created_at=7.5)
    state = PublishedState(
        1, 1, {"a": Entry(Endpoint("10.0.0.1", PORT), NAME), **entries(m="10.0.0.2")}, frozenset(),
        {"a": 7.5, "m": 8.0},
    )  # fmt: skip
    decision = decided(state, snapshot(a, missing={"m"}), {"10.0.0.1": Probe.TIMED_OUT})
    assert ({"a", "m"}, {}) == (set(decision.entries), decision.confirmed)


def test_a_task_that_runs_ends_the_wait_for_other_events(
    aws: Simulator, service: Service, start: Start
) -> None:
    """A run that leaves half of the rate limit's bucket to others lists at once when an event
    says that a task runs, though it waits for less urgent events."""
    service.start_task()
    run, event = start(quick(aws, service)), start(quick(aws, service))
    run.invoke({})
    event.invoke({"action": "status"})  # warm
    newcomer = service.start_task()
    # 35 of 40 calls are taken, and each is refilled in 108 ms: other events wait for 1.8 s.
    redis = aws.valkey.client()
    redis.set(f"{PREFIX}:ratelimit", 35, px=35 * 108)
    waiting = run.start(steady(service))
    wait_until(lambda: bool(redis.exists(f"{PREFIX}:lease")), "the run has the lease")
    assert newcomer.ip not in (listed(aws) or [])
    began = time.monotonic()
    assert "coalesced" == event.invoke(task_state_change(newcomer.state)).answer["outcome"]
    wait_until(lambda: newcomer.ip in (listed(aws) or []), "the new task is listed")
    assert time.monotonic() - began < 1.0
    assert "published" == waiting.result().answer["outcome"]


def test_the_task_of_an_event_is_described_once(
    aws: Simulator, service: Service, start: Start
) -> None:
    """A further round of the same run takes it as known, like every task that is listed."""
    service.start_tasks(2)
    run, other = start(quick(aws, service)), start(quick(aws, service))
    run.invoke({})
    other.invoke({"action": "status"})  # warm
    newcomer = service.start_task()
    rest(aws)
    aws.calls.clear()
    aws.faults.set("ListTasks", faults.slow(0.2))

    waiting = run.start(task_state_change(newcomer.state))
    wait_until(lambda: bool(aws.calls.of("ListTasks")), "the run lists")
    assert "coalesced" == other.invoke(steady(service)).answer["outcome"]

    assert 2 == waiting.result().answer["rounds"]
    assert ids(newcomer) == described(aws)
