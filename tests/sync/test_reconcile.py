"""What a reconcile leaves in Redis: the contract with the readers."""

from __future__ import annotations

import json
import re
import time
from calendar import timegm
from typing import TYPE_CHECKING, Any

import pytest
from conftest import KEY, Start, listed
from redis.crc import key_slot
from redis_helpers import PREFIX, Subscriber, everything, items, quick, rest, state, text

from simulator.events import scheduled, task_state_change

if TYPE_CHECKING:
    from simulator import Call, Simulator


def test_a_first_reconcile_writes_exactly_the_items_of_the_contract(
    aws: Simulator, start: Start
) -> None:
    """Each running task is an item of ip, task_name, update_time and status, and no other field."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.definition = "lobby:42"
    first, second = service.start_tasks(2)
    service.definition = "lobby:43"
    third = service.start_task()
    grant = int(time.time())

    assert "published" == start(quick(aws, service)).invoke({}).answer["outcome"]

    now = items(aws)[0]["update_time"]
    assert [
        {"ip": first.ip, "task_name": "lobby:42", "update_time": now, "status": "RUNNING"},
        {"ip": second.ip, "task_name": "lobby:42", "update_time": now, "status": "RUNNING"},
        {"ip": third.ip, "task_name": "lobby:43", "update_time": now, "status": "RUNNING"},
    ] == items(aws)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", now)
    assert grant <= timegm(time.strptime(now, "%Y-%m-%dT%H:%M:%SZ")) <= time.time()


def test_items_are_sorted_by_address_as_a_number(aws: Simulator, start: Start) -> None:
    """127.16.0.9 stands before 127.16.0.10, in whatever order the tasks started."""
    service = aws.ecs.create_service("arcade", "lobby")
    for last in (10, 100, 9, 2):
        service.start_task(ip=f"127.16.9.{last}")

    start(quick(aws, service)).invoke({})

    assert ["127.16.9.2", "127.16.9.9", "127.16.9.10", "127.16.9.100"] == listed(aws)


def test_a_service_without_tasks_is_an_empty_list(aws: Simulator, start: Start) -> None:
    """No task is `[]`, the same two characters before the first task and after the last."""
    service = aws.ecs.create_service("arcade", "lobby")
    function = start(quick(aws, service))

    function.invoke({})
    assert "[]" == text(aws)

    task = service.start_task()
    function.invoke({})
    assert [task.ip] == listed(aws)

    task.stop()
    answer = function.invoke({}).answer
    assert ("[]", [task.ip]) == (text(aws), answer["removed"])


def test_the_answer_describes_the_run(aws: Simulator, start: Start) -> None:
    """A run answers with each field that the contract names."""
    service = aws.ecs.create_service("arcade", "lobby")
    task, closed = service.start_task(), service.start_task(port="closed")
    function = start(quick(aws, service, RETRY_COUNT="2"))

    answer = function.invoke({}).answer

    assert 0 < answer.pop("duration_ms") < 5000
    assert {
        "outcome": "published",
        "generation": int(state(aws)["generation"]),
        "running": 2,
        "healthy": 1,
        "degraded": False,
        "rounds": 2,
        "added": [task.ip],
        "removed": [],
        "excluded": [{"task": closed.id, "ip": closed.ip, "reason": "connection refused"}],
    } == answer


def test_the_schedule_reconciles(aws: Simulator, start: Start) -> None:
    """A Scheduled Event finds a change for which no event arrived."""
    service = aws.ecs.create_service("arcade", "lobby")
    gone, stays = service.start_tasks(2)
    function = start(quick(aws, service))
    function.invoke(scheduled())
    assert [gone.ip, stays.ip] == listed(aws)

    gone.becomes("STOPPED")
    comes = service.start_task()

    answer = function.invoke(scheduled()).answer
    assert ([comes.ip], [gone.ip]) == (answer["added"], answer["removed"])
    assert [stays.ip, comes.ip] == listed(aws)


def test_the_state_shows_the_age_of_the_list(aws: Simulator, start: Start) -> None:
    """S:state holds the answer's generation, the items' time, the counts and task -> address."""
    service = aws.ecs.create_service("arcade", "lobby")
    task, closed = service.start_task(), service.start_task(port="closed")

    answer = start(quick(aws, service, RETRY_COUNT="1")).invoke({}).answer

    expected = state(aws)
    assert {
        "generation": str(answer["generation"]),
        "observed_at": items(aws)[0]["update_time"],
        "running": "2",
        "healthy": "1",
        "degraded": "0",
        "tasks": f'{{"{task.id}":"{task.ip}"}}',
    } == {
        name: expected[name]
        for name in expected
        if name not in {"clock", "requested", "full_requested", "full_calls", "items", "named"}
        and name not in {"listing", "full"}
    }
    ((_, start_at, length, created_at),) = json.loads(expected["items"]).values()
    assert task.state.created_at == created_at
    assert int(expected["listing"]) == int(expected["full"]) < answer["generation"]
    assert items(aws)[0] == json.loads((text(aws) or "")[start_at : start_at + length])
    assert closed.id not in expected["tasks"]


@pytest.mark.parametrize(
    ("key", "key_prefix"), [(KEY, PREFIX), ("{arcade}:lobby", "{arcade}:lobby")]
)
def test_companion_keys_share_the_slot_and_do_not_stay(
    aws: Simulator, start: Start, key: str, key_prefix: str
) -> None:
    """All keys hash to the list's slot, and only the list and its state have no expiry."""
    service = aws.ecs.create_service("arcade", "lobby")
    task = service.start_task()
    function = start(quick(aws, service, REDIS_KEY=key))
    seen: dict[str, int] = {}

    def look(_: Call) -> None:
        """In the midst of a run: milliseconds to live, by key."""
        client: Any = aws.valkey.client()
        seen.update({name: client.pttl(name) for name in client.scan_iter()})

    aws.on_call = look

    function.invoke({})
    stop = task_state_change(task.state) | {"detail-type": "ECS Task State Change"}
    stop["detail"]["desiredStatus"] = "STOPPED"
    function.invoke(stop)

    assert {
        key,
        *(f"{key_prefix}:{name}" for name in ("state", "lease", "ratelimit", "withdrawn")),
    } == {*seen}
    assert {key_slot(key.encode())} == {key_slot(name.encode()) for name in seen}
    assert {key, f"{key_prefix}:state"} == {name for name in seen if seen[name] == -1}


def test_a_list_without_refresh_expires_if_a_ttl_is_set(aws: Simulator, start: Start) -> None:
    """REDIS_KEY_TTL counts from each publication; a withdrawal leaves it; 0 means none."""
    service = aws.ecs.create_service("arcade", "lobby")
    task, other = service.start_tasks(2)
    client = aws.valkey.client()
    function = start(quick(aws, service, REDIS_KEY_TTL="60"))

    function.invoke({})
    client.expire(KEY, 5)
    function.invoke({})
    assert 55 < client.ttl(KEY) <= 60

    client.expire(KEY, 20)
    client.set(f"{PREFIX}:lease", "another run", px=8000)
    task.stop()
    assert "coalesced" == function.invoke(aws.events.take()[-1]).answer["outcome"]
    assert [other.ip] == listed(aws)
    assert 0 < client.ttl(KEY) <= 20

    client.delete(f"{PREFIX}:lease")
    start(quick(aws, service)).invoke({})
    assert -1 == client.ttl(KEY)


def test_a_message_goes_out_for_each_change_of_membership(aws: Simulator, start: Start) -> None:
    """A message on channel K has generation, added and removed. Without a change there is none."""
    service = aws.ecs.create_service("arcade", "lobby")
    first, second = service.start_tasks(2)
    subscriber = Subscriber(aws)
    function = start(quick(aws, service))

    answer = function.invoke({}).answer
    expected = {"generation": answer["generation"], "added": [first.ip, second.ip], "removed": []}
    assert [expected] == subscriber.messages()

    function.invoke({})
    assert [] == subscriber.messages()

    third = service.start_task()
    first.becomes("STOPPED")
    answer = function.invoke({}).answer
    expected = {"generation": answer["generation"], "added": [third.ip], "removed": [first.ip]}
    assert [expected] == subscriber.messages()


def test_generations_rise_with_every_publication(aws: Simulator, start: Start) -> None:
    """A reader can see which of two lists is newer, changed or not."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    function = start(quick(aws, service))
    generations = []
    for _ in range(3):
        generations.append(function.invoke({}).answer["generation"])
        assert str(generations[-1]) == state(aws)["generation"]
        rest(aws)
    assert sorted({*generations}) == generations


def test_a_service_that_does_not_change_keeps_its_keys(aws: Simulator, start: Start) -> None:
    """Between runs there are the list and its state, and nothing that grows with time."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(3)
    function = start(quick(aws, service))
    fields = []
    for _ in range(3):
        function.invoke({})
        rest(aws)
        assert [KEY, f"{PREFIX}:state"] == list(everything(aws))
        fields.append(sorted(state(aws)))
    assert [fields[0]] * 3 == fields
