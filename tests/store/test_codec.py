"""The JSON in the keys: exact where we write it, lenient where we read it."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from builders import NAME, entries, entry, held

from discovery.addresses import changes, in_order
from discovery.store.codec import published_state as read
from discovery.store.codec import render, status
from discovery.text import iso

NOW = "2026-11-22T16:41:06Z"


def stored(
    text: str | None, state: dict[str, str], *withdrawn: str, now: int = 0, listing: int = 1
) -> list[Any]:
    """What the script answers with: generation, list, state, withdrawn, now, listing."""
    flat = [each for pair in state.items() for each in pair]
    return [1, text, flat, list(withdrawn), now, listing]


def items(*ips: str, **more: Any) -> str:
    return json.dumps([{"ip": ip, "task_name": NAME, **more} for ip in ips])


def test_the_list_is_json_of_exactly_the_contracts_items() -> None:
    """ip, task_name, update_time and status, in this order and with nothing beside them."""
    expected = (
        '[{"ip":"10.0.0.1","task_name":"lobby:7",'
        '"update_time":"2026-11-22T16:41:06Z","status":"RUNNING"},'
        '{"ip":"10.0.0.2","task_name":"arena:12",'
        '"update_time":"2026-11-22T16:41:06Z","status":"RUNNING"}]'
    )
    listed = {"b": entry("10.0.0.2", "arena:12"), "a": entry("10.0.0.1")}
    assert expected == render(listed, {}, NOW).text


def test_no_tasks_is_an_empty_array() -> None:
    """`[]`, where Lua's own encoder would make it `{}`."""
    assert ("[]", "{}", "{}") == render({}, {}, NOW)


def test_the_list_is_sorted_by_address_as_numbers() -> None:
    """10.0.0.9 before 10.0.0.10; IPv6 after IPv4, by value and not by spelling."""
    expected = ["9.255.255.255", "10.0.0.9", "10.0.0.10", "10.0.1.1", "fd00::9", "fd00::10"]
    listed = entries(a=expected[5], b=expected[2], c=expected[0], d=expected[4], e=expected[3])
    text, _, _ = render(listed | entries(f=expected[1]), {}, NOW)
    assert expected == [item["ip"] for item in json.loads(text)]
    assert ["fd00::", "fd00:0:0::1", "FD00::2"] == in_order(["FD00::2", "fd00:0:0::1", "fd00::"])


@pytest.mark.parametrize("odd", ["", "lobby.internal", "10.0.0", "1\0", "::x", "\ud800", "fe80:"])
def test_what_is_no_address_is_sorted_last(odd: str) -> None:
    """Other hands may have put anything there; sorting does not fail over it."""
    assert ["10.0.0.1", "fd00::1", odd] == in_order([odd, "fd00::1", "10.0.0.1"])


def test_changes_are_of_addresses_and_in_order() -> None:
    """What readers see come and go: an address handed on from task to task is no change."""
    before = entries(a="10.0.0.10", b="10.0.0.9", c="10.0.0.3")
    after = entries(d="10.0.0.3", e="10.0.0.20", f="10.0.0.7")
    assert (["10.0.0.7", "10.0.0.20"], ["10.0.0.9", "10.0.0.10"]) == changes(before, after)
    assert ([], []) == changes(after, dict(reversed(after.items())))


def test_what_was_written_is_read_back() -> None:
    """List and state together give the tasks that are listed, each with address and name."""
    listed = entries(a="10.0.0.1", b="fd00::1")
    text, tasks, items = render(listed, {}, NOW)
    answer = stored(text, {"tasks": tasks, "items": items}, "c")
    assert held(withdrawn={"c"}, a="10.0.0.1", b="fd00::1") == read(answer)


def test_confirmed_tasks_are_read_back_with_their_creation() -> None:
    """A confirmed task has a fourth number, and a task that must be looked at has none."""
    text, tasks, items = render(entries(a="10.0.0.1", b="10.0.0.2"), {"b": 1764000000.25}, NOW)
    state = read(stored(text, {"tasks": tasks, "items": items}))
    assert {"b": 1764000000.25} == state.confirmed
    assert {"a", "b"} == state.entries.keys()


@pytest.mark.parametrize("moment", ["0", "-5", "1e300", "NaN", "null", '"1764000000"', "[1]", "{}"])
def test_a_creation_that_cannot_be_understood_confirms_nothing(moment: str) -> None:
    """Such a task is listed, and is looked at by every run."""
    state = {"tasks": '{"a":"10.0.0.1"}', "items": f'{{"a":[80,1,99,{moment}]}}'}
    assert held(a="10.0.0.1") == read(stored(items("10.0.0.1"), state))


def test_a_withdrawn_task_confirms_nothing() -> None:
    """What was withdrawn is neither listed nor confirmed."""
    text, tasks, items = render(entries(a="10.0.0.1"), {"a": 5.0}, NOW)
    state = read(stored(text, {"tasks": tasks, "items": items}, "a"))
    assert ({}, {}) == (state.entries, state.confirmed)


def test_a_withdrawn_task_is_not_listed_though_the_published_map_has_it() -> None:
    """The map of tasks is as published: a task that was withdrawn since is in the other set."""
    listed = entries(a="10.0.0.1", b="10.0.0.2")
    text, tasks, items = render(listed, {}, NOW)
    answer = stored(text, {"tasks": tasks, "items": items}, "a")
    assert held(withdrawn={"a"}, b="10.0.0.2") == read(answer)


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        (None, '{"a":"10.0.0.1"}'),
        (items("10.0.0.2"), '{"a":"10.0.0.1"}'),
        (items("10.0.0.1"), "{}"),
        (items("10.0.0.1"), '{"a":"10.0.0.2"}'),
    ],
)
def test_listed_is_only_what_list_and_state_both_tell_of(text: str | None, tasks: str) -> None:
    """The list may have expired or been replaced: nobody is kept on the state's word alone."""
    assert held() == read(stored(text, {"tasks": tasks, "items": '{"a":[80,1,99]}'}))


DEEP = "[" * 200_000
BROKEN = [
    None, "", " ", "null", "{", "[", "]", "[]", "{}", "5", "-0.0", "NaN", "true", "nonsense",
    "'[]'", '"10.0.0.1"', '[1,null,true,[],{},"10.0.0.1"]', '[{"ip":"10.0.0.1"}]',
    '[{"task_name":"x"}]', '[{"ip":5,"task_name":"x"}]', '[{"ip":null,"task_name":"x"}]',
    '[{"ip":"10.0.0.1","task_name":[]}]',
    items("10.0.0.1")[:-1], items("10.0.0.1") + "x", f"[{items('10.0.0.1')}]", "\ufeff[]", "\ufffd",
    DEEP, '{"a":' * 200_000, "9" * 10_000, "[" + "9" * 10_000 + "]", '["\\ud800"]',
]  # fmt: skip


@pytest.mark.parametrize("text", BROKEN)
def test_a_list_that_cannot_be_understood_counts_as_absent(text: str | None) -> None:
    """Broken JSON of every kind: no error, and nobody is listed until the next publication."""
    answer = stored(text, {"tasks": '{"a":"10.0.0.1"}'})
    assert held() == read(answer)
    assert [] == status(answer)["tasks"]


@pytest.mark.parametrize("tasks", [*BROKEN, '{"a":5}', '{"a":null}', '{"a":["10.0.0.1"]}'])
def test_a_state_that_cannot_be_understood_counts_as_absent(tasks: str | None) -> None:
    """The same of the task ids in the state."""
    state = {} if tasks is None else {"tasks": tasks}
    assert held() == read(stored(items("10.0.0.1"), state))


def test_a_broken_item_spoils_no_other() -> None:
    """What can be understood is used."""
    text = f'[{{"ip":7}},{items("10.0.0.1")[1:-1]},null]'
    state = {
        "tasks": '{"a":"10.0.0.1","b":8,"c":"10.0.0.1"}',
        "items": '{"a":[80,1,99],"b":[],"c":7}',
    }
    answer = stored(text, state)
    assert held(a="10.0.0.1") == read(answer)
    assert ["10.0.0.1"] == [item["ip"] for item in status(answer)["tasks"]]


def test_status_tells_what_is_listed_and_how_old_it_is() -> None:
    """For a person: the list as it stands, its age in seconds and the figures beside it."""
    text, _, _ = render(entries(a="10.0.0.1"), {}, NOW)
    state = {"observed_at": NOW}
    state |= {"running": "3", "healthy": "1", "degraded": "1", "full": "9000"}
    answer = stored(text, state, "b", "c", now=12_500, listing=10_000)
    expected = {
        "tasks": [
            {"ip": "10.0.0.1", "task_name": NAME, "update_time": NOW, "status": "RUNNING"},
        ],
        "generation": 1,
        "observed_at": NOW,
        "age_seconds": 2.5,
        "full_age_seconds": 3.5,
        "running": 3,
        "healthy": 1,
        "degraded": True,
        "withdrawn": 2,
    }
    assert expected == status(answer)


def test_status_of_nothing() -> None:
    """Before the first publication there is no list, and it has no age."""
    expected = {
        "tasks": [],
        "generation": 0,
        "observed_at": None,
        "age_seconds": None,
        "full_age_seconds": None,
        "running": 0,
        "healthy": 0,
        "degraded": False,
        "withdrawn": 0,
    }
    assert expected == status([0, None, [], [], 10_000, 0])


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "1e9", "nan", "9" * 400, "9" * 5000])
def test_status_survives_absurd_numbers(text: str) -> None:
    """Other hands may have put anything into the state: the answer is still plain JSON."""
    state = dict.fromkeys(("running", "healthy", "degraded"), text)
    json.dumps(status(stored(None, state)), allow_nan=False)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_status_answers_with_json_whatever_the_list_holds(value: Any) -> None:
    """What Python's decoder lets through (NaN, half a character) is not JSON for the caller."""
    answer = status(stored(items("10.0.0.1", update_time=value), {}))
    json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()


def test_times_are_utc_to_the_second() -> None:
    """As the contract writes them, the fraction cut off and not rounded up."""
    moment = datetime(2026, 11, 22, 16, 41, 6, 999_000, timezone.utc)
    assert NOW == iso(moment.timestamp())
    assert "1970-01-01T00:00:00Z" == iso(0)
