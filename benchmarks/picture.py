"""How cost grows with the number of tasks, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("Agg")  # draws to files, needs no screen

from matplotlib import pyplot as plt

from benchmarks.contest import OURS, STRAIGHTFORWARD, critical_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.results import Growth, Results

COLOURS = {OURS: "#0b6e4f", STRAIGHTFORWARD: "#b0413e"}


def draw(results: Results, path: Path) -> None:
    figure, ((wall, cpu), (memory, calls)) = plt.subplots(2, 2, figsize=(10, 7), sharex=True)
    _panel(wall, "time of a warm sync, ms", results.growth, lambda each: each.milliseconds.median)
    _panel(cpu, "CPU of it, ms", results.growth, lambda each: each.cpu.median)
    _panel(memory, "peak memory of the process, MB", results.growth, lambda each: each.memory)
    _panel(calls, "ECS calls", results.growth, lambda each: each.calls)
    sizes = sorted({each.tasks for each in results.growth})
    floor = [critical_path(tasks) * 1000 for tasks in sizes]
    wall.plot(sizes, floor, color="grey", linestyle=":", label="critical path (AWS alone)")
    for panel in (wall, cpu, calls):
        panel.set_yscale("log")
    memory.set_ylim(bottom=0)
    for panel in (memory, calls):
        panel.set_xlabel("tasks")
    wall.legend(frameon=False)
    machine = results.machine
    figure.suptitle(
        f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, "
        f"30 ms on each AWS call, {results.date}",
        fontsize=9,
    )
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _panel(axes: Any, title: str, growth: list[Growth], value: Callable[[Growth], float]) -> None:
    for name, colour in COLOURS.items():
        points = [(each.tasks, value(each)) for each in growth if each.name == name]
        axes.plot(*zip(*points), marker="o", color=colour, label=name)
    axes.set_title(title, fontsize=10)
    axes.set_xscale("log")
    axes.grid(alpha=0.25)
