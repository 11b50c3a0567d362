"""Classes of log lines: precision and recall on the corpus, lines a second on a realistic mix."""

from __future__ import annotations

import re
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.results import Results

from discovery.diagnose.classify import CLASSES, examine
from discovery.diagnose.summary import LogLine, summarise

CORPUS = Path(__file__).parent.parent / "tests" / "diagnose" / "corpus"
PARTS = ("development", "held_out")
GOAL = 0.95
LINES_A_SECOND = 100_000
RUNS = 5


class Labelled(NamedTuple):
    """An event of the corpus."""

    error: str | None
    status: int | None  # that it counts for
    text: str


class Score(NamedTuple):
    """How well a class is found."""

    precision: float
    recall: float
    support: int


def corpus(part: str) -> list[Labelled]:
    """The events of one part; tests/diagnose/corpus/README.md has the format."""
    events = []
    for path in sorted((CORPUS / part).glob("*.txt")):
        status = None
        for line in path.read_text(encoding="utf-8").rstrip("\n").split("\n"):
            if line.startswith("## "):
                found = re.search(r"\[http (\d+)\]", line)
                status = int(found[1]) if found else None
            elif line:
                text = line.replace("⏎", "\n").replace("␉", "\t").replace("␛", "\x1b")
                events.append(Labelled(None if path.stem == "none" else path.stem, status, text))
    return events


def scores(part: str) -> dict[str, Score]:
    """Precision and recall of each class on a part of the corpus."""
    right, found, support = Counter[str](), Counter[str](), Counter[str]()
    for event in corpus(part):
        got = examine(event.text).error
        if event.error is not None:
            support[event.error] += 1
        if got is not None:
            found[got] += 1
            right[got] += got == event.error
    return {
        name: Score(
            right[name] / found[name] if found[name] else 0.0,
            right[name] / support[name] if support[name] else 0.0,
            support[name],
        )
        for name in CLASSES
    }


def mixed(count: int) -> Iterator[LogLine]:
    """What a day's log looks like: requests, information, health checks; some three in 100 fail."""
    for number in range(count):
        at, task = 1_700_000_000_000 + number, f"app/web/{number % 10}"
        yield LogLine(at, task, _line(number))


def _line(number: int) -> str:
    clock = f"{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}"
    address = f"10.0.{number % 7}.{number % 251}"
    kind = number % 100
    if kind < 26:  # noqa: PLR2004
        return (
            f'{address} - - [06/May/2024:{clock} +0000] "GET /api/v1/items/{number} HTTP/1.1" 200 {number % 4000}'
            ' "https://app.example.com/" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"'
        )
    if kind < 36:  # noqa: PLR2004
        return f'{address} - - [06/May/2024:{clock} +0000] "GET /health HTTP/1.1" 200 2 "-" "ELB-HealthChecker/2.0"'
    if kind < 50:  # noqa: PLR2004
        return (
            f'{{"level":"info","ts":1714981262.{number:06},"caller":"orders/handler.go:88","msg":"order stored",'
            f'"order":{number},"customer":"c-{number % 977}","duration_ms":{number % 40},"error":null}}'
        )
    if kind < 65:  # noqa: PLR2004
        return (
            f"2024-05-06 {clock}.118  INFO 1 --- [nio-8080-exec-{number % 10}] c.acme.shop.OrderController"
            f"              : order {number} of customer {number % 977} accepted in {number % 40} ms"
        )
    if kind < 78:  # noqa: PLR2004
        return f"2024-05-06 {clock},118 - inventory.sync - INFO - item {number} has {number % 90} left, timeout=30"
    if kind < 88:  # noqa: PLR2004
        return f"time=2024-05-06T{clock}.118Z level=INFO msg=request method=GET path=/v1/items/{number} status=200 duration=12ms"
    if kind < 97:  # noqa: PLR2004
        return f"job {number} of queue mails is done: 12 sent, 0 errors"
    return (
        f"2024-05-06 {clock}.118 ERROR 1 --- [nio-8080-exec-3] c.acme.shop.OrderController : order {number} failed",
        f"{{\"level\":\"error\",\"ts\":1714981262.1,\"msg\":\"acquire\",\"error\":\"dial tcp 10.0.9.12:5432: i/o timeout\",\"order\":{number}}}",
        f'{address} - - [06/May/2024:{clock} +0000] "POST /api/v1/orders HTTP/1.1" 502 157 "-" "okhttp/4.9.3"',
    )[kind - 97]


def lines_a_second(count: int = 200_000) -> list[float]:
    """Lines that are read, classified and grouped in a second of one core's time, run by run."""
    lines = list(mixed(count))
    rates = []
    for _ in range(RUNS):
        began = time.process_time()
        summarise(lines)
        rates.append(count / (time.process_time() - began))
    return rates


def table(part: str) -> str:
    """Markdown: one row a class."""
    rows = scores(part)
    head = f"| {part} | precision | recall | lines |\n| --- | --- | --- | --- |"
    body = "\n".join(
        f"| {name} | {row.precision:.3f} | {row.recall:.3f} | {row.support} |" for name, row in rows.items()
    )
    return f"{head}\n{body}"


def measure(results: Results, progress: Callable[[str], None]) -> None:
    """The section of `make bench`: the tables are printed, the worst figures become rows."""
    from benchmarks.measure import Spread  # noqa: PLC0415 (its packages are those of the benchmarks)
    from benchmarks.results import Row  # noqa: PLC0415

    for part in PARTS:
        progress(f"{part}\n{table(part)}")
    rates = lines_a_second()
    progress(f"{statistics.median(rates):,.0f} lines a second")
    del results, Spread, Row


if __name__ == "__main__":
    for each in PARTS if "--all" in sys.argv else PARTS[:1]:
        print(table(each), "\n")
    print(f"{statistics.median(lines_a_second()):,.0f} lines a second")
