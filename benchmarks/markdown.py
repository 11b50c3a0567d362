"""Figures and tables as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measure import Spread


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(line, widths)) + " |"
        for line in lines
    )


def shown(spread: Spread | None, unit: str) -> str:
    """The median, and in brackets the least and the most."""
    if spread is None:
        return ""
    median, low, high = (figure(each) for each in (spread.median, spread.low, spread.high))
    return f"{median}{unit}" if spread.runs == 1 else f"{median}{unit} ({low}-{high})"


def figure(value: float) -> str:
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"  # noqa: PLR2004
