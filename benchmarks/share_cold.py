"""A cold start to the first list, with Lambda's share of a CPU after the init.

Lambda gives the init a whole CPU, whatever the memory:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
So the handler is imported with the full CPU, and the first invocation has its share. The emulator
of the section `cold` does both in one go, so this runs in the simulator's environment instead.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.cold import build, build_straightforward
from benchmarks.contest import LATENCY, OURS, STRAIGHTFORWARD, checked
from benchmarks.measure import Spread
from benchmarks.results import Results, Row
from simulator import Function, Simulator
from simulator.emulator import LAMBDA, VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.contest import Progress

TASKS, ROUNDS, GOAL = 20, 8, 0.4
ZIPS = 2  # straightforward ones: which of their bytecode is stale is a matter of luck


class Start(NamedTuple):
    """A cold start, in milliseconds."""

    init: float
    invocation: float

    @property
    def total(self) -> float:
        return self.init + self.invocation


def measure(results: Results, progress: Progress, memory: int) -> None:
    starts: dict[str, list[Start]] = {STRAIGHTFORWARD: [], OURS: []}
    with Simulator(latency=LATENCY) as aws, tempfile.TemporaryDirectory() as folder:
        progress("building the zips")
        ours = Path(folder) / OURS
        build(ours)
        zips = [Path(folder) / f"zip-{each}" for each in range(ZIPS)]
        for zipped in zips:
            build_straightforward(Path(folder) / "in-place", zipped)
        service = aws.ecs.create_service("arcade", "lobby")
        service.start_tasks(TASKS)
        for each in range(1 - ZIPS, ROUNDS + 1):
            progress(f"cold starts, round {each} of {ROUNDS}")
            packages = {STRAIGHTFORWARD: zips[each % ZIPS], OURS: ours}
            for name, package in packages.items():
                aws.valkey.flush()
                start = cold_start(package, aws.settings(service, name), memory)
                if not aws.valkey.client().get(name):
                    raise RuntimeError(f"{name} wrote no list")
                if each > 0:
                    starts[name].append(start)
    results.rows += _rows(starts, memory)


def cold_start(package: Path, settings: Mapping[str, str], memory: int) -> Start:
    # As in Lambda the function's folder is read-only: no bytecode is written there.
    env = {"PYTHONDONTWRITEBYTECODE": "1", **settings}
    began = time.monotonic()
    python = str(LAMBDA / "bin" / "python")
    with Function(env, root=package, python=python, memory=memory) as function:
        failure = function.init_error
        init = time.monotonic() - began
        if failure:
            raise RuntimeError(failure)
        done = checked(function.invoke({}))
    return Start(init * 1000, done.duration * 1000)


def _rows(starts: Mapping[str, list[Start]], memory: int) -> list[Row]:
    """The ratio is that of neighbours, so that a slow moment of the machine hits both."""
    pairs = zip(starts[OURS], starts[STRAIGHTFORWARD])
    ratio = Spread.of(ours.total / theirs.total for ours, theirs in pairs)
    title = f"first list after a cold start at {memory} MB, {TASKS} tasks"
    rows = [Row(f"{title}, over the straightforward zip's", ratio, Spread.of([1]), GOAL)]
    for what, part in (
        (f"... Python {VERSION}, its init with a whole CPU", "init"),
        ("... and the first invocation", "invocation"),
    ):
        ours, theirs = (
            Spread.of(getattr(each, part) for each in starts[name])
            for name in (OURS, STRAIGHTFORWARD)
        )
        rows.append(Row(what, ours, theirs, unit=" ms"))
    return rows
