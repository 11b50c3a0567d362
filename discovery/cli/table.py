"""Rows and columns that fit the terminal. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from discovery.cli.terminal import columns, cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from discovery.cli.terminal import Terminal

GAP = "  "
LEAST = 1  # column that a cell keeps


class Cell(NamedTuple):
    """A text in a colour."""

    text: str
    colour: str


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[str | int | Cell]],
    terminal: Terminal,
    indent: str = "",
) -> list[str]:
    """A heading and a line for each row. Numbers stand right; the widest columns are cut."""
    body = [[each if isinstance(each, Cell) else Cell(str(each), "") for each in r] for r in rows]
    right = [
        all(cell.text.isdecimal() for cell in column if cell.text) and any(c.text for c in column)
        for column in zip(*body)
    ] or [False] * len(header)
    heading = [Cell(each, "faint") for each in header]
    room = None if terminal.width is None else terminal.width - columns(indent)
    widths = _widths([heading, *body], room)
    lines = []
    for row in [heading, *body]:
        shown = [
            _padded(cell, width, to_right, terminal)
            for cell, width, to_right in zip(row, widths, right)
        ]
        shown[-1] = shown[-1].rstrip() if not right[-1] else shown[-1]
        lines.append(indent + GAP.join(shown))
    return lines


def _widths(rows: Sequence[Sequence[Cell]], room: int | None) -> list[int]:
    widths = [max(columns(cell.text) for cell in column) for column in zip(*rows)]
    if room is None:
        return widths
    room -= len(GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > LEAST:
        # The widest is cut to the next one, or as far as it takes.
        widest = max(widths)
        at = widths.index(widest)
        next_width = max([each for each in widths if each < widest], default=LEAST)
        widths[at] = max(LEAST, min(widest - 1, max(next_width, widest - (sum(widths) - room))))
    return widths


def _padded(cell: Cell, width: int, to_right: bool, terminal: Terminal) -> str:
    text = cut(cell.text, width)
    blanks = " " * (width - columns(text))
    painted = terminal.paint(text, cell.colour)
    return blanks + painted if to_right else painted + blanks
