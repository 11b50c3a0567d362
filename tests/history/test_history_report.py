"""What the history answers, from records alone; and which descriptions are news."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders import TASK_ID, instance_change, task_change

from discovery.errors import InvalidEventError
from discovery.history.reconcile import Collector, absent, is_news, merged
from discovery.history.records import gone, of_event, of_task
from discovery.history.report import answer
from discovery.history.request import Query, query
from discovery.model import KeptVersion
from discovery.stop_codes import GONE
from discovery.task_record import ContainerRecord, InstanceRecord, TaskRecord, to_json

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
ID = "a" * 32


def stopped(number: int, ago: float, **fields: Any) -> str:
    shape: dict[str, Any] = {
        "last_status": "STOPPED",
        "desired_status": "STOPPED",
        "stopped": NOW - ago,
    }
    return to_json(TaskRecord(f"{number:032x}", 7, **(shape | fields)))


def answered(*tasks: str, instances: tuple[str, ...] = (), **wanted: Any) -> dict[str, Any]:
    return answer(tasks, instances, Query(**wanted), NOW)


def ids(shown: dict[str, Any]) -> list[int]:
    return [int(each["task"], 16) for each in shown["tasks"]]


def test_the_newest_change_comes_first() -> None:
    """A change is the newest of a task's times; an instance's is that of its event."""
    born = to_json(TaskRecord(f"{1:032x}", 2, created=NOW - 30))
    shown = answered(born, stopped(2, 40, created=NOW - 999), stopped(3, 20, created=NOW - 5000))
    assert [3, 1, 2] == ids(shown)
    assert ("history", "2027-01-15T08:00:00.000Z") == (shown["outcome"], shown["at"])


def test_since_looks_back_some_minutes() -> None:
    """What changed before is left out, instances too."""
    old, new = (
        to_json(InstanceRecord("b" * 32, updated=NOW - 301)),
        to_json(InstanceRecord("c" * 32, updated=NOW - 299)),
    )
    shown = answered(stopped(1, 301), stopped(2, 299), instances=(old, new), since=5)
    assert ([2], ["c" * 32]) == (ids(shown), [each["instance"] for each in shown["instances"]])


def test_only_what_has_stopped() -> None:
    """A task that is stopping has not stopped yet, and an instance does not stop."""
    stopping = to_json(TaskRecord(f"{9:032x}", 5, "DEACTIVATING", "STOPPED"))
    shown = answered(
        stopped(1, 5), stopping, instances=(to_json(InstanceRecord(ID)),), stopped=True
    )
    assert ([1], []) == (ids(shown), shown["instances"])


@pytest.mark.parametrize(
    ("fields", "kind", "fault"),
    [
        ({"stop_code": "ServiceSchedulerInitiated",
          "stopped_reason": "Scaling activity initiated by (deployment ecs-svc/123)"},
         "scaling", False),
        ({"stop_code": "UserInitiated", "stopped_reason": "ecs-task-discovery recycle 4f2a91 3/7"},
         "recycled", False),
        ({"stop_code": "EssentialContainerExited",
          "containers": (ContainerRecord("app", 137, "OutOfMemoryError: Container killed"),)},
         "out_of_memory", True),
        ({"stop_code": "EssentialContainerExited", "containers": (ContainerRecord("app", 139),)},
         "segfault", True),
        ({"stop_code": "UserInitiated", "stopped_reason": "Task stopped by user",
          "containers": (ContainerRecord("app", 137),)},
         "killed_slow_shutdown", False),
        ({"stopped_reason": GONE}, "unseen", None),
    ],
)  # fmt: skip
def test_each_stop_is_explained_beside_the_words_of_ecs(
    fields: dict[str, Any], kind: str, fault: bool | None
) -> None:
    """Kind, fault, text and remedy; scaling, deployments and our own recycling are no faults."""
    (task,) = answered(stopped(1, 5, **fields))["tasks"]
    assert ["stop_code", "stopped_reason", "kind", "fault", "text", "remedy"] == list(task["stop"])
    assert (fields.get("stopped_reason", ""), fields.get("stop_code", "")) == (
        task["stop"]["stopped_reason"],
        task["stop"]["stop_code"],
    )
    assert (kind, fault) == (task["stop"]["kind"], task["stop"]["fault"])
    assert task["stop"]["text"]


def test_a_running_task_has_no_stop_and_no_blanks() -> None:
    """What ECS has not said is left out; an exit code of 0 is said."""
    record = TaskRecord(ID, 3, "RUNNING", "RUNNING", containers=(ContainerRecord("app", 0),))
    assert [
        {
            "task": ID,
            "version": 3,
            "last_status": "RUNNING",
            "desired_status": "RUNNING",
            "containers": [{"name": "app", "exit_code": 0}],
        }
    ] == answered(to_json(record))["tasks"]


def test_an_answer_that_is_too_long_says_what_was_cut() -> None:
    """The oldest go; what is left fits, and the count of the others is there."""
    tasks = [stopped(number, number, stopped_reason="x" * 700) for number in range(100)]
    full = answer(tasks, [], Query(), NOW)
    assert {"tasks": 0, "instances": 0} == full["cut"]
    some = answer(tasks, [to_json(InstanceRecord(ID))], Query(), NOW, limit=50_000)
    assert list(range(len(some["tasks"]))) == ids(some)
    assert 0 < len(some["tasks"]) < 100
    assert {"tasks": 100 - len(some["tasks"]), "instances": 1} == some["cut"]
    assert len(json.dumps(some["tasks"])) <= 50_000


def test_7000_tasks_of_the_longest_records_fit_into_lambdas_answer() -> None:
    """The whole answer has fewer bytes than Lambda lets through, even escaped."""
    many = tuple(ContainerRecord(f"app-{n}", 1, "ü" * 60, "sha256:123456789012") for n in range(6))
    tasks = [stopped(number, number, containers=many) for number in range(7000)]
    shown = answer(tasks, [], Query(), NOW)
    assert len(json.dumps(shown)) < 6_291_556
    assert 7000 == len(shown["tasks"]) + shown["cut"]["tasks"]
    assert shown["cut"]["tasks"] > 0


def test_records_that_cannot_be_read_are_left_out() -> None:
    """Somebody else's values in the keys spoil nothing."""
    shown = answered("", "no JSON", "[]", '["", 1]', stopped(1, 5), instances=("{}", "[3]"))
    assert ([1], []) == (ids(shown), shown["instances"])


def test_what_may_be_asked() -> None:
    """A task by id or ARN, minutes of a day, stopped or not."""
    arn = task_change()["detail"]["taskArn"]
    assert Query(TASK_ID) == query({"task": arn}) == query({"task": TASK_ID})
    assert Query(since=1.5, stopped=True) == query({"since": 1.5, "stopped": True})
    assert Query() == query({"stopped": False}) == query({})


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"task": ""}, "task"),
        ({"task": "arn:aws:ecs:x:task/"}, "task"),
        ({"task": ID, "since": 5}, "since"),
        ({"since": True}, "since"),
        ({"since": None}, "since"),
        ({"since": 1441}, "since"),
        ({"since": -1}, "since"),
        ({"since": float("nan")}, "since"),
        ({"stopped": "yes"}, "stopped"),
        ({"stopped": None}, "stopped"),
    ],
)
def test_odd_fields_are_named(params: dict[str, Any], field: str) -> None:
    """The error says which field is wrong."""
    with pytest.raises(InvalidEventError, match=rf"Invalid event: {field} is"):
        query(params)


# Which descriptions are news.

KEPT = KeptVersion(7, "HEALTHY", stopped=False)


@pytest.mark.parametrize(
    ("raw", "kept", "news"),
    [
        ({"version": 1}, None, True),
        ({"version": 8}, KEPT, True),
        ({"version": 7, "healthStatus": "HEALTHY"}, KEPT, False),
        ({"version": 7}, KEPT, False),
        ({"version": 6, "healthStatus": "UNHEALTHY"}, KEPT, False),
        ({"version": 7, "healthStatus": "UNHEALTHY"}, KEPT, True),
        ({"version": 7, "healthStatus": "UNKNOWN"}, KEPT._replace(health=""), True),
        ({"version": 7, "lastStatus": "RUNNING"}, KEPT._replace(stopped=True), True),
        ({"version": 7, "lastStatus": "STOPPED"}, KEPT._replace(stopped=True), False),
        ({"version": 10}, KEPT._replace(version=9), True),
        ({"version": 0}, KEPT._replace(version=-1), True),
    ],
)
def test_only_news_are_reduced(raw: dict[str, Any], kept: KeptVersion | None, news: bool) -> None:
    """A listing of 5,000 tasks without a change costs 5,000 comparisons and nothing else."""
    assert news == is_news(raw, kept)


def test_a_collector_takes_each_task_once_and_leaves_out_what_is_no_news() -> None:
    """Of two descriptions of a task in one run the last one counts; no odd one does harm."""
    raw = task_change()["detail"] | {"healthStatus": "HEALTHY"}
    collector = Collector({}, lambda text: text)
    collector([raw, raw | {"version": 4}, {}, {"taskArn": 7}, {"taskArn": "x/y", "version": "?"}])
    assert {TASK_ID: 4} == {id: record.version for id, record in collector.news.items()}
    collector = Collector({TASK_ID: KeptVersion(4, "HEALTHY", stopped=False)}, lambda text: text)
    collector([raw])
    assert ({}, {TASK_ID}) == (collector.news, collector.seen)


def test_absent_tasks_are_looked_up_100_at_a_time_and_each_in_its_turn() -> None:
    """Those that have stopped or are listed are not; the others all come within some minutes."""
    kept = {f"{n:032x}": KeptVersion(1, "", stopped=n % 5 == 0) for n in range(700)}
    listed = {f"{n:032x}" for n in range(0, 700, 7)}
    expected = {id for id, each in kept.items() if not each.stopped and id not in listed}
    minutes = [absent(kept, listed, NOW + 60 * minute) for minute in range(12)]
    assert {100} == {len(each) for each in minutes}
    assert expected == {id for each in minutes for id in each}
    assert sorted(expected)[:30] == absent(dict.fromkeys(sorted(expected)[:30], KEPT), set(), NOW)


def test_a_task_that_was_called_gone_comes_back() -> None:
    """A description of the same version replaces the mark; an older one does not."""
    held = TaskRecord(ID, 4, "RUNNING")
    marked = gone(held, NOW)
    assert held == merged(marked, held)
    assert marked is merged(marked, held._replace(version=3))


def test_a_secret_is_masked_before_a_reason_is_cut() -> None:
    """The mask sees the whole reason, of the task and of each container."""
    whole = "before " + "x" * 1500 + " secret"
    detail = task_change(
        stoppedReason=whole, containers=[{"name": "app", "reason": whole}, {"name": "b"}, 7]
    )["detail"]
    seen: list[str] = []

    def mask(text: str) -> str:
        seen.append(text)
        return "masked"

    record = of_task(detail, mask)
    assert record
    assert [whole, whole] == seen
    assert ("masked", ["masked", ""]) == (
        record.stopped_reason,
        [each.reason for each in record.containers],
    )


def test_events_without_a_reason_load_no_mask() -> None:
    """A running task's event and an instance's have nothing to mask."""

    def never(text: str) -> str:
        raise AssertionError(text)

    for event in (task_change(), instance_change()):
        assert of_event(event["detail"], never)
