"""Classes of log lines: precision and recall on the corpus, lines a second on a realistic mix."""

from __future__ import annotations

import re
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.results import Results

from benchmarks.measure import Spread
from benchmarks.results import Row
from discovery.diagnose.classify import classify
from discovery.diagnose.summary import LogLine, summarise
from discovery.diagnose.words import CLASSES

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
        got = classify(event.text)
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


# What a day's log looks like, of 100 lines: requests, health checks, information; three fail.
_AGENT = '"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"'
_REQUEST = '10.0.{n}.{n} - - [06/May/2024:07:41:02 +0000] "{what} HTTP/1.1" '
_SPRING = "2024-05-06 07:41:02.118 {level} 1 --- [nio-8080-exec-3] c.acme.shop.OrderController : "
_MIX = (
    (26, _REQUEST + '200 41{n} "https://app.example.com/" ' + _AGENT, "GET /api/v1/items/{n}"),
    (10, _REQUEST + '200 2 "-" "ELB-HealthChecker/2.0"', "GET /health"),
    (
        14,
        (
            '{{"level":"info","ts":1714981262.{n},"caller":"api/a.go:88","msg":"order stored",'
            '"order":{n},"customer":"c-{n}","duration_ms":12,"error":null}}'
        ),
        "",
    ),
    (15, _SPRING + "order {n} of customer {n} accepted in 12 ms", " INFO"),
    (13, "2024-05-06 07:41:02,118 - inventory.sync - INFO - item {n} has 12 left, timeout=30", ""),
    (
        10,
        (
            "time=2024-05-06T07:41:02.118Z level=INFO msg=request method=GET path=/v1/items/{n}"
            " status=200 duration=12ms"
        ),
        "",
    ),
    (9, "job {n} of queue mails is done: 12 sent, 0 errors", ""),
    (1, _SPRING + "order {n} failed", "ERROR"),
    (
        1,
        (
            '{{"level":"error","ts":1714981262.1,"msg":"acquire","order":{n},'
            '"error":"dial tcp 10.0.9.12:5432: i/o timeout"}}'
        ),
        "",
    ),
    (1, _REQUEST + '502 157 "-" "okhttp/4.9.3"', "POST /api/v1/orders"),
)
_FORMS = [(form, what) for share, form, what in _MIX for _ in range(share)]


def mixed(count: int) -> Iterator[LogLine]:
    """Lines of ten tasks, a millisecond apart; the last three of each hundred are errors."""
    for number in range(count):
        form, what = _FORMS[number % 100]
        what = what.format(n=number)
        text = form.format(n=number, what=what, level=what)
        yield LogLine(1_700_000_000_000 + number, f"app/web/{number % 10}", text)


def lines_a_second(count: int = 200_000) -> list[float]:
    """Lines that are read, classified and grouped in a second of one core's time, run by run."""
    lines = list(mixed(count))
    rates = []
    for _ in range(RUNS):
        began = time.process_time()
        summarise(lines)
        rates.append(count / (time.process_time() - began))
    return rates


def table(part: str, rows: dict[str, Score]) -> str:
    """Markdown: one row a class."""
    head = f"| {part} | precision | recall | lines |\n| --- | --- | --- | --- |"
    body = "\n".join(
        f"| {name} | {row.precision:.3f} | {row.recall:.3f} | {row.support} |"
        for name, row in rows.items()
    )
    return f"{head}\n{body}"


def measure(results: Results, progress: Callable[[str], None]) -> None:
    """The section of `make bench`: a table a part, and the worst figures of them as rows."""
    for part in PARTS:
        rows = scores(part)
        progress(f"{part}\n\n{table(part, rows)}\n")
        missing = 1 - min(min(row.precision, row.recall) for row in rows.values())
        results.rows.append(
            Row(
                f"classes of log lines, {part}: precision or recall missing to 1",
                Spread.of([missing]),
                goal=1 - GOAL,
                note="the worst class",
            )
        )
    spent = [1e6 / rate for rate in lines_a_second()]
    results.rows.append(
        Row(
            "CPU of a log line",
            Spread.of(spent),
            goal=1e6 / LINES_A_SECOND,
            unit=" µs",
            note="read, classified, grouped",
        )
    )
    progress(f"{1e6 / statistics.median(spent):,.0f} lines a second")
