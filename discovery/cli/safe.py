"""Texts from outside, made safe for a terminal: masked, and without control characters. Pure."""

from __future__ import annotations

import re
from typing import Any

from discovery.diagnose.redact import MASK, redact
from discovery.diagnose.secret_forms import KEY_LINE
from discovery.text import one_line

LONGEST = 2_000  # characters of a text in an answer, as a diagnosis has them
_BEGIN, _END = "-----BEGIN ", "-----END "
KEY_LINES = 200  # of a private key; the largest that is in use has 100
_KEY_LINE = re.compile(KEY_LINE)
_LAST = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_AROUND = " \"'\\,|>"  # where a line stands in a text of source or a table


def masked(value: Any) -> Any:
    """An answer without secrets, each text on one line."""
    if isinstance(value, str):
        return one_line(redact(value), LONGEST)
    if isinstance(value, dict):
        return {masked(name): masked(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(each) for each in value]
    return value


def printable(text: str) -> str:
    """The same width and indentation; what would steer a terminal is a blank."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " for c in text.replace("\t", "    "))


class Masker:
    """Masks a stream's lines one by one, and a private key that spans several of them.

    The first line may be within a key. No line can be looked back at, so each line of such a key is
    known by its own form, and the last, which is shorter, by the one before.
    """

    def __init__(self) -> None:
        self._in_key: dict[str, int] = {}  # by stream: lines of a key that may still come
        self._after_key_line: set[str] = set()  # streams

    def lines(self, stream: str, text: str) -> list[str]:
        """The lines of one event, whole, each safe to print."""
        known = stream in self._in_key or stream in self._after_key_line
        if not known and _BEGIN not in text and not _KEY_LINE.search(text):
            return [printable(each) for each in redact(text).splitlines()] or [""]
        return [each for line in text.splitlines() for each in self._key_line(stream, line)]

    def _key_line(self, stream: str, line: str) -> list[str]:
        left = self._in_key.pop(stream, 0)
        if left:
            head, end, rest = line.partition(_END)
            if end:
                return [MASK + printable(redact(rest.partition("-----")[2].lstrip("-")))]
            if left > 1 and _of_key(head):
                self._in_key[stream] = left - 1
                return [MASK]
        if _BEGIN in line and "PRIVATE KEY" in line and _END not in line.partition(_BEGIN)[2]:
            self._in_key[stream] = KEY_LINES
        masked = redact(line)
        if stream in self._after_key_line:
            self._after_key_line.discard(stream)
            if _LAST.fullmatch(line.strip(_AROUND)):
                masked = MASK
        if _KEY_LINE.fullmatch(line.strip(_AROUND)) and MASK in masked:
            self._after_key_line.add(stream)
        return [printable(masked)]


def _of_key(line: str) -> bool:
    """Base64, a header of an old form, or nothing: the lines between BEGIN and END."""
    text = line.strip(_AROUND)
    return " " not in text or text.split(" ", 1)[0].endswith(":")
