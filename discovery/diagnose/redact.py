"""Secrets in a text, masked: pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from discovery.diagnose.secret_forms import AROUND, BESIDE, KEYS, LONG, SHORTEST_LONG
from discovery.diagnose.secret_names import (
    HEADERS,
    MASK,
    NAMES,
    OF_HEADERS,
    OF_NAMES,
    mask,
    small,
)
from discovery.diagnose.secret_urls import mask_urls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from discovery.diagnose.secret_forms import Form

__all__ = ["MASK", "readable", "redact", "redact_lines", "redact_start"]

# Characters of a line that are read, where its start alone is shown: an event may have 256 kB.
LONGEST = 2_000
_CUT = "\0"
# What may be half of a secret: if it is longer, it is known by its form all the same.
_HALF = re.compile(rf"[\w/+=.~-]{{1,100}}{_CUT}\Z")
_LONG = re.compile(rf"[A-Za-z0-9/+]{{{SHORTEST_LONG}}}")


def redact(text: str) -> str:
    """The text with `***` for what is a password, a token, a key or a signature.

    It masks by the names that secrets have and by the forms that they have. A secret that has
    neither, such as a bare word in a sentence, is not known for one.

    Most lines of a log have none, so a rule is tried only on a text that has a word for it.
    """
    lowered = small(text)
    text = _forms(text, lowered, KEYS)
    if any(word in lowered for word in HEADERS):
        text = mask(text, OF_HEADERS)
    text = _forms(text, lowered, AROUND)
    if "@" in lowered:
        text = mask_urls(text)
    if any(word in lowered for word in NAMES):
        text = mask(text, OF_NAMES)
    text = _forms(text, lowered, BESIDE)
    return _forms(text, lowered, LONG) if _LONG.search(text) else text


def readable(text: str) -> str:
    """As much of a text as `redact_start` needs."""
    return text[: LONGEST + 1]


def redact_start(text: str) -> str:
    """The start of a text of any length, masked: for whoever shows less of it."""
    return redact_lines([text])


def redact_lines(lines: Sequence[str]) -> str:
    """The starts of lines, masked together: a secret may span several."""
    text = redact("\n".join(_start(line) for line in lines))
    if _CUT not in text:
        return text
    return "\n".join(_end_left_out(line) for line in text.split("\n"))


def _start(line: str) -> str:
    return line if len(line) <= LONGEST else line[:LONGEST] + _CUT


def _end_left_out(line: str) -> str:
    """A line that was cut, without what may be half of a secret."""
    return _HALF.sub("", line) if line.endswith(_CUT) else line


def _forms(text: str, lowered: str, forms: Sequence[Form]) -> str:
    for needles, pattern, masked in forms:
        if not needles or any(word in lowered for word in needles):
            text = pattern.sub(masked, text)
    return text
