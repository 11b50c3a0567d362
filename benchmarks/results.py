"""The figures: as a table for people and as JSON for everybody else."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.measure import Spread


@dataclass(frozen=True)
class Row:
    """One figure; less is better in all of them."""

    figure: str
    ours: Spread
    straightforward: Spread | None = None
    goal: float | None = None
    unit: str = ""  # none: a ratio
    note: str = ""

    @property
    def reached(self) -> bool | None:
        return None if self.goal is None else self.ours.median <= self.goal


@dataclass(frozen=True)
class Peer:
    """What a round of another project's costs, next to ours."""

    name: str
    tasks: int
    found: int
    calls: Mapping[str, int]
    seconds: Spread
    leaves_out: str


@dataclass(frozen=True)
class Growth:
    """What a warm sync of so many tasks costs."""

    tasks: int
    name: str
    milliseconds: Spread
    cpu: Spread  # ms
    memory: float  # MB, peak of the process
    calls: int


@dataclass
class Results:
    """All of it; it grows from section to section."""

    date: str
    command: str
    machine: Mapping[str, Any]
    rows: list[Row] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)
    growth: list[Growth] = field(default_factory=list)

    def write(self, path: Path) -> None:
        told = asdict(self)
        for row, each in zip(told["rows"], self.rows):
            row["reached"] = each.reached
        path.write_text(json.dumps(_rounded(told), indent=1) + "\n", encoding="utf-8")

    def tables(self) -> str:
        """Markdown: the README takes it as it is."""
        parts = [
            _table(
                ("figure", "straightforward", "ours", "to reach", ""),
                [
                    (
                        row.figure + (f" ({row.note})" if row.note else ""),
                        _shown(row.straightforward, row.unit),
                        _shown(row.ours, row.unit),
                        "" if row.goal is None else f"{row.goal:g}{row.unit}",
                        {None: "", True: "reached", False: "**not reached**"}[row.reached],
                    )
                    for row in self.rows
                ],
            )
        ]
        if self.peers:
            parts.append(
                _table(
                    ("discovery alone, cold", "tasks", "found", "calls", "seconds", "leaves out"),
                    [
                        (
                            peer.name,
                            f"{peer.tasks:,}",
                            f"{peer.found:,}",
                            f"{sum(peer.calls.values()):,}",
                            _shown(peer.seconds, ""),
                            peer.leaves_out,
                        )
                        for peer in self.peers
                    ],
                )
            )
        return "\n\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(line, widths)) + " |"
        for line in lines
    )


def _shown(spread: Spread | None, unit: str) -> str:
    """The median, and in brackets the least and the most."""
    if spread is None:
        return ""
    median, low, high = (_figure(each) for each in (spread.median, spread.low, spread.high))
    return f"{median}{unit}" if spread.runs == 1 else f"{median}{unit} ({low}-{high})"


def _figure(value: float) -> str:
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"  # noqa: PLR2004


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value
