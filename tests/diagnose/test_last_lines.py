"""The last lines of a stopped task, as they go into an answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from looks import Doctor
from simulated import standing

from discovery.diagnose.log_lines import LONGEST, masked

if TYPE_CHECKING:
    import pytest

# Not a key; each line of it alone is no secret by its form.
BODY = ("MIIEowIBAAKCAQEAexampleexampleexampleexampleexample", "exampleexampleexample==")
KEY = ("-----BEGIN RSA PRIVATE KEY-----", *BODY, "-----END RSA PRIVATE KEY-----")


def test_a_secret_that_spans_lines_is_masked() -> None:
    """The lines of a private key are one secret; what stands around it stays, line by line."""
    lines = ["loading", *KEY, "password=open-sesame", "ready"]
    assert ("loading", "***", "password=***", "ready") == masked(lines)


def test_a_key_that_begins_in_the_last_lines_is_masked_to_the_end() -> None:
    """The task ended within it, or it is longer than what is read."""
    assert ("loading", "***") == masked(["loading", *KEY[:3]])


def test_a_line_is_bounded_and_a_blank_one_is_left_out() -> None:
    """An answer quotes lines, and does not hold whole dumps."""
    long, end = masked(["a word " * 2000, "  ", "\x1b\n", "end"])
    assert (LONGEST + len("..."), "end") == (len(long), end)


def test_a_diagnosis_quotes_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that logs its key and then runs out of memory: the answer has not one line of it."""
    with standing() as aws:
        service = aws.ecs.create_service("arcade", "lobby", desired=2, steady=True)
        task = service.running[0]
        aws.log(task, "loading", *KEY, "the end")
        task.run_out_of_memory()
        aws.ecs.advance(60)
        answer = Doctor(aws, service, monkeypatch).diagnose()
    assert answer["cause"]["text"].endswith("the last lines before: loading | *** | the end.")
    said = json.dumps([answer["cause"], answer["findings"], answer["restarts"]])
    assert [] == [line for line in BODY if line in said]
