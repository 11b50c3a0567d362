"""The documents' figures: each is the one that was measured, and none is written by hand."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from conftest import ROOT
from documents import DOCUMENTS, PERFORMANCE, README, name, prose, text

from benchmarks import memory
from benchmarks.measure import Spread
from benchmarks.results import FIGURE, TABLE, Growth, Results

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = ROOT / "template.yaml"
RESULTS = Results.read(ROOT / "benchmarks" / "results" / "results.json")
each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=name)


@each_document
def test_every_figure_is_the_one_that_was_measured(path: Path) -> None:
    """What `make bench` writes into the documents is what results.json holds."""
    assert RESULTS.document(text(path)) == text(path)


@each_document
def test_figures_are_marked_so_that_they_are_found(path: Path) -> None:
    """A marker that is misspelled would leave its figure unchecked; at the start of a line it
    would end the paragraph: https://spec.commonmark.org/0.31.2/#html-blocks"""
    held = text(path)
    assert held.count("<!--= ") == len(FIGURE.findall(held)) == held.count("<!--/-->")
    assert held.count("<!-- table") == len(TABLE.findall(held)) == held.count("<!-- end -->")
    assert [] == re.findall(r"^[ >*+\-\d.]*<!--=.*", held, re.MULTILINE)


def test_no_figure_is_written_by_hand() -> None:
    """On the page of figures a quantity is marked, or its section says that it is by hand."""
    page = TABLE.sub("", FIGURE.sub("", prose(PERFORMANCE)))
    sections = re.split(r"^## ", page, flags=re.MULTILINE)
    measured = [each for each in sections if "<!-- by hand: " not in each]
    assert 5 == len(measured)
    quantity = r"\d[\d,]*\.\d+|\d[\d,]* ?(?:ms|s|MB|kB|GB|%)(?!\w)"
    assert [] == re.findall(quantity, "".join(measured))


def test_the_tables_can_be_written_without_a_run(tmp_path: Path) -> None:
    """`python -m benchmarks tables` puts the figures of results.json back in their places."""
    for folder in ("benchmarks", "discovery", "simulator", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(README, tmp_path)
    page = tmp_path / PERFORMANCE.relative_to(ROOT)
    scrambled = FIGURE.sub(r"\1 0 \4", TABLE.sub(r"\1\nnothing\n\3", text(page)))
    page.write_text(scrambled, encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks", "tables"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (0, "figures written into docs/performance.md\n") == (done.returncode, done.stdout)
    assert text(PERFORMANCE) == text(page)


@pytest.mark.parametrize(
    "name",
    [
        "ours: warm sync, 1",
        "ours: no such row",
        "theirs: stop event",
        "goal: ... Python",
        "goal: idle minute ... and a task",
        "ours cpu: 7 tasks",
        "ours heat: 10 tasks",
        "ours: cold start ... of them throttled",
    ],
)
def test_a_figure_that_is_not_there_is_an_error(name: str) -> None:
    """Rather than a gap in a sentence."""
    with pytest.raises(LookupError):
        RESULTS.figure(name)


def test_the_price_follows_from_the_cpu_and_the_calls_of_a_run() -> None:
    """100 ms of CPU at a seventh of a CPU, and two calls of 30 ms: 0.8 s, 43,200 times."""
    cpu = Spread(median=100.0, low=90.0, high=110.0, runs=5)
    growth = Growth(tasks=10, name="ours", milliseconds=cpu, cpu=cpu, memory=60.0, calls=2)
    assert {
        "time on Lambda": "0.8 s",
        "GB-seconds": "8,640",
        "GB-seconds of a deployment": "1",
        "price": "$0.12",
        "calls in a month": "86,400",
    } == growth.month()


def test_the_price_of_a_run_follows_from_its_memory_and_its_time() -> None:
    """A million seconds at 1 GB: 13.33 dollars on arm64, 16.67 on x86; half of it at 512 MB."""
    second = Spread(median=1000.0, low=900.0, high=1100.0, runs=3)
    costs = [memory.Cost(20, "event", mb, second) for mb in (512, 1024)]
    costs.append(memory.Cost(1000, "schedule", 512, second))
    assert [
        "| tasks | run      | 512 MB                  | 1,024 MB                  |",
        "| ---   | ---      | ---                     | ---                       |",
        "| 20    | event    | 1,000 ms, $6.67 / $8.33 | 1,000 ms, $13.33 / $16.67 |",
        "| 1,000 | schedule | 1,000 ms, $6.67 / $8.33 |                           |",
    ] == memory.table(costs).splitlines()


def test_the_default_memory_is_compared_with_its_neighbours() -> None:
    """The default of the template: half the memory here takes double the time at the same price,
    twice the memory the same time at double the price."""
    (held,) = re.findall(r"MemorySize:\n    Type: Number\n    Default: (\d+)", text(TEMPLATE))
    assert str(memory.DEFAULT) == held
    times = {64: 1000.0, 128: 800.0, 256: 400.0, 512: 400.0, 1024: 100.0}
    costs = [
        memory.Cost(20, "event", mb, Spread(time, time, time, 1)) for mb, time in times.items()
    ]
    assert (
        "- event, 20 tasks, over 256 MB: 128 MB 2.00 of the time at 1.00 of the price, "
        "512 MB 1.00 of the time at 2.00 of the price"
    ) == memory.table(costs).splitlines()[-1]
