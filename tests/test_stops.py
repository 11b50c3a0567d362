"""The stop catalogue: each row of docs/stops.md, and the rules by which a stop is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders import task_change
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from junk import TEXT, fuzz

from discovery.stop_codes import EXITS, STOP_CODES, StopExplanation
from discovery.stop_rules import AFTERMATH, CAUSES, FAILURES
from discovery.stops import (
    RECYCLE_REASON,
    SCHEDULER,
    USER,
    Stop,
    StoppedContainer,
    explain,
    stop_of,
)
from discovery.task_record import task_record

if TYPE_CHECKING:
    from collections.abc import Iterator

EXITED, FAILED = "EssentialContainerExited", "TaskFailedToStart"
ESSENTIAL = "Essential container in task exited"
SCALING = "Scaling activity initiated by (deployment ecs-svc/1234567890123456789)"
OOM = "OutOfMemoryError: Container killed due to memory usage"


def rows() -> Iterator[list[str]]:
    """The cells of each row of the catalogue's tables."""
    for line in (ROOT / "docs" / "stops.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] not in ("stopCode", "---"):
            yield cells


def container(text: str) -> StoppedContainer:
    """A container as the tables write it: `name: exit code, reason`."""
    name, _, rest = text.strip("`").partition(": ")
    code, _, reason = rest.partition(", ")
    return StoppedContainer(name, None if code == "-" else int(code), reason)


def explained(
    code: str, reason: str, *containers: tuple[Any, ...], launch_type: str = "FARGATE"
) -> StopExplanation:
    parts = tuple(StoppedContainer(*each) for each in containers)
    return explain(Stop(code, reason, parts, launch_type=launch_type))


@pytest.mark.parametrize("row", [*rows()], ids=lambda row: f"{row[3]}-{row[2][:40]}")
def test_each_row_of_the_catalogue_is_what_the_code_says(row: list[str]) -> None:
    """Kind, fault, plain words and remedy are those of the table for people."""
    code, reason, containers = row[0].strip("`"), row[1].strip("`"), row[2].split("<br>")
    stop = Stop(code, reason, tuple(map(container, containers)), launch_type="FARGATE")
    fault = {"yes": True, "no": False}[row[4]]
    assert StopExplanation(row[3], fault, row[5], row[6]) == explain(stop)


def test_each_kind_has_a_row() -> None:
    """No kind is missing from the catalogue, but that of a task that was not stopped."""
    tables = [each.kind for rules in (FAILURES, CAUSES, AFTERMATH) for each in rules]
    codes = [each.kind for table in (EXITS, STOP_CODES) for each in table.values()]
    made = ["recycled", "killed_slow_shutdown", "stopped_by_scheduler", "unknown"]
    assert {*tables, *codes, *made} == {row[3] for row in rows()}


MORE = [
    (kind, reason)
    for line in (ROOT / "tests" / "stop_reasons.txt").read_text(encoding="utf-8").splitlines()[1:]
    for kind, _, reason in [line.partition(" | ")]
]
PULL = "CannotPullContainerError: "


@pytest.mark.parametrize("launch_type", ["FARGATE", "EC2", ""])
@pytest.mark.parametrize(("kind", "reason"), MORE, ids=lambda each: each[:60])
def test_a_reason_is_searched_wherever_it_stands(kind: str, reason: str, launch_type: str) -> None:
    """In the task's reason and in a container's, whatever the other one says."""
    of_task = explained(FAILED, reason, ("app",), launch_type=launch_type)
    of_container = explained(
        EXITED, ESSENTIAL, ("proxy", 0), ("app", None, reason), launch_type=launch_type
    )
    assert (kind, True) == (of_task.kind, of_task.fault)
    assert (kind, True) == (of_container.kind, of_container.fault)
    assert "proxy" not in of_container.text


@pytest.mark.parametrize("code", [0, 1, 137, 143])
def test_memory_is_known_by_the_containers_reason(code: int) -> None:
    """The same exit code means memory with OutOfMemoryError, and something else without."""
    assert "out_of_memory" == explained(EXITED, ESSENTIAL, ("app", code, OOM)).kind
    assert "out_of_memory" != explained(EXITED, ESSENTIAL, ("app", code)).kind


def test_a_segmentation_fault_is_no_memory_fault() -> None:
    """139 is SIGSEGV, which others count as memory."""
    found = explained(EXITED, ESSENTIAL, ("app", 139))
    assert ("segfault", True) == (found.kind, found.fault)


@pytest.mark.parametrize("code", [USER, SCHEDULER])
@pytest.mark.parametrize("reason", [SCALING, "Task stopped by user", f"{RECYCLE_REASON} 4f 3/7"])
def test_a_container_that_ecs_had_to_kill_was_slow(code: str, reason: str) -> None:
    """137 after a stop by ECS is a shutdown longer than stopTimeout: no memory, no fault."""
    found = explained(code, reason, ("app", 137))
    assert ("killed_slow_shutdown", False) == (found.kind, found.fault)
    assert "stopTimeout" in found.remedy
    assert "out_of_memory" == explained(code, reason, ("app", 137, OOM)).kind


@pytest.mark.parametrize("code", [0, 143, None])
def test_an_old_memory_flag_does_not_explain_a_scale_in(code: int | None) -> None:
    """A container that outlived the kernel's kill was stopped for the reason that ECS gives."""
    found = explained(SCHEDULER, SCALING, ("app", code, OOM))
    assert ("scaling", False) == (found.kind, found.fault)
    assert "container app run out of memory" in found.text
    assert "memory" in found.remedy


@pytest.mark.parametrize("exit_code", [0, 1, 139, 143, 255, None])
@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (SCHEDULER, SCALING, "scaling"),
        (SCHEDULER, "", "stopped_by_scheduler"),
        (USER, f"{RECYCLE_REASON} 4f2a 3/7", "recycled"),
        (USER, "no space left on device, so I replaced it", "stopped_by_user"),
        (USER, "", "stopped_by_user"),
        ("TerminationNotice", "", "spot"),
        ("SpotInterruption", "Your Spot Task was interrupted.", "spot"),
    ],
)
def test_how_a_container_ends_on_a_stop_is_no_fault(
    code: str, reason: str, kind: str, exit_code: int | None
) -> None:
    """Many programs end on SIGTERM with a code of their own; the stop stays what it was."""
    found = explained(code, reason, ("app", exit_code))
    assert (kind, False) == (found.kind, found.fault)


def test_the_container_that_ended_first_is_named() -> None:
    """ECS ends the others, so 0, 137 and 143 beside another code are consequences."""
    beside = [("a", 0), ("b", 143), ("c", 137), ("app", 1), ("d", None)]
    assert "Container app ended" in explained(EXITED, ESSENTIAL, *beside).text
    assert "Container c was killed" in explained(EXITED, ESSENTIAL, *beside[:3]).text
    assert "Container a finished" in explained(EXITED, ESSENTIAL, *beside[:2]).text


def test_a_container_that_is_not_essential_ends_no_task() -> None:
    """Where the task definition is known, the others' codes and reasons are left aside."""
    side = ("side", 137, OOM, False)
    assert "finished" == explained(EXITED, ESSENTIAL, side, ("app", 0, "", True)).kind
    assert "out_of_memory" == explained(EXITED, ESSENTIAL, side[:3], ("app", 0)).kind


def test_a_recycle_is_ours_only_by_its_prefix() -> None:
    """Somebody's own text may name the recycle; a crash during it stays a crash."""
    named = explained(USER, f"instead of {RECYCLE_REASON}", ("app", 143))
    crashed = explained(EXITED, f"{RECYCLE_REASON} 4f2a 3/7", ("app", 139))
    assert ("stopped_by_user", "segfault") == (named.kind, crashed.kind)


def test_the_first_spot_event_still_says_running() -> None:
    """Two minutes before the end, the task runs and shall stop."""
    notice = Stop("TerminationNotice", "Your Spot Task was interrupted.", (), "RUNNING", "STOPPED")
    assert ("spot", False) == (explain(notice).kind, explain(notice).fault)


def test_the_stop_of_a_record_is_explained() -> None:
    """From an event to plain words."""
    container = {"name": "app", "exitCode": 137, "reason": OOM, "lastStatus": "STOPPED"}
    event = task_change(
        "STOPPED", "STOPPED", stopCode=EXITED, stoppedReason=ESSENTIAL, containers=[container]
    )
    record = task_record(event["detail"] | {"launchType": "EC2"})
    assert record is not None
    found = explain(stop_of(record))
    assert "Container app ran out of memory (exit code 137)." == found.text
    assert found.remedy.startswith("Raise the container's memory limit")
    running = task_record(task_change()["detail"])
    assert running is not None
    assert "running" == explain(stop_of(running)).kind


def test_a_task_that_was_not_stopped_has_no_stop() -> None:
    """Nothing is found in a task that runs, whatever its sidecars did."""
    sidecar = StoppedContainer("init", 0)
    found = explain(Stop(containers=(sidecar,), last_status="RUNNING", desired_status="RUNNING"))
    assert ("running", False) == (found.kind, found.fault)


def test_on_instances_the_remedy_is_the_instances() -> None:
    """There the instance's role pulls the image, and the container's own limit is what counts."""
    denied = f"{PULL}Error response from daemon: no basic auth credentials"
    assert (
        "role of the container instance"
        in explained(FAILED, denied, ("app",), launch_type="EC2").remedy
    )
    assert "execution role" in explained(FAILED, denied, ("app",)).remedy
    on_ec2 = explained(EXITED, ESSENTIAL, ("app", 137, OOM), launch_type="EC2")
    assert on_ec2.remedy.startswith("Raise the container's memory limit")


@fuzz
@given(
    st.builds(
        Stop,
        stop_code=st.sampled_from(["", USER, SCHEDULER, EXITED, FAILED, "New"]) | TEXT,
        stopped_reason=st.sampled_from([reason for _, reason in MORE]) | TEXT,
        containers=st.lists(
            st.builds(
                StoppedContainer,
                TEXT,
                st.none() | st.integers(),
                st.sampled_from([OOM, *(reason for _, reason in MORE)]) | TEXT,
                st.none() | st.booleans(),
            ),
            max_size=3,
        ).map(tuple),
        last_status=TEXT,
        desired_status=TEXT,
        launch_type=TEXT,
    )
)
def test_every_stop_is_explained(stop: Stop) -> None:
    """In sentences of bounded length on one line, whatever ECS or the sender of an event says."""
    found = explain(stop)
    for sentence in (found.text, found.remedy):
        assert not sentence or (sentence[0].isupper() and sentence.endswith("."))
        assert len(sentence) <= 500
        assert sentence.isprintable()
    assert found.text
    assert found.kind.isidentifier()
    assert found.remedy or not found.fault
