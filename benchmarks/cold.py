"""A cold start to the first list, from the zip, under AWS's runtime interface emulator."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contest import LATENCY, OURS, ROOT, ROOTS, STRAIGHTFORWARD
from benchmarks.measure import Spread
from benchmarks.results import Results, Row
from simulator import Simulator
from simulator.emulator import LAMBDA, OFFLINE, VERSION, Emulator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.contest import Progress

TASKS, ROUNDS = 20, 16
ZIPS = 4  # straightforward ones: which of their bytecode is stale is a matter of luck
IN_PLACE = f"{STRAIGHTFORWARD}, unpacked by pip"


def measure(results: Results, progress: Progress) -> None:
    contestants = (STRAIGHTFORWARD, IN_PLACE, OURS)
    walls: dict[str, list[float]] = {name: [] for name in contestants}
    with Simulator(latency=LATENCY) as aws, tempfile.TemporaryDirectory() as folder:
        progress("building them")
        packages = {name: Path(folder) / str(each) for each, name in enumerate(contestants)}
        build(packages[OURS])
        zips = [Path(folder) / f"zip-{each}" for each in range(ZIPS)]
        for zipped in zips:
            build_straightforward(packages[IN_PLACE], zipped)
        service = aws.ecs.create_service("arcade", "lobby")
        service.start_tasks(TASKS)
        for each in range(1 - ZIPS, ROUNDS + 1):
            progress(f"round {each} of {ROUNDS}")
            packages[STRAIGHTFORWARD] = zips[each % ZIPS]
            for name in contestants:
                aws.valkey.flush()
                seconds = cold_start(packages[name], aws.settings(service, name))
                if not aws.valkey.client().get(name):
                    raise RuntimeError(f"{name} wrote no list")
                if each > 0:
                    walls[name].append(seconds)
    results.rows += _rows(walls)


def _rows(walls: Mapping[str, list[float]]) -> list[Row]:
    """Ratios of neighbours, so that a slow moment of the machine hits both."""
    ratios = {
        name: Spread.of(ours / theirs for ours, theirs in zip(walls[OURS], walls[name]))
        for name in (STRAIGHTFORWARD, IN_PLACE)
    }
    milliseconds = {name: Spread.of(each * 1000 for each in walls[name]) for name in walls}
    title = f"cold start to the first list, {TASKS} tasks, from the zip under Lambda's emulator"
    alone = Spread.of([1])
    return [
        Row(f"{title}, over the straightforward zip's", ratios[STRAIGHTFORWARD], alone, 0.65),
        Row(f"... Python {VERSION}", milliseconds[OURS], milliseconds[STRAIGHTFORWARD], unit=" ms"),
        Row("... over the same, never zipped: its bytecode holds", ratios[IN_PLACE], alone),
        Row(f"... Python {VERSION}", milliseconds[OURS], milliseconds[IN_PLACE], unit=" ms"),
    ]


def build(into: Path) -> None:
    target = into.with_suffix(".zip")
    env = os.environ | OFFLINE | {"PYTHON_VERSION": VERSION}
    _run(str(ROOT / "build.sh"), str(target), env=env)
    with zipfile.ZipFile(target) as bundle:
        bundle.extractall(into)


def build_straightforward(in_place: Path, zipped: Path) -> None:
    """`pip install -t`, with the bytecode that pip compiles; and the same through a zip.

    A zip keeps times to two seconds, and that bytecode is good for a source of that very
    time: half of it is stale once it is extracted, in a folder that is read-only.
    """
    shutil.rmtree(in_place, ignore_errors=True)
    pip = (str(LAMBDA / "bin" / "python"), "-m", "pip", "install", "--quiet")
    what = ("--requirement", str(ROOT / "requirements.txt"), "--target", str(in_place))
    _run(*pip, "--disable-pip-version-check", *what, env=os.environ | OFFLINE)
    shutil.copy(ROOTS[STRAIGHTFORWARD] / "lambda_function.py", in_place)
    with zipfile.ZipFile(shutil.make_archive(str(zipped), "zip", in_place)) as bundle:
        for entry in bundle.infolist():
            extracted = bundle.extract(entry, zipped)
            moment = time.mktime((*entry.date_time, 0, 0, -1))
            os.utime(extracted, (moment, moment))


def _run(*command: str, env: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")


def cold_start(package: Path, settings: Mapping[str, str]) -> float:
    """Seconds from the first invocation, which starts the runtime, to its answer."""
    # As in Lambda the function's folder is read-only: no bytecode is written there.
    with Emulator(package, {"PYTHONDONTWRITEBYTECODE": "1", **settings}) as emulator:
        began = time.monotonic()
        answer = emulator.invoke({})
        seconds = time.monotonic() - began
    if answer.error_type:
        raise RuntimeError(answer.document)
    return seconds
