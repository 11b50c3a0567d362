"""Which version is kept: the real script in a real Valkey, whoever writes and in what order."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from builders import TASK_ID, task_change
from history_histories import play
from redis_helpers import PREFIX, a_registry, rest, state

from discovery.deadline import Deadline
from discovery.history.records import change, gone
from discovery.model import KeptVersion, StoredChange
from discovery.stop_codes import GONE
from discovery.store.client import ScriptClient, open_client
from discovery.store.history import History, part
from discovery.store.registry import ScriptPart
from discovery.task_record import TaskRecord, task_record

if TYPE_CHECKING:
    from simulator import Simulator

TASKS, INSTANCES, STOPPED = (f"{PREFIX}:{name}" for name in ("tasks", "instances", "stopped"))
DAY = 86_400.0


@pytest.fixture
def store(aws: Simulator) -> History:
    return a_store(aws)


def a_store(aws: Simulator) -> History:
    port = aws.valkey.port
    client = ScriptClient(lambda: open_client("127.0.0.1", port, False, False, None), "Redis", None)
    return History(client, PREFIX, Deadline(time.monotonic() + 60))


def task(version: int, last: str = "RUNNING", id: str = "a" * 32, **fields: Any) -> StoredChange:
    return change(TaskRecord(id, version, last, **fields))


def kept(store: History) -> dict[str, int]:
    return {id: each.version for id, each in store.versions().items()}


@pytest.mark.timeout(110)
@pytest.mark.parametrize("half", [0, 1])
def test_the_highest_version_that_arrived_is_kept(half: int) -> None:
    """Whatever the order, the duplicates and the failovers, and with two writers at once."""
    seeds = range(1, 121)[half::2]
    assert len(seeds) == sum(1 for _ in play(seeds))


def test_two_writers_at_the_same_time(aws: Simulator) -> None:
    """Each version is sent twice, by two writers that know nothing of each other."""
    versions = list(range(1, 301))

    def write(seed: int) -> None:
        own, order = a_store(aws), random.Random(seed).sample(versions, len(versions))
        for version in order:
            own.keep([task(version, "RUNNING" if version % 2 else "STOPPED")])

    writers = [threading.Thread(target=write, args=(seed,)) for seed in (1, 2)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert {"a" * 32: KeptVersion(300, "", stopped=True)} == a_store(aws).versions()


def test_versions_are_numbers(store: History) -> None:
    """10 comes after 9, and the highest that ECS could count to is exact."""
    for version, new in ((9, 1), (10, 1), (9, 0), (10, 0), (2**53 - 1, 1), (2**53 - 2, 0)):
        assert (version, new) == (version, store.keep([task(version)]))
    assert {"a" * 32: 2**53 - 1} == kept(store)


def test_an_equal_version_is_replaced_only_where_it_was_looked_at(store: History) -> None:
    """Another writer came in between: what was made from the older text is dropped."""
    bare = task(4)
    store.keep([bare])
    fuller = change(TaskRecord("a" * 32, 4, "RUNNING", health="HEALTHY"), bare.text)
    assert 0 == store.keep([fuller._replace(expected="")])
    assert 1 == store.keep([fuller])
    assert 0 == store.keep([fuller._replace(text=bare.text)])
    assert fuller.text == store.tasks(["a" * 32])["a" * 32]


def test_what_came_between_is_newer_than_gone(store: History) -> None:
    """A task is found to be gone while its stop event arrives: the event stays."""
    held = TaskRecord("a" * 32, 4, "RUNNING")
    store.keep([change(held)])
    marked = change(gone(held, 5.0), change(held).text)
    store.keep([task(5, "STOPPED", stopped_reason="Task stopped by user")])
    assert 0 == store.keep([marked])
    assert GONE not in store.tasks(["a" * 32])["a" * 32]


def test_what_stopped_is_kept_for_a_day(aws: Simulator, store: History) -> None:
    """And then deleted, by the next write or scheduled run; what lives stays for good."""
    now, client = time.time(), aws.valkey.client()
    old, new = "0" * 32, "1" * 32
    store.keep([task(9, "STOPPED", new, stopped=now - DAY + 60), task(3, id="2" * 32)])
    assert {new: 9, "2" * 32: 3} == kept(store)
    client.zadd(STOPPED, {new: now - DAY - 1})
    assert {"2" * 32: 3} == kept(store)
    assert 1 == store.keep([task(9, "STOPPED", old, stopped=now - DAY - 60)])
    assert ({"2" * 32: 3}, []) == (kept(store), client.zrange(STOPPED, 0, -1))
    assert -1 == client.ttl(TASKS)


def test_at_most_2000_stopped_tasks_are_kept(aws: Simulator, store: History) -> None:
    """The one that stopped first goes first, whatever the order in which they came."""
    now = time.time()
    ids = [f"{number:032x}" for number in range(2010)]
    changes = [task(5, "STOPPED", id, stopped=now - 5000 + n) for n, id in enumerate(ids)]
    random.Random(3).shuffle(changes)
    store.keep(changes)
    assert set(ids[10:]) == kept(store).keys()
    assert 2000 == aws.valkey.client().zcard(STOPPED)


def test_a_stop_in_the_future_is_taken_for_one_of_now(aws: Simulator, store: History) -> None:
    """A forged or skewed time keeps nothing for longer than a day; an unknown one does neither."""
    store.keep([task(5, "STOPPED", stopped=9e10), task(5, "STOPPED", "b" * 32)])
    client: Any = aws.valkey.client()
    scores = dict(client.zrange(STOPPED, 0, -1, withscores=True))
    assert all(0 <= time.time() - at < 60 for at in scores.values())
    assert 2 == len(scores)


def test_a_task_that_lives_again_is_not_deleted(aws: Simulator, store: History) -> None:
    """One that was taken for gone and is known again does not expire."""
    store.keep([task(5, "STOPPED")])
    store.keep([task(6, "RUNNING")])
    assert [] == aws.valkey.client().zrange(STOPPED, 0, -1)


def test_an_instance_that_left_is_kept_for_a_day_too(aws: Simulator, store: History) -> None:
    """INACTIVE is an instance's end; any other status lives."""
    client = aws.valkey.client()
    for version, status in ((1, "ACTIVE"), (2, "DRAINING"), (3, "INACTIVE")):
        text = f'["{"c" * 32}",{version},"{status}"]'
        stopped = 0.0 if status == "INACTIVE" else None
        store.keep([StoredChange("instance", "c" * 32, version, text, stopped)])
    assert (["c" * 32], ["c" * 32]) == (client.zrange(STOPPED, 0, -1), client.hkeys(INSTANCES))
    client.zadd(STOPPED, {"c" * 32: 1})
    store.versions()
    assert [] == client.hkeys(INSTANCES)


@pytest.mark.parametrize("junk", ["", "[]", "no JSON", '["x"]', '["x","9"]', "[1,2]", '["a",-1]'])
def test_what_somebody_else_wrote_is_replaced(aws: Simulator, store: History, junk: str) -> None:
    """A record that cannot be read is older than all, and does no harm before."""
    aws.valkey.client().hset(TASKS, "a" * 32, junk)
    assert -1 == kept(store)["a" * 32]
    assert 1 == store.keep([task(0)])
    assert {"a" * 32: 0} == kept(store)


def test_keys_of_another_kind_are_replaced(aws: Simulator, store: History) -> None:
    """As everywhere: a value of an unexpected kind counts as absent."""
    client = aws.valkey.client()
    for key in (TASKS, INSTANCES, STOPPED):
        client.set(key, "x")
    assert ([], []) == store.read()
    assert {} == store.tasks(["a" * 32])
    store.keep([task(3, "STOPPED")])
    assert {"a" * 32: 3} == kept(store)


def test_many_records_come_in_pages_and_whole(store: History) -> None:
    """Each comes once, with what a scheduled run needs to know of it."""
    described = task_change(last="RUNNING")["detail"] | {"healthStatus": "HEALTHY"}
    ids = [f"{number:032x}" for number in range(3000)]
    record = task_record(described)
    assert record
    store.keep([change(record._replace(id=id, version=n)) for n, id in enumerate(ids)])
    expected = {id: KeptVersion(n, "HEALTHY", stopped=False) for n, id in enumerate(ids)}
    assert expected == store.versions()
    assert 3000 == len(store.read()[0])
    assert set(ids[:700]) == store.tasks(ids[:700]).keys()


def test_an_event_is_kept_in_the_call_that_requests_a_listing(aws: Simulator) -> None:
    """No further round trip: one script call makes the request and keeps the record."""
    record = task_record(task_change()["detail"])
    assert record
    registry = a_registry(aws)
    registry.request()  # the server knows both scripts from here on
    also = a_registry(aws)
    also._with_request = part(PREFIX, change(record))
    assert also.request()
    rest(aws)
    client: Any = aws.valkey.client()
    calls = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    before = int(state(aws)["requested"])
    assert also.request()
    assert calls + 1 == client.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert before < int(state(aws)["requested"])
    assert {TASK_ID: 3} == kept(a_store(aws))


def test_what_goes_with_a_request_cannot_spoil_it(
    aws: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Its error is logged; the request is made, and its answer is true."""
    registry = a_registry(aws)
    for text in ("error('no')", "redis.call('GET')", "return redis.call('HGET', KEYS[1], 'x')"):
        caplog.clear()
        before = int(state(aws).get("requested", 0))
        aws.valkey.client().set("{ecs:task:iplist}:x", "no hash")
        registry._with_request = ScriptPart(
            text, ("{ecs:task:iplist}:x",), (), "the part failed", "Repair it."
        )
        assert registry.request()
        assert before < int(state(aws)["requested"])
        (logged,) = caplog.records
        assert ("ERROR", True, True) == (
            logged.levelname,
            logged.getMessage().startswith("the part failed: "),
            logged.getMessage().endswith(". Repair it."),
        )
    aws.valkey.client().set(f"{PREFIX}:lease", "another run", px=8000)
    assert not registry.request()
