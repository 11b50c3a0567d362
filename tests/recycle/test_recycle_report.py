"""What people read of a recycle in the log, and of what they get a message."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from test_machine import NOW, a_record

from discovery.recycle.acts import SetScaling, Step
from discovery.recycle.report import due, log_step, with_announced
from discovery.service import Suspended


@pytest.mark.parametrize(
    ("act", "line"),
    [
        (
            SetScaling(4, Suspended(scale_in=True)),
            "recycle r1: scale-in suspended, maximum set to 4",
        ),
        (
            SetScaling(None, Suspended(scale_in=True, scheduled=True)),
            "recycle r1: scale-in and scheduled scaling suspended, maximum left as it is",
        ),
        (SetScaling(3, Suspended()), "recycle r1: nothing suspended, maximum set to 3"),
    ],
)
def test_a_change_of_the_scaling_is_logged_in_plain_words(
    act: SetScaling, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The line names what may not scale the service for now, and the maximum."""
    caplog.set_level(logging.INFO)
    record = a_record()
    log_step(record, record, Step(record, (act,)))
    assert [line] == caplog.messages


RESTORING: dict[str, Any] = {"phase": "restoring", "restoring_since": NOW - 600}


@pytest.mark.parametrize(
    ("record", "announced", "kinds"),
    [
        ({}, "", "started"),
        ({}, "started", ""),
        ({"paused": True}, "started", "paused"),
        ({"paused": True}, "started paused", ""),
        ({}, "started paused", "resumed"),
        ({}, "started paused resumed", ""),
        ({"paused": True}, "started paused resumed", "paused"),
        ({"ending": "cancelled"}, "started paused", ""),
        (RESTORING | {"ending": "failed"}, "", "started failed"),
        (RESTORING | {"ending": "failed"}, "started failed", ""),
        (RESTORING | {"restoring_since": NOW - 600.1}, "started", "not_restored"),
        (RESTORING | {"restoring_since": NOW - 600.1}, "started not_restored", ""),
        ({"phase": "failed"}, "started", "failed"),
        ({"phase": "recycled"}, "started paused resumed", "recycled"),
        ({"phase": "cancelled"}, "started cancelled", ""),
    ],
)
def test_the_messages_that_are_due_follow_from_the_record(
    record: dict[str, Any], announced: str, kinds: str
) -> None:
    """What has happened, and was not told yet; after that, nothing is due."""
    written = a_record(announced=tuple(announced.split()), **record)
    assert tuple(kinds.split()) == due(written, NOW)
    assert () == due(with_announced(written, kinds.split()), NOW)
