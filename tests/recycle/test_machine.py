"""The next act, from a record, the facts and the time: each rule at its edges."""

from __future__ import annotations

from typing import Any

import pytest

from discovery.model import Endpoint, Task
from discovery.recycle import machine, restore
from discovery.recycle.acts import (
    Drain,
    Reinstate,
    RemoveTag,
    SetDesired,
    SetScaling,
    SetTag,
    Stop,
)
from discovery.recycle.facts import Facts, ListLook
from discovery.recycle.record import TAG, Batch, Capacity, Record, Request, tag_of
from discovery.service import Deployment, Scaling, ServiceEvent, ServiceView, Suspended

NOW = 1000.0
OLD = ("a", "b", "c")
SCALING = Scaling(1, 3, Suspended())
RAISED = Scaling(1, 4, Suspended(scale_in=True))


def task(id: str) -> Task:
    created = 10.0 if id in OLD else 500.0
    return Task(id, "lobby:1", "RUNNING", "RUNNING", "UNKNOWN", Endpoint(id, 80), None, created)


def a_record(**changes: Any) -> Record:
    values: dict[str, Any] = {
        "id": "r1",
        "request": Request(started_before=100.0),
        "phase": "recycling",
        "batch_size": 1,
        "floor": 3,
        "total": 3,
        "before": Capacity(3, None),
        "raised": 4,
        "raised_maximum": None,
        "suspends": False,
        "started_at": 100.0,
        "updated_at": NOW,
        "progress_at": NOW,
        "left": 3,
        **changes,
    }
    return Record(**values)


def facts(record: Record, tasks: str = "abcn", **changes: Any) -> Facts:
    """All that is well: four tasks listed, three of them old."""
    draining = frozenset(changes.pop("draining", ""))
    tags = changes.pop("tags", {TAG: tag_of(record)})
    deployment = changes.pop("deployment", Deployment("d", "PRIMARY", "COMPLETED", 0))
    service = {
        "arn": "arn",
        "status": "ACTIVE",
        "desired": 4,
        "running": 4,
        "pending": 0,
        "daemon": False,
        "controller": "ECS",
        "deployments": (deployment,),
        "events": (),
        "target_groups": (),
        "tags": tags,
        **changes.pop("service", {}),
    }
    listed = frozenset(changes.pop("listed", set(tasks) - draining))
    look = ListLook({id: task(id) for id in tasks}, listed, draining, changes.pop("sound", True))
    values: dict[str, Any] = {
        "scaling": None,
        "protected": frozenset(),
        "unready": frozenset(),
        "ended": {},
        **changes,
    }
    return Facts(look=look, service=ServiceView(**service), **values)


DRAINING = Batch(("a",), "drain", NOW - 5)
STOPPING = Batch(("a",), "stop", NOW)
REPLACING = Batch(("a",), "replace", NOW)
DEPLOYING = Deployment("d", "PRIMARY", "IN_PROGRESS", 0)
FAILED = Deployment("d", "PRIMARY", "FAILED", 0)
IMPAIRED = (ServiceEvent(1.0, "(service lobby) is unable to consistently start tasks"),)
FIRST = Drain(("a",))
BACK = Reinstate(("a",))


@pytest.mark.parametrize(
    ("record", "look", "acts"),
    [
        # The next batch: the oldest leaves the list, and only while nothing else lacks.
        ({}, {}, (FIRST,)),
        ({}, {"sound": False}, ()),
        ({}, {"listed": "abc"}, ()),
        ({}, {"tasks": "abc"}, ()),
        ({}, {"unready": frozenset("n")}, ()),
        ({}, {"listed": "bcn"}, (FIRST,)),  # it is missing itself: it goes first
        ({"batch_size": 2}, {}, ()),  # two at once would leave too few
        ({"batch_size": 2, "floor": 2}, {}, (Drain(("a", "b")),)),
        ({"next_at": NOW + 0.1}, {}, ()),
        ({"next_at": NOW}, {}, (FIRST,)),
        ({}, {"protected": frozenset("a")}, (Drain(("b",)),)),
        ({}, {"protected": frozenset("abc")}, ()),
        ({"paused": True}, {}, ()),
        ({}, {"deployment": DEPLOYING}, ()),
        ({}, {"deployment": FAILED}, ()),
        ({}, {"service": {"events": IMPAIRED}}, ()),
        ({}, {"service": {"daemon": True}}, ()),
        ({}, {"service": {"controller": "CODE_DEPLOY"}}, ()),
        ({"raised": None}, {"tasks": "abc", "service": {"desired": 3}}, (FIRST,)),
        # Without a raised count at most a batch is missing.
        ({"raised": None, "floor": 4}, {"tasks": "abc", "service": {"desired": 3}}, ()),
        # What ECS is about to stop by itself will be missing, too.
        (
            {"raised": None, "before": Capacity(2, None)},
            {"tasks": "abcn", "service": {"desired": 2}},
            (),
        ),
        (
            {"raised": None, "before": Capacity(2, None), "floor": 2},
            {"tasks": "abcn", "service": {"desired": 2}},
            (FIRST,),
        ),
        # What is off the list without being in hand goes back first.
        ({}, {"draining": "b"}, (Reinstate(("b",)),)),
        ({"phase": "restoring"}, {"draining": "b"}, (Reinstate(("b",)),)),
        # Drained: long enough, then the stop is decided, which the tag says before it is done.
        ({"batch": DRAINING._replace(since=NOW - 4.9)}, {"draining": "a"}, ()),
        ({"batch": DRAINING}, {"draining": "a"}, (SetTag,)),
        ({"batch": DRAINING}, {}, (FIRST,)),
        ({"batch": DRAINING}, {"draining": "a", "listed": "abcn"}, (FIRST,)),
        ({"batch": DRAINING}, {"draining": "a", "listed": "bc"}, (BACK,)),
        ({"batch": DRAINING}, {"draining": "a", "sound": False}, (BACK,)),
        ({"batch": DRAINING}, {"draining": "a", "protected": frozenset("a")}, (BACK,)),
        ({"batch": DRAINING}, {"draining": "a", "deployment": DEPLOYING}, (BACK,)),
        ({"batch": DRAINING, "paused": True}, {"draining": "a"}, (BACK,)),
        # Decided: stopped, unless anything has come in between.
        ({"batch": STOPPING}, {"draining": "a"}, (Stop(("a",), 1, 3),)),
        ({"batch": STOPPING}, {}, (FIRST,)),
        ({"batch": STOPPING}, {"draining": "a", "listed": "abcn"}, (FIRST,)),
        ({"batch": STOPPING}, {"draining": "a", "listed": "bc"}, (BACK,)),
        ({"batch": STOPPING}, {"draining": "a", "protected": frozenset("a")}, (BACK,)),
        ({"batch": STOPPING}, {"draining": "a", "deployment": DEPLOYING}, (BACK,)),
        ({"batch": STOPPING, "paused": True}, {"draining": "a"}, (BACK,)),
        ({"batch": STOPPING}, {"tasks": "bcn"}, ()),
        # A count that somebody else has set is what the service wants from now on.
        ({}, {"service": {"desired": 5}}, ()),
        ({"phase": "preparing"}, {"service": {"desired": 5}}, ()),
        ({}, {"service": {"desired": 3}}, ()),  # set back to what it was: raised again
        ({"batch": DRAINING}, {"draining": "a", "service": {"desired": 3}}, (BACK,)),
        ({"batch": DRAINING}, {"draining": "a", "service": {"desired": 5}}, (BACK,)),
        ({"batch": STOPPING}, {"draining": "a", "service": {"desired": 5}}, (BACK,)),
        # Preparing: the tag, the scaling, the count.
        ({"phase": "preparing"}, {"tags": {}}, (SetTag,)),
        ({"phase": "preparing"}, {"service": {"desired": 3}}, (SetDesired(4),)),
        (
            {"phase": "preparing", "suspends": True, "raised_maximum": 4},
            {"scaling": SCALING},
            (SetScaling(4, Suspended(scale_in=True)),),
        ),
        ({"phase": "surging"}, {"service": {"desired": 3}}, (SetDesired(4),)),
        ({"phase": "surging"}, {"listed": "abc"}, ()),
    ],
)
def test_the_next_acts(record: dict[str, Any], look: dict[str, Any], acts: tuple[Any, ...]) -> None:
    """Each act follows from what is meant and what is; anything in the way leads to no stop."""
    written = a_record(**record)
    done = machine.next_step(written, facts(written, **look), NOW).acts
    named = tuple(type(act) if act_or_kind is type(act) else act for act, act_or_kind in zip(
        done, acts, strict=False
    ))  # fmt: skip
    assert acts == named + done[len(named) :]


@pytest.mark.parametrize(
    ("record", "look", "reason"),
    [
        ({"batch": REPLACING}, {"ended": {"x": "it ran out of memory"}}, "replacement x stopped"),
        (
            {"batch": REPLACING},
            {"tasks": "bc", "deployment": Deployment("d", "PRIMARY", "COMPLETED", 1)},
            "ECS failed to start 1 replacements",
        ),
        ({"batch": REPLACING, "progress_at": NOW - 600.1}, {"tasks": "bcn"}, "no progress"),
        ({"stops": 2}, {"tags": {TAG: tag_of(a_record(stops=3))}}, "lost the recycle's last"),
        ({}, {"tags": {}}, "lost the recycle's last"),
    ],
)
def test_what_fails_a_recycle(record: dict[str, Any], look: dict[str, Any], reason: str) -> None:
    """It goes over to restoring, stops nothing, and says why."""
    written = a_record(**record)
    seen = facts(written, **look)
    quiet = machine.next_step(written, seen, NOW - 600).record.signature
    step = machine.next_step(written.changed(signature=quiet), seen, NOW)
    assert ("restoring", "failed", None, ()) == (
        step.record.phase,
        step.record.ending,
        step.record.batch,
        step.acts,
    )
    assert reason in step.record.reason


def test_a_crash_is_not_forgotten_over_a_task_that_goes_back_first() -> None:
    """The task goes back into the list; the crash is looked up again, and fails the recycle."""
    written = a_record(watched=("x",))
    step = machine.next_step(written, facts(written, draining="b", ended={"x": "it crashed"}), NOW)
    assert ((Reinstate(("b",)),), ("x",)) == (step.acts, step.record.watched)


def test_lost_writes_are_restored_by_what_the_tag_says() -> None:
    """The tag is newer than the record: its count is the one to restore."""
    newer = a_record(stops=3, before=Capacity(2, None), raised=3)
    written = a_record(stops=2)
    step = machine.next_step(written, facts(written, tags={TAG: tag_of(newer)}), NOW)
    assert ("restoring", 2, 3) == (
        step.record.phase,
        step.record.before.desired,
        step.record.raised,
    )


RESTORING = {
    "phase": "restoring",
    "ending": "recycled",
    "fenced": True,
    "count_restored": True,
    "before": Capacity(3, SCALING),
    "suspends": True,
    "raised_maximum": 4,
}
IN_ORDER = Scaling(1, 3, Suspended())
CLAMPED = {"raised": 5, "raised_maximum": 5}


@pytest.mark.parametrize(
    ("record", "desired", "scaling", "tagged", "acts"),
    [
        ({"fenced": False}, 4, RAISED, True, (SetTag,)),
        ({}, 4, RAISED, True, (SetScaling(None, Suspended()),)),
        ({}, 4, Scaling(1, 4, Suspended(True, True)), True,
         (SetScaling(None, Suspended(False, True)),)),
        ({}, 4, Scaling(1, 4, Suspended()), True, (SetDesired(3),)),
        ({"count_restored": False}, 3, Scaling(1, 4, Suspended()), True, (SetDesired(3),)),
        ({}, 3, Scaling(1, 4, Suspended()), True, (SetScaling(3, Suspended()),)),
        ({}, 7, Scaling(1, 9, Suspended()), True, (RemoveTag(),)),  # others' count and maximum
        ({}, 3, Scaling(4, 4, Suspended()), True, (RemoveTag(),)),  # others raised the minimum
        # Somebody has lowered the maximum: our count of 5 is clamped to it, once.
        (CLAMPED | {"count_restored": False}, 4, Scaling(1, 4, Suspended()), True,
         (SetDesired(3),)),
        (CLAMPED, 4, Scaling(1, 4, Suspended()), True, (RemoveTag(),)),
        ({}, 3, IN_ORDER, True, (RemoveTag(),)),
        ({}, 3, IN_ORDER, False, ()),
    ],
)  # fmt: skip
def test_restoring_undoes_only_what_is_ours(
    record: dict[str, Any], desired: int, scaling: Scaling, tagged: bool, acts: tuple[Any, ...]
) -> None:
    """The flag, the count, the maximum, the tag: each as it was, unless somebody else set it."""
    written = a_record(**{**RESTORING, **record})
    tags = {TAG: tag_of(written)} if tagged else {}
    seen = facts(written, service={"desired": desired}, scaling=scaling, tags=tags)
    step = restore.next_step(written, seen, NOW)
    assert acts == tuple(type(act) if SetTag in acts else act for act in step.acts)
    assert ("recycled" if not acts else "restoring") == step.record.phase


@pytest.mark.parametrize(
    ("batch", "settle_time", "look", "step"),
    [
        (REPLACING, 0.0, {"tasks": "bcn"}, "replace"),
        (REPLACING, 0.0, {"tasks": "bcnm", "listed": "bcn"}, "replace"),
        (REPLACING, 0.0, {"tasks": "bcnm"}, None),
        (REPLACING, 20.0, {"tasks": "bcnm"}, "settle"),
        (Batch(("a",), "settle", NOW - 19.9), 20.0, {"tasks": "bcnm"}, "settle"),
        (Batch(("a",), "settle", NOW - 20.0), 20.0, {"tasks": "bcnm"}, None),
        (Batch(("a",), "settle", NOW - 20.0), 20.0, {"tasks": "bcnm", "listed": "bcn"}, "replace"),
    ],
)
def test_a_batch_ends_when_its_replacements_are_listed(
    batch: Batch, settle_time: float, look: dict[str, Any], step: str | None
) -> None:
    """By identity, for the settle time without a gap; the wait for the next batch begins then."""
    request = Request(started_before=100.0, settle_time=settle_time, wait_time=30.0)
    written = a_record(batch=batch, request=request)
    after = machine.next_step(written, facts(written, **look), NOW).record
    assert step == (after.batch.step if after.batch else None)
    assert (NOW + 30.0 if step is None else 0.0) == after.next_at


def test_each_decision_that_redis_may_lose_raises_the_number_in_the_tag() -> None:
    """A stop, a new plan and the end: an older record is outdated by the tag after each."""
    stop = a_record(batch=DRAINING, stops=2)
    assert 3 == machine.next_step(stop, facts(stop, draining="a"), NOW).record.stops
    plan = a_record(stops=2)
    assert 3 == machine.next_step(plan, facts(plan, service={"desired": 5}), NOW).record.stops
    end = machine.failed(plan, "why", NOW)
    assert 3 == machine.next_step(end, facts(end), NOW).record.stops


def test_a_failure_that_was_decided_unseen_restores_by_a_tag_that_is_newer() -> None:
    """Redis had lost the last plan, and nobody could read the tag when the recycle failed."""
    newer = a_record(stops=3, before=Capacity(2, None), raised=3)
    written = a_record(stops=2, progress_at=NOW - 600.1)
    unseen = machine.unseen(written, frozenset(), "denied", NOW)
    assert ("failed", None) == (unseen.record.ending, unseen.again_at)
    fence = machine.next_step(unseen.record, facts(newer), NOW)
    assert (SetTag(tag_of(fence.record)),) == fence.acts
    assert (4, 2, 3) == (fence.record.stops, fence.record.before.desired, fence.record.raised)


@pytest.mark.parametrize(
    ("record", "draining", "phase", "step"),
    [
        ({}, "", "recycling", None),
        ({"batch": DRAINING}, "a", "recycling", None),
        ({"batch": STOPPING}, "a", "recycling", "replace"),
        ({"batch": REPLACING}, "a", "recycling", "replace"),
        ({"batch": REPLACING, "progress_at": NOW - 600.0}, "", "recycling", "replace"),
        ({"batch": REPLACING, "progress_at": NOW - 600.1}, "", "restoring", None),
        ({"batch": STOPPING, "progress_at": NOW - 600.1}, "a", "restoring", None),
        ({"paused": True, "progress_at": NOW - 600.1}, "", "recycling", None),
        ({"next_at": NOW + 1, "progress_at": NOW - 600.1}, "", "recycling", None),
        ({"ending": "cancelled", "batch": DRAINING}, "a", "restoring", None),
        ({"ending": "cancelled", "batch": STOPPING}, "a", "recycling", "replace"),
        ({"phase": "restoring", "ending": "failed"}, "", "restoring", None),
        ({"phase": "restoring", "ending": "failed"}, "a", "restoring", None),
    ],
)
def test_without_a_look_nothing_is_stopped(
    record: dict[str, Any], draining: str, phase: str, step: str | None
) -> None:
    """What is drained goes back into the list, and after the timeout the recycle fails."""
    after = machine.unseen(a_record(**record), frozenset(draining), "denied", NOW)
    acts = (BACK,) if draining else ()
    batch = after.record.batch
    assert (acts, phase, step) == (after.acts, after.record.phase, batch.step if batch else None)


def test_a_task_that_was_created_at_that_very_moment_stays() -> None:
    """Every task created before `started_before` has to go, and no other."""
    seen = facts(a_record(), tasks="an")
    assert set() == seen.old(10.0).keys()
    assert {"a"} == seen.old(10.1).keys()


def test_the_end_of_a_batch_names_the_newest_tasks_and_keeps_when_it_began() -> None:
    """The log says by which task one was replaced, and after how long from its withdrawal."""
    batch = Batch(("a",), "replace", NOW, begun=NOW - 41)
    seen = facts(a_record(batch=batch), tasks="bcnm")
    newest = min(seen.look.tasks.values(), key=lambda task: (-task.created_at, task.id))
    since = batch._replace(begun=newest.created_at)
    after = machine.next_step(a_record(batch=since), seen, NOW).record
    assert (None, (newest.id,)) == (after.batch, after.replacements)
    later = batch._replace(begun=newest.created_at + 1)
    assert () == machine.next_step(a_record(batch=later), seen, NOW).record.replacements
