"""`make bench`: every section in order, about fifteen minutes.

It prints the tables, keeps results.json and growth.png, and writes the figures into the documents.
`python -m benchmarks tables` writes them anew from results.json and measures nothing.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable

from benchmarks import cold, diagnosis, log_classes, peers, share, silent, stop, storm, warm
from benchmarks.measure import machine
from benchmarks.results import Results

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
SECTIONS: dict[str, tuple[str, Callable[[Results, Callable[[str], None]], None]]] = {
    "warm": ("warm syncs", warm.measure),
    "silent": ("silent tasks", silent.measure),
    "cold": ("cold starts", cold.measure),
    "storm": ("a storm of events", storm.measure),
    "stop": ("stop events", stop.measure),
    "share": ("Lambda's share of a CPU", share.measure),
    "peers": ("peers from PyPI", peers.measure),
    "logs": ("classes of log lines", log_classes.measure),
    "diagnose": ("a diagnosis", diagnosis.measure),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "sections",
        nargs="*",
        help=f"only these of {', '.join(SECTIONS)}; nothing is kept then; or: tables",
    )
    chosen = parser.parse_args().sections or list(SECTIONS)
    if chosen == ["tables"]:
        write_documents()
        return 0
    if not set(chosen) <= SECTIONS.keys():
        parser.error(f"choose from {', '.join(SECTIONS)}, or tables alone")
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
    tables = [results.table("figures")]
    tables += [results.table("memory")] if results.memory else []
    tables += [results.table("peers")] if results.peers else []
    print("\n" + "\n\n".join([*tables, results.table("machine")]), flush=True)
    if chosen == list(SECTIONS):
        from benchmarks import picture  # noqa: PLC0415 (its library takes a while)

        RESULTS.mkdir(exist_ok=True)
        results.write(RESULTS / "results.json")
        picture.draw(results, RESULTS / "growth.png")
        print(f"kept in {RESULTS.relative_to(ROOT)}/")
        write_documents()
    return 0


def write_documents() -> None:
    """Fill the marked places of the documents from results.json, as a test compares the two."""
    results = Results.read(RESULTS / "results.json")
    for path in DOCUMENTS:
        before = path.read_text(encoding="utf-8")
        after = results.document(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(f"figures written into {path.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
