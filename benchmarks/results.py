"""The figures: JSON for programs, and tables and single figures for the documents.

A document marks the places that `document` fills. HTML comments do the marking, so a reader sees
the figures alone:

    <!-- table: figures -->        a whole table, up to <!-- end -->
    <!--= ours: warm sync, 10 tasks -->0.672<!--/-->        one figure in a sentence

`Results.figure` lists the names that a single figure may have.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks import memory
from benchmarks.contest import critical_path
from benchmarks.markdown import figure, shown, table
from benchmarks.measure import Spread
from benchmarks.prices import GB_SECOND, INVOCATION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TABLE = re.compile(r"(<!-- table: ([a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
FIGURE = re.compile(r"(<!--= (.+?) -->)(.*?)(<!--/-->)")

# A month with the template's defaults: a run each minute, 256 MB, for which Lambda gives a
# seventh of a CPU: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MONTH, SHARE, GIGABYTES = 60 * 24 * 30, 1 / 7, 0.25
# A deployment sends about 10 events for each task. Most are coalesced, within about 30 ms.
EVENTS, EVENT_SECONDS = 10, 0.03


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

    def month(self) -> dict[str, str]:
        """What it comes to on Lambda in a month, with one deployment of all tasks."""
        seconds = round(self.cpu.median / 1000 / SHARE + critical_path(self.tasks), 1)
        scheduled = MONTH * seconds * GIGABYTES
        events = EVENTS * self.tasks
        deployment = events * EVENT_SECONDS * GIGABYTES
        price = (scheduled + deployment) * GB_SECOND + (MONTH + events) * INVOCATION
        return {
            "time on Lambda": f"{seconds:.1f} s",
            "GB-seconds": f"{scheduled:,.0f}",
            "GB-seconds of a deployment": f"{deployment:,.0f}",
            "price": f"${price:.2f}",
            "calls in a month": f"{MONTH * self.calls:,}",
        }


@dataclass
class Results:
    """All of it; it grows from section to section."""

    date: str
    command: str
    machine: Mapping[str, Any]
    rows: list[Row] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)
    growth: list[Growth] = field(default_factory=list)
    memory: list[memory.Cost] = field(default_factory=list)

    def write(self, path: Path) -> None:
        document = asdict(self)
        for row, each in zip(document["rows"], self.rows):
            row["reached"] = each.reached
        path.write_text(json.dumps(_rounded(document), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Results:
        """What `write` wrote, with four digits of each figure."""
        held = json.loads(path.read_text(encoding="utf-8"))
        rows = [{name: row[name] for name in row if name != "reached"} for row in held["rows"]]
        held["rows"] = [Row(**_spreads(row)) for row in rows]
        held["peers"] = [Peer(**_spreads(peer)) for peer in held["peers"]]
        held["growth"] = [Growth(**_spreads(growth)) for growth in held["growth"]]
        held["memory"] = [memory.Cost(**_spreads(cost)) for cost in held.get("memory", [])]
        return cls(**held)

    def document(self, text: str) -> str:
        """The document with its marked places filled. Raises LookupError for an unknown name."""
        text = TABLE.sub(lambda found: f"{found[1]}\n{self.table(found[2])}\n\n{found[3]}", text)
        return FIGURE.sub(lambda found: f"{found[1]}{self.figure(found[2])}{found[4]}", text)

    def table(self, name: str) -> str:
        """Markdown of `figures`, `peers`, `memory` or `machine` (one line). Raises LookupError."""
        tables = {
            "figures": self._figures,
            "peers": self._peers,
            "memory": lambda: memory.table(self.memory),
            "machine": self._machine,
        }
        return tables[name]()

    def figure(self, name: str) -> str:
        """One figure with its unit. Raises LookupError unless the name fits exactly one.

        WHO is `ours` or `straightforward`:

            WHO: TITLE              the median of the row whose title begins so
            goal: TITLE             what it has to reach
            WHO: TITLE ... TITLE    the row with dots below the first; the first that fits
            WHO QUANTITY: N tasks   of a warm sync: time or cpu (ms), memory (MB), calls, or one
                                    of Growth.month
            WHO memory: a task      kB that each further task takes
        """
        what, _, where = name.partition(": ")
        who, _, quantity = what.partition(" ")
        if quantity:
            return self._growth(who, quantity, where)
        row = self._row(where)
        if who == "goal" and row.goal is not None:
            return f"{row.goal:g}{row.unit}"
        spread = {"ours": row.ours, "straightforward": row.straightforward}.get(who)
        if spread is None:
            raise LookupError(f"no figure is named {name!r}")
        return f"{figure(spread.median)}{row.unit}"

    def _row(self, title: str) -> Row:
        first, _, below = title.partition(" ... ")
        found = [at for at, row in enumerate(self.rows) if row.figure.startswith(first)]
        if len(found) != 1:
            raise LookupError(f"{len(found)} figures begin with {first!r}")
        if not below:
            return self.rows[found[0]]
        for row in self.rows[found[0] + 1 :]:
            if row.figure.startswith(f"... {below}"):
                return row
            if not row.figure.startswith("..."):
                break
        raise LookupError(f"no figure below {first!r} begins with {below!r}")

    def _growth(self, who: str, quantity: str, where: str) -> str:
        sizes = {f"{each.tasks:,} tasks": each for each in self.growth if each.name == who}
        if where == "a task" and quantity == "memory":
            least, *_, most = sorted(sizes.values(), key=lambda each: each.tasks)
            kilobytes = (most.memory - least.memory) * 1000 / (most.tasks - least.tasks)
            return f"{figure(kilobytes)} kB"
        each = sizes[where]
        return {
            "time": f"{figure(each.milliseconds.median)} ms",
            "cpu": f"{figure(each.cpu.median)} ms",
            "memory": f"{figure(each.memory)} MB",
            "calls": f"{each.calls:,}",
            **each.month(),
        }[quantity]

    def _figures(self) -> str:
        return table(
            ("figure", "straightforward", "ours", "to reach", ""),
            [
                (
                    row.figure + (f" ({row.note})" if row.note else ""),
                    shown(row.straightforward, row.unit),
                    shown(row.ours, row.unit),
                    "" if row.goal is None else f"{row.goal:g}{row.unit}",
                    {None: "", True: "reached", False: "**not reached**"}[row.reached],
                )
                for row in self.rows
            ],
        )

    def _peers(self) -> str:
        return table(
            ("discovery alone, cold", "tasks", "found", "calls", "seconds", "leaves out"),
            [
                (
                    peer.name,
                    f"{peer.tasks:,}",
                    f"{peer.found:,}",
                    f"{sum(peer.calls.values()):,}",
                    shown(peer.seconds, ""),
                    peer.leaves_out,
                )
                for peer in self.peers
            ],
        )

    def _machine(self) -> str:
        machine = self.machine
        shares = f", shares of a CPU by {machine['shares']}" if "shares" in machine else ""
        return (
            f"{self.date}, `{self.command}` on {machine['processor']}, {machine['cores']} cores, "
            f"{machine['memory_gb']} GB, {machine['system']}, Python {machine['python']}{shares}."
        )


def _spreads(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values, with a Spread for each mapping that is one."""
    return {
        name: Spread(**value) if isinstance(value, dict) and "median" in value else value
        for name, value in values.items()
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value
