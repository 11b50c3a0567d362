"""Time and price of a run by the function's memory, which brings its share of a CPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import markdown
from benchmarks.prices import GB_SECOND, GB_SECOND_X86

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measure import Spread


DEFAULT = 256  # MB, of the template


@dataclass(frozen=True)
class Cost:
    """What a run of one kind takes with so much memory."""

    tasks: int
    kind: str  # event, or schedule
    memory: int  # MB
    milliseconds: Spread

    def price(self, gb_second: float = GB_SECOND) -> float:
        """Dollars of a million runs, without the price of the requests themselves."""
        return self.milliseconds.median / 1000 * self.memory / 1024 * gb_second * 1_000_000


def table(costs: Sequence[Cost]) -> str:
    """Rows by size and kind of run, columns by memory; a cell has the time and both prices.

    Below it a line for each run says what less and more memory than the default would change.
    """
    memories = sorted({each.memory for each in costs})
    runs = dict.fromkeys((each.tasks, each.kind) for each in costs)
    cells = {(each.tasks, each.kind, each.memory): _cell(each) for each in costs}
    rows = markdown.table(
        ("tasks", "run", *(f"{memory:,} MB" for memory in memories)),
        [
            (
                f"{tasks:,}",
                kind,
                *(cells.get((tasks, kind, memory), "") for memory in memories),
            )
            for tasks, kind in runs
        ],
    )
    lines = [_compared(costs, tasks, kind) for tasks, kind in runs]
    return "\n".join([rows, "", *filter(None, lines)]).rstrip()


def _compared(costs: Sequence[Cost], tasks: int, kind: str) -> str:
    """A run at the default memory, beside the next smaller and the next larger one."""
    held = {each.memory: each for each in costs if (each.tasks, each.kind) == (tasks, kind)}
    default = held.get(DEFAULT)
    if default is None:
        return ""
    less = max((each for each in held if each < DEFAULT), default=None)
    more = min((each for each in held if each > DEFAULT), default=None)
    others = [
        f"{memory} MB {held[memory].milliseconds.median / default.milliseconds.median:.2f} of the "
        f"time at {held[memory].price() / default.price():.2f} of the price"
        for memory in (less, more)
        if memory is not None
    ]
    return f"- {kind}, {tasks:,} tasks, over {DEFAULT} MB: {', '.join(others)}"


def _cell(cost: Cost) -> str:
    arm, x86 = cost.price(), cost.price(GB_SECOND_X86)
    return f"{markdown.figure(cost.milliseconds.median)} ms, ${arm:.2f} / ${x86:.2f}"
