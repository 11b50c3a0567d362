"""The last lines of a stopped task, as they go into an answer."""

from __future__ import annotations

import json
import random
import string
import time
from typing import TYPE_CHECKING

import pytest
from looks import Doctor
from simulated import standing

from discovery.diagnose.log_lines import LONGEST, masked
from discovery.diagnose.redact import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

# Not a key; each line of it alone is no secret by its form.
BODY = ("MIIEowIBAAKCAQEAexampleexampleexampleexampleexample", "exampleexampleexample==")
KEY = ("-----BEGIN RSA PRIVATE KEY-----", *BODY, "-----END RSA PRIVATE KEY-----")


def key_lines(count: int, seed: int = 7) -> list[str]:
    """Lines as those of a private key; the last one is shorter."""
    alphabet = string.ascii_letters + string.digits + "+/"
    letters = random.Random(seed)
    lengths = [*[64] * (count - 1), 22]
    return ["".join(letters.choices(alphabet, k=each)) for each in lengths]


def test_a_secret_that_spans_lines_is_masked() -> None:
    """The lines of a private key are one secret; what stands around it stays, line by line."""
    lines = ["loading", *KEY, "password=open-sesame", "ready"]
    assert ("loading", "***", "password=***", "ready") == masked(lines)


def test_a_key_that_begins_in_the_last_lines_is_masked_to_the_end() -> None:
    """The task ended within it, or it is longer than what is read."""
    assert ("loading", "***") == masked(["loading", *KEY[:3]])


@pytest.mark.parametrize("after", [0, 3])
def test_a_key_that_began_before_the_last_lines_is_masked(after: int) -> None:
    """Only its end is in the last lines: what stands above that is the key."""
    end = ["-----END RSA PRIVATE KEY-----", *["FATAL cannot start"] * after]
    lines = [*key_lines(9), *end][-10:]
    assert ("***", *["FATAL cannot start"] * after) == masked(lines)


def test_a_line_of_a_key_is_known_by_its_form() -> None:
    """Neither begin nor end is in the last lines; what has another form stays."""
    key = key_lines(10)[:9]
    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert (*["***"] * 9, digest) == masked([*key, digest])


def test_long_lines_do_not_take_long() -> None:
    """An event may have 256 kB: of each line only the start is read, as no more is shown."""

    def cost(lines: Sequence[str]) -> float:
        def once() -> float:
            began = time.process_time()
            masked(list(lines))
            return time.process_time() - began

        return min(once() for _ in range(3))

    piece = "password=['a'] Cookie: b https://c:d@e "
    short, long = (piece * (length // len(piece)) for length in (8_000, 256_000))
    assert cost([long] * 10) < 5 * cost([short] * 10)  # 32 is proportional


@pytest.mark.parametrize("before", range(1_900, 2_020, 5))
def test_no_half_of_a_secret_is_shown(before: int) -> None:
    """Where a line is cut before it is masked, the half that stays is no secret by its form."""
    secret = "aB3" + "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKE"
    long = f"password='{'x' * (before - 20)}' key {secret} " + "end " * 100
    assert redact(long) == f"password=*** key *** {'end ' * 100}"
    (shown,) = masked([long])
    assert secret[:12] not in shown
    assert shown.startswith("password=***")


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
