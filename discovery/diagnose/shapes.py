"""Equal messages, grouped by their shape: pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from discovery.diagnose.levels import plain
from discovery.diagnose.words import CLASSES

LONGEST = 300  # characters of a shape
MOST_TASKS = 20  # that are named with a group

# What differs between two messages of one cause, most specific first; tried on a word with a digit.
_VARYING = re.compile(
    r"(?P<arn>\barn:aws[\w-]*:[\w:/.*$-]+)"
    r"|(?P<id>\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b)"
    r"|(?P<time>\b\d{4}[-/]\d\d[-/]\d\d(?:T[\d:.,]+(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|\b\d\d?[-/][A-Z][a-z]{2}[-/]\d{4}(?::[\d:.]+)?"
    r"|(?<![\w:.])\d\d?:\d\d(?::\d\d)?(?:[.,]\d+)?(?:[AP]M)?\b)"
    r"|(?P<mail>\b[\w.+-]+@[\w-]+\.[\w.-]+)"
    r"|(?P<ip>\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+|/\d+)?\b"
    r"|\b(?:[0-9a-fA-F]{0,4}:){3,7}[0-9a-fA-F]{1,4}\b)"
    r"|(?P<hex>\b0x[0-9a-fA-F]+\b|\b(?=[a-f]*\d)[0-9a-f]{7,}\b(?<!\d{7}(?!\d)))"
    r"|(?P<code>\b(?=\w*\d[A-Za-z_]+\d)[A-Za-z0-9_]{10,}\b)"
    r"|(?P<value>\"(?=[^\"\s]*\d)[^\"\s]{1,80}\"|'(?=[^'\s]*\d)[^'\s]{1,80}')"
    r"|(?P<duration>\b\d+(?:[.,]\d+)?(?:ns|µs|us|ms|s|m|h|d)(?:\d+(?:\.\d+)?(?:ms|s|m))*\b)"
    # The digit of `sqlite3` is part of a name.
    r"|(?P<number>(?<![A-Za-z])\d+(?:[.,]\d+)*|\d{2,})"
)
_DIGIT = re.compile(r"\d")
_STATUS = re.compile(r"[1-5]\d\d\b")
_BEFORE_STATUS = (
    "status",
    "code",
    "status:",
    "code:",
    "http/1.1",
    'http/1.1"',
    'http/2.0"',
    "returned",
    "answered",
)


def _masked(found: re.Match[str]) -> str:
    kind = found.lastgroup
    return "#" if kind == "number" else f"<{kind}>"


def shape(message: str) -> str:
    """The message with a mark for each number, id, address, time and the like.

    HTTP statuses stay: a 502 and a 503 have different causes.
    """
    words = plain(message)[: 2 * LONGEST].split()
    before = ""
    for at, word in enumerate(words):
        if _DIGIT.search(word):
            masked = _VARYING.sub(_masked, word)
            if masked == before == "<time>":
                masked = ""  # date and time
            elif _STATUS.match(word) and words[at - 1].lower() in _BEFORE_STATUS:
                masked = word
            words[at] = before = masked
        else:
            before = word
    return " ".join(word for word in words if word)[:LONGEST]


@dataclass
class Growing:
    """A group while lines still come."""

    error: str
    key: str  # the shape of the message as it came
    # As they came: only what is shown is masked, as there may be thousands of groups.
    message: str
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
        """No group yet; `limit` is how many `best` may give."""
        self._limit = limit
        # Room for what becomes frequent later.
        self._room = max(4 * limit, 200)
        self._groups: dict[tuple[str, str], Growing] = {}
        self.ungrouped = 0

    def find(self, error: str, key: str) -> Growing | None:
        """The group of this class and shape, if it is kept."""
        return self._groups.get((error, key))

    def add(self, group: Growing) -> None:
        """Keep a new group; the rarest go if there is no room."""
        if len(self._groups) >= self._room:
            self._shrink(self._room // 2)
        self._groups[group.error, group.key] = group

    def best(self) -> list[Growing]:
        """At most `limit` groups: the gravest class first, in it the most frequent."""
        self._shrink(self._limit)
        return sorted(
            self._groups.values(),
            key=lambda each: (CLASSES.index(each.error), -each.count, each.first),
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
            del self._groups[group.error, group.key]


def count(group: Growing, at: int, task: str) -> None:
    """Count one more of a group's errors; lines of several tasks come in any order."""
    group.count += 1
    group.first = min(group.first, at)
    group.last = max(group.last, at)
    if len(group.tasks) < MOST_TASKS:
        group.tasks[task] = None
