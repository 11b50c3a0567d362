"""Equal messages, grouped by their shape: pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from discovery.diagnose.classify import CLASSES
from discovery.diagnose.levels import plain

LONGEST = 300  # characters of a shape
MOST_TASKS = 20  # that are named with a group

# What differs between two messages of one cause, most specific first.
_VARYING = re.compile(
    r"(?P<arn>\barn:aws[\w-]*:[\w:/.*$-]+)"
    r"|(?P<uuid>\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b)"
    r"|(?P<time>\b\d{4}[-/]\d\d[-/]\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z| ?[+-]\d\d:?\d\d| UTC)?)?"
    r"|\b\d\d?[-/ ][A-Z][a-z]{2}[-/ ]\d{4}(?:[: ]\d\d:\d\d:\d\d(?:\.\d+)?)?(?: [+-]\d{4})?"
    r"|\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?[A-Z][a-z]{2} [ \d]\d(?:, \d{4})? \d\d?:\d\d:\d\d(?:\.\d+)?(?: [AP]M)?(?: \d{4})?"
    r"|\b\d\d?:\d\d(?::\d\d)?(?:[.,]\d+)?(?: ?[AP]M)?\b)"
    r"|(?P<mail>\b[\w.+-]+@[\w-]+\.[\w.-]+)"
    r"|(?P<ip>\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+|/\d+)?\b|\[?\b(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{1,4}\b\]?(?::\d+)?)"
    r"|(?P<hex>\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-f-]*\d)(?=[0-9a-f-]*[a-f])[0-9a-f]{6,}\b"
    r"|\b(?=\w*\d)(?=\w*[A-Za-z])(?=\w*\d\w*[A-Za-z]\w*\d)[A-Za-z0-9]{10,}\b)"
    r"|(?P<quoted>\"(?=[^\"]{0,80}\d)[^\"\s]{1,80}\"|'(?=[^']{0,80}\d)[^'\s]{1,80}')"
    r"|(?P<status>\b(?:status(?: ?code)?[=: ]{1,2}|HTTP/\d(?:\.\d)?\"? )[1-5]\d\d\b|\b5\d\d (?=[A-Z][a-z]))"
    r"|(?P<duration>\b\d+(?:[.,]\d+)?(?:ns|µs|us|ms|s|m|h|d)(?:\d+(?:\.\d+)?(?:ms|s|m))*\b)"
    r"|(?P<number>\d+(?:[.,]\d+)*)"
)


def _masked(found: re.Match[str]) -> str:
    kind = found.lastgroup
    return found[0] if kind == "status" else "#" if kind == "number" else f"<{kind}>"


def shape(message: str) -> str:
    """The message with a mark for each number, id, address, time and the like.

    HTTP statuses stay: a 502 and a 503 have different causes.
    """
    text = _VARYING.sub(_masked, plain(message)[: 2 * LONGEST])
    return " ".join(text.split())[:LONGEST]


@dataclass
class Growing:
    """A group while lines still come."""

    error: str
    shape: str
    sample: str
    first: int
    last: int
    count: int = 0
    tasks: dict[str, None] = field(default_factory=dict)  # in the order that they came


class Groups:
    """The groups of a stream of errors, in bounded memory.

    Of each class the most frequent are kept. When there are too many, the rarest of all classes go,
    and what they counted is counted in `ungrouped`. A shape that comes again begins anew.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # Room for what becomes frequent later.
        self._room = max(4 * limit, 200)
        self._groups: dict[tuple[str, str], Growing] = {}
        self.ungrouped = 0

    def find(self, error: str, of_shape: str) -> Growing | None:
        return self._groups.get((error, of_shape))

    def open(self, error: str, of_shape: str, sample: str, at: int) -> Growing:
        if len(self._groups) >= self._room:
            self._shrink(self._room // 2)
        group = self._groups[error, of_shape] = Growing(error, of_shape, sample, at, at)
        return group

    def best(self) -> list[Growing]:
        """At most `limit` groups: the gravest class first, in it the most frequent."""
        self._shrink(self._limit)
        return sorted(
            self._groups.values(), key=lambda each: (CLASSES.index(each.error), -each.count, each.first)
        )

    def _shrink(self, most: int) -> None:
        by_class: dict[str, list[Growing]] = {}
        for group in self._groups.values():
            by_class.setdefault(group.error, []).append(group)
        ranked = [
            (rank, CLASSES.index(error), group)
            for error, groups in by_class.items()
            for rank, group in enumerate(sorted(groups, key=lambda each: -each.count))
        ]
        ranked.sort(key=lambda each: each[:2])
        for _, _, group in ranked[most:]:
            self.ungrouped += group.count
            del self._groups[group.error, group.shape]


def count(group: Growing, at: int, task: str) -> None:
    """Count one more of a group's errors; lines of several tasks come in any order."""
    group.count += 1
    group.first = min(group.first, at)
    group.last = max(group.last, at)
    if len(group.tasks) < MOST_TASKS:
        group.tasks[task] = None
