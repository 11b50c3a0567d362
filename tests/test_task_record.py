"""One shape for what events and descriptions say of tasks and instances, and which one is kept."""

from __future__ import annotations

import copy
import json
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from builders import CLUSTER_ARN, ECS, NAME, TASK_ID, instance_change, task_change
from hypothesis import given
from hypothesis import strategies as st
from junk import JUNK, TEXT, fuzz, mutated

from discovery.task_record import (
    LARGEST,
    ContainerRecord,
    InstanceRecord,
    TaskRecord,
    instance_from_json,
    instance_record,
    newer,
    task_from_json,
    task_record,
    to_json,
)
from simulator.account import ACCOUNT, REGION
from simulator.described import TaskState, describe
from simulator.events import task_state_change

DIGEST = "sha256:" + "5e0f" * 16
CREATED = 1795365631.101  # 2026-11-22T16:40:31.101Z
INSTANCE = "b54a2a04046f4331a9d74481e8a3e0d3"


def description(**changes: Any) -> dict[str, Any]:
    """A stopped task on a container instance, as DescribeTasks answers with it."""
    task: dict[str, Any] = task_change("STOPPED", "STOPPED")["detail"]
    for attachment in task["attachments"]:
        if attachment["type"] == "eni":
            attachment["type"] = "ElasticNetworkInterface"
    task["containers"][0] |= {
        "exitCode": 0,
        "imageDigest": DIGEST,
        "reason": "OutOfMemoryError: Container killed due to memory usage",
    }
    return (
        task
        | {
            "createdAt": CREATED,
            "startedAt": CREATED + 10,
            "stoppingAt": CREATED + 20.5,
            "stoppedAt": CREATED + 30,
            "healthStatus": "UNHEALTHY",
            "containerInstanceArn": f"{ECS}:container-instance/arcade/{INSTANCE}",
            "launchType": "EC2",
            "version": 7,
        }
        | changes
    )


def event(task: dict[str, Any]) -> dict[str, Any]:
    """The same task as the `detail` of its event."""
    detail = copy.deepcopy(task)
    detail.pop("healthStatus", None)
    for name, value in detail.items():
        if name.endswith("At") and isinstance(value, (int, float)):
            moment = datetime.fromtimestamp(value, timezone.utc)
            detail[name] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    for attachment in detail["attachments"]:
        if attachment["type"] == "ElasticNetworkInterface":
            attachment["type"] = "eni"
    return detail


def read(source: Any) -> TaskRecord:
    record = task_record(source)
    assert record is not None
    return record


def test_a_description_becomes_a_record() -> None:
    """Every field that a person needs, and ids where ECS writes ARNs."""
    assert TaskRecord(
        id=TASK_ID,
        version=7,
        last_status="STOPPED",
        desired_status="STOPPED",
        created=CREATED,
        started=CREATED + 10,
        stopping=CREATED + 20.5,
        stopped=CREATED + 30,
        health="UNHEALTHY",
        stop_code="ServiceSchedulerInitiated",
        stopped_reason="Scaling activity initiated by (deployment ecs-svc/1234567890)",
        containers=(
            ContainerRecord(
                name="lobby",
                exit_code=0,
                reason="OutOfMemoryError: Container killed due to memory usage",
                image_digest=DIGEST,
                last_status="STOPPED",
            ),
        ),
        task_definition=NAME,
        zone="us-west-2c",
        instance=INSTANCE,
        launch_type="EC2",
        started_by="ecs-svc/1234567890123456789",
        group="service:lobby",
        address="10.0.0.139",
    ) == task_record(description())


times = st.none() | st.integers(1_000_000_000_000, 4_000_000_000_000).map(lambda ms: ms / 1000)
reasons = st.none() | st.text(max_size=1500)
tasks = st.builds(
    description,
    createdAt=times,
    startedAt=times,
    stoppingAt=times,
    stoppedAt=times,
    version=st.integers(0, 2**53),
    stoppedReason=reasons,
    healthStatus=st.sampled_from(["HEALTHY", "UNHEALTHY", "UNKNOWN"]),
    containers=st.lists(
        st.fixed_dictionaries(
            {"name": st.text(max_size=255)},
            optional={
                "exitCode": st.integers(-(2**31), 2**32),
                "reason": reasons,
                "imageDigest": st.just(DIGEST),
                "lastStatus": st.sampled_from(["RUNNING", "STOPPED"]),
            },
        ),
        max_size=10,
    ),
)


@fuzz
@given(tasks)
def test_event_and_description_of_a_task_give_the_same_record(task: dict[str, Any]) -> None:
    """But for the health, which events lack and the description brings."""
    described, evented = read(task), read(event(task))
    assert described._replace(health="") == evented
    assert described == newer(evented, described)


def test_event_and_description_are_cut_alike() -> None:
    """Whatever is left of the thousand bytes: the health that only one of them has is no matter."""
    sidecar = {"name": "sidecar", "imageDigest": DIGEST, "lastStatus": "STOPPED"}
    for length in range(300, 420):
        task = description(stoppedReason="x" * length, containers=[sidecar] * 3, group="g" * 60)
        assert read(task)._replace(health="") == read(event(task))


@pytest.mark.parametrize("health", ["HEALTHY", "UNKNOWN"])
def test_the_simulators_event_and_answer_give_the_same_record(health: Any) -> None:
    """What the other tests hand to the product is read alike too."""
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/arcade/{TASK_ID}"
    state = TaskState(
        arn=arn,
        cluster_arn=CLUSTER_ARN,
        group="service:lobby",
        started_by="ecs-svc/1",
        definition=NAME,
        containers=(),
        cpu="256",
        memory="512",
        ip="10.0.0.7",
        address_from="attachment",
        version=5,
        last_status="STOPPING",
        desired_status="STOPPED",
        health=health,
        created_at=CREATED,
        updated_at=CREATED + 3,
        started_at=CREATED + 1,
        stop_code="UserInitiated",
        stopped_reason="Task stopped by user",
    )
    described = read(json.loads(state.json))
    assert described == read(describe(state))
    assert described._replace(health="") == read(task_state_change(state)["detail"])
    assert (CREATED + 1, "10.0.0.7", health) == (
        described.started,
        described.address,
        described.health,
    )


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2026-11-22T16:40:31.101Z", CREATED),
        ("2026-11-22T16:40:31.1Z", 1795365631.1),
        ("2026-11-22T16:40:31.101234567Z", CREATED),
        ("2026-11-22T17:40:31.101+01:00", CREATED),
        ("2026-11-22T17:40:31+0100", 1795365631.0),
        ("2026-11-22T16:40:31", 1795365631.0),
        (CREATED, CREATED),
        (1795365631, 1795365631.0),
        (datetime(2026, 11, 22, 16, 40, 31, 101000, timezone.utc), CREATED),
        (datetime(2026, 11, 22, 16, 40, 31, 101000), CREATED),  # noqa: DTZ001
        (datetime(2026, 11, 22, 17, 40, 31, tzinfo=timezone(timedelta(hours=1))), 1795365631.0),
        ("yesterday", None),
        ("2026-13-22T16:40:31Z", None),
        (True, None),
        (0, None),
        (-1.5, None),
        (float("nan"), None),
        (float("inf"), None),
        (1795365631101, None),
        (None, None),
        ({}, None),
    ],
)
def test_a_time_is_read_from_any_form(
    written: Any, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In seconds since the epoch, wherever it is read; one that is odd is not known."""
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        found = read(description(createdAt=written)).created
    time.tzset()
    assert seconds == found


@pytest.mark.parametrize("count", [0, 1, 10])
@pytest.mark.parametrize(
    "reason", ["", "E" * 5000, "a b " * 999, "€" * 5000, "\ud83d\ude00\n" * 900]
)
@pytest.mark.parametrize("name", ["app", "n" * 255, "ü" * 255])
def test_a_record_has_a_thousand_bytes_at_most(count: int, reason: str, name: str) -> None:
    """Whatever the reasons, names and number of containers; the id and the version stay."""
    container = {"name": name, "reason": reason, "imageDigest": DIGEST, "lastStatus": "STOPPED"}
    record = read(description(containers=[container] * count, stoppedReason=reason))
    assert len(to_json(record).encode()) <= LARGEST
    assert (TASK_ID, 7, count) == (record.id, record.version, len(record.containers))
    assert record == task_from_json(to_json(record))


def test_five_thousand_tasks_need_less_than_5_mb() -> None:
    """And one that runs needs half of its share."""
    assert 5000 * LARGEST <= 5_000_000
    running = read(event(description(stoppedReason=None, stopCode=None)))
    assert len(to_json(running).encode()) <= LARGEST // 2


def test_what_a_long_reason_loses_is_its_middle() -> None:
    """Its kind stands at the beginning and its cause at the end."""
    reason = f"CannotPullContainerError: {'x' * 900}: 403 Forbidden"
    cut = read(description(stoppedReason=reason)).stopped_reason
    assert cut.startswith("CannotPullContainerError: x")
    assert cut.endswith("x: 403 Forbidden")
    assert len(cut) <= 400


@fuzz
@given(tasks)
def test_json_brings_the_record_back(task: dict[str, Any]) -> None:
    """Every field of it, as text and as the bytes that Redis gives."""
    record = read(task)
    assert record == task_from_json(to_json(record))
    assert record == task_from_json(to_json(record).encode())
    assert record.version == json.loads(to_json(record))[1]


@pytest.mark.parametrize(("more", "fewer"), [(["later"], 0), ([], 3)])
def test_json_of_another_version_of_the_code_is_read(more: list[str], fewer: int) -> None:
    """New fields come last, so an older reader drops them, and a newer one finds them blank."""
    record = read(description())
    held = json.loads(to_json(record))
    raw = json.dumps([*held[: len(held) - fewer], *more])
    assert (record.id, record.containers) == (
        (back := task_from_json(raw)) and back.id,
        back and back.containers,
    )


SOURCES = mutated(
    description(),
    event(description()),
    instance_change()["detail"],
    json.loads(to_json(read(description()))),
)


@fuzz
@given(st.one_of(SOURCES, JUNK, st.text(), st.binary()))
def test_junk_raises_nothing(source: Any) -> None:
    """An odd field spoils nothing but itself; what has no id is no record."""
    for record in (task_record(source), instance_record(source)):
        assert record is None or record.id
    raw = source if isinstance(source, (str, bytes)) else json.dumps(source, default=str)
    for back in (task_from_json(raw), instance_from_json(raw)):
        assert back is None or (back.id and back.version >= 0)
    task = task_record(source)
    if task:
        assert len(to_json(task).encode()) <= LARGEST
        assert task == task_from_json(to_json(task))


@pytest.mark.parametrize("field", sorted(description()))
@pytest.mark.parametrize("odd", [None, 17, "odd", [], {}, [None], {"a": []}, True])
def test_an_odd_field_spoils_no_other(field: str, odd: Any) -> None:
    """All that the record has of the other fields is there."""
    whole, partly = read(description()), task_record(description(**{field: odd}))
    if field == "taskArn":
        assert partly is None or partly.id == "odd"
        return
    assert partly is not None
    changed = sum(ours != theirs for ours, theirs in zip(whole, partly, strict=True))
    assert changed <= 1


@pytest.mark.parametrize("odd", ["9", 9, 9.0])
def test_a_version_is_a_number(odd: Any) -> None:
    """10 is newer than 9, though "10" sorts before "9"."""
    nine, ten = read(description(version=odd)), read(description(version="10"))
    assert (9, 10) == (nine.version, ten.version)
    assert ten is newer(nine, ten)
    assert ten is newer(ten, nine)


@fuzz
@given(
    st.lists(st.tuples(st.integers(1, 6), st.booleans()), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_in_any_order_the_highest_version_is_kept(
    arrivals: list[tuple[int, bool]], random: Any
) -> None:
    """Events and descriptions come late, doubled and mixed; the outcome is the same."""
    records = []
    for version, described in arrivals:
        task = description(version=version, stoppedReason=f"version {version}")
        records.append(read(task if described else event(task)))
    kept = []
    for order in (records, random.sample(records, len(records)), [*records, *records]):
        held = order[0]
        for arrived in order[1:]:
            held = newer(held, arrived)
        kept.append(held)
    highest = max(version for version, _ in arrivals)
    assert (highest, f"version {highest}") == (kept[0].version, kept[0].stopped_reason)
    assert bool(kept[0].health) == any(d for v, d in arrivals if v == highest)
    assert [kept[0]] * 3 == kept


def test_a_duplicate_is_no_news() -> None:
    """It gives back the very record that is held, so nothing need be written."""
    held = read(description())
    assert held is newer(held, read(description()))
    assert held is newer(held, read(event(description())))


def test_an_equal_version_fills_what_is_blank() -> None:
    """The event's digest and exit code may be missing; what it had is not overwritten."""
    task = description()
    bare = event(task)
    del bare["containers"][0]["imageDigest"], bare["containers"][0]["exitCode"], bare["startedAt"]
    bare["stoppedReason"] = "the event's"
    kept = newer(read(bare), read(task))
    assert (0, DIGEST) == (kept.containers[0].exit_code, kept.containers[0].image_digest)
    assert (CREATED + 10, "the event's") == (kept.started, kept.stopped_reason)


def test_a_later_description_brings_the_health() -> None:
    """A task's health changes without an event, and so without a new version."""
    was, now = (read(description(healthStatus=each)) for each in ("HEALTHY", "UNHEALTHY"))
    assert "UNHEALTHY" == newer(was, now).health
    assert "HEALTHY" == newer(was, read(event(description()))).health


def test_another_task_is_never_taken() -> None:
    """Whatever its version."""
    held = read(description())
    assert held is newer(held, read(description(taskArn=f"{ECS}:task/arcade/b", version=99)))


INSTANCE_SOURCE = instance_change(
    agentConnected=False,
    runningTasksCount=3,
    pendingTasksCount=0,
    remainingResources=[
        {"name": "CPU", "type": "INTEGER", "doubleValue": 0.0, "integerValue": 1988},
        {"name": "MEMORY", "type": "INTEGER", "integerValue": 0},
        {"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22", "2376"]},
    ],
)["detail"]


def test_an_instance_becomes_a_record() -> None:
    """0 and False are values, not blanks; it comes back from JSON whole."""
    expected = InstanceRecord(
        id=INSTANCE,
        version=14801,
        status="DRAINING",
        agent_connected=False,
        running_tasks=3,
        pending_tasks=0,
        remaining_cpu=1988,
        remaining_memory=0,
        ec2_instance_id="i-f3a8506b",
        updated=1_795_365_666.991,
    )
    assert expected == instance_record(INSTANCE_SOURCE)
    assert expected == instance_from_json(to_json(expected))


def test_an_instances_description_fills_what_its_event_lacks() -> None:
    """An event has no counts of tasks; a higher version replaces all."""
    bare = instance_record(instance_change()["detail"])
    full = instance_record(INSTANCE_SOURCE | {"agentConnected": True})
    assert bare is not None
    assert full is not None
    assert (None, 3, 0) == (bare.running_tasks, *newer(bare, full)[4:6])
    assert full is newer(full, bare)
    assert full is newer(full, full._replace(pending_tasks=9, remaining_memory=9))
    assert bare._replace(version=14802) == newer(full, bare._replace(version=14802))


@fuzz
@given(TEXT | JUNK)
def test_an_instances_odd_field_spoils_no_other(odd: Any) -> None:
    """All that the record has of the other fields is there."""
    whole = instance_record(INSTANCE_SOURCE)
    for field in ("version", "status", "agentConnected", "remainingResources", "ec2InstanceId"):
        partly = instance_record(INSTANCE_SOURCE | {field: odd})
        assert whole is not None
        assert partly is not None
        assert sum(a != b for a, b in zip(whole, partly, strict=True)) <= 2
