"""Text for a terminal: its width in columns, colours, paragraphs. Pure."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

# ECMA-48, "select graphic rendition".
_CODES = {
    "failing": "1;31",
    "failed": "1;31",
    "degraded": "33",
    "unknown": "35",
    "healthy": "32",
    "strong": "1",
    "faint": "2",
}
NARROWEST = 20  # columns; with less, lines are as long as this


class Terminal(NamedTuple):
    """Where lines go. Without a width they are as long as they are."""

    width: int | None = None  # columns
    colour: bool = False

    def paint(self, text: str, name: str) -> str:
        code = _CODES.get(name) if self.colour else None
        return f"\x1b[{code}m{text}\x1b[0m" if code and text else text

    def paragraph(self, text: str, indent: str = "", first: str | None = None) -> list[str]:
        """The text in lines that fit, each after the indent, the first one after `first`."""
        start = indent if first is None else first
        if self.width is None:
            return [f"{start}{text}"]
        width = max(NARROWEST, self.width)
        lines, line = [], start
        for word in text.split():
            gap = "" if line in (start, indent) else " "
            if columns(line + gap + word) <= width:
                line += gap + word
                continue
            if gap:
                lines.append(line)
                line = indent
            while columns(line + word) > width:  # longer than a line: an ARN, say
                fits = len(cut(word, width - columns(line) + 1)) - 1
                lines.append(line + word[: max(1, fits)])
                line, word = indent, word[max(1, fits) :]  # noqa: PLW2901
            line += word
        return [*lines, line.rstrip()]


def columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(each) for each in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, width: int) -> str:
    """The text, or its beginning and an ellipsis, in so many columns."""
    if columns(text) <= width:
        return text
    kept, used = [], 0
    for character in text:
        used += _columns(character)
        if used > width - 1:
            break
        kept.append(character)
    return "".join(kept) + "…"
