"""`make bench`: everything in order, some nine minutes; a table, results.json, growth.png."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable

from benchmarks import cold, log_classes, peers, silent, stop, storm, warm
from benchmarks.measure import machine
from benchmarks.results import Results

RESULTS = Path(__file__).parent / "results"
SECTIONS: dict[str, tuple[str, Callable[[Results, Callable[[str], None]], None]]] = {
    "warm": ("warm syncs", warm.measure),
    "silent": ("silent tasks", silent.measure),
    "cold": ("cold starts", cold.measure),
    "storm": ("a storm of events", storm.measure),
    "stop": ("stop events", stop.measure),
    "peers": ("peers from PyPI", peers.measure),
    "logs": ("classes of log lines", log_classes.measure),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "sections", nargs="*", help=f"only these of {', '.join(SECTIONS)}; nothing is kept then"
    )
    chosen = parser.parse_args().sections or list(SECTIONS)
    if not set(chosen) <= SECTIONS.keys():
        parser.error(f"choose from {', '.join(SECTIONS)}")
    # Collecting garbage among 5,000 simulated tasks would show in the latency of AWS.
    gc.disable()
    results = Results(
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        command="make bench",
        machine=machine(),
    )
    began = time.monotonic()
    print(", ".join(f"{name}: {value}" for name, value in results.machine.items()), flush=True)
    if float(results.machine["load_at_start"]) > int(results.machine["cores"]) / 2:
        print("The machine is busy with something else: times will be too long, for both.")
    for name in chosen:
        title, measure = SECTIONS[name]

        def progress(at: str, title: str = title) -> None:
            print(f"[{time.monotonic() - began:4.0f} s] {title}: {at}", flush=True)

        measure(results, progress)
        gc.collect()
    print(f"\n{results.tables()}\n\n{results.date}, {results.command}", flush=True)
    if chosen == list(SECTIONS):
        from benchmarks import picture  # noqa: PLC0415 (its library takes a while)

        RESULTS.mkdir(exist_ok=True)
        results.write(RESULTS / "results.json")
        picture.draw(results, RESULTS / "growth.png")
        print(f"kept in {RESULTS.relative_to(Path.cwd())}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
