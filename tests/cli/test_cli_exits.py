"""Exit codes follow from answers: 0 healthy, 1 degraded or failing, 2 unknown."""

from __future__ import annotations

from typing import Any

import pytest

from discovery.cli import exits


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["healthy"], 0),
        (["healthy", "unknown"], 2),
        (["unknown", "degraded", "healthy"], 1),
        (["failing"], 1),
        (["a word of another version"], 2),
    ],
)
def test_what_is_wrong_counts_more_than_what_was_not_seen(verdicts: list[str], code: int) -> None:
    """And what was not seen is never healthy."""
    assert code == exits.of_verdicts(verdicts)


@pytest.mark.parametrize(
    ("classes", "severity", "code"),
    [({}, "info", 0), ({}, "unknown", 2), ({"oom": 1}, "unknown", 1), (None, "info", 2)],
)
def test_no_errors_in_lines_that_were_not_all_seen_is_unknown(
    classes: dict[str, int] | None, severity: str, code: int
) -> None:
    """Errors that were seen are errors."""
    logs = None if classes is None else {"classes": classes}
    answer = {"findings": [{"severity": severity}], "logs": logs}
    assert code == exits.of_logs([answer], "logs")


STATUS = {"age_seconds": 1.0, "running": 2, "healthy": 2, "degraded": False}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, 0),
        ({"age_seconds": 181.0}, 1),
        ({"age_seconds": None}, 1),
        ({"degraded": True}, 1),
        ({"healthy": 1}, 1),
    ],
)
def test_a_list_is_well_if_it_is_fresh_and_whole(change: dict[str, Any], code: int) -> None:
    """Three minutes are two listings of the schedule that are missing."""
    assert code == exits.of_status(STATUS | change)


SYNC = {"outcome": "published", "running": 2, "healthy": 2, "degraded": False}
NOTHING = {"running": None, "healthy": None, "degraded": None}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, 0),
        ({"healthy": 1}, 1),
        ({"degraded": True}, 1),
        ({"outcome": "coalesced"} | NOTHING, 0),
        ({"outcome": "kept"} | NOTHING, 2),
    ],
)
def test_a_sync_is_well_if_all_that_runs_is_healthy(change: dict[str, Any], code: int) -> None:
    """A run that left the listing to another one is well; one without time says nothing."""
    assert code == exits.of_sync(SYNC | change)


def test_a_recycle_that_failed_is_wrong() -> None:
    """One that goes on is well, and so is none at all."""
    assert 0 == exits.of_recycle({"outcome": "none", "recycle": None})
    assert 0 == exits.of_recycle({"outcome": "recycling", "recycle": {"phase": "restoring"}})
    assert 1 == exits.of_recycle({"outcome": "failed", "recycle": {"phase": "failed"}})
