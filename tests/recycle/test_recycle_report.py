"""What people read of a recycle in the log."""

from __future__ import annotations

import logging

import pytest
from test_machine import a_record

from discovery.recycle.acts import SetScaling, Step
from discovery.recycle.report import log_step
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
