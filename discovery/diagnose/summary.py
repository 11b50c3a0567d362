"""What the lines of many tasks say together: counts, groups and HTTP figures, in one pass: pure."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from discovery.diagnose import traces
from discovery.diagnose.classify import Verdict, examine
from discovery.diagnose.redact import readable, redact_start
from discovery.diagnose.shapes import Groups, Growing, count, shape
from discovery.diagnose.words import CLASSES
from discovery.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_SAMPLE = 500  # characters
# Streams whose last line may still be continued; a task has one or two.
MOST_STREAMS = 4_000


class LogLine(NamedTuple):
    """A line of a log stream."""

    at: int  # ms since 1970, as CloudWatch Logs has it
    task: str  # the stream, or the task that it is of
    text: str


@dataclass(frozen=True)
class Group:
    """Errors of one class whose messages have the same shape."""

    error: str  # the class
    shape: str
    count: int
    first: int  # ms since 1970
    last: int
    sample: str  # one of them, without secrets, on one line
    tasks: tuple[str, ...]  # at most 20


@dataclass(frozen=True)
class LogReport:
    """What the lines said."""

    lines: int
    classes: dict[str, int]  # of all errors, in the order of the classes
    groups: tuple[Group, ...]
    http: dict[int, int]  # answers by status, without health checks that pass
    ungrouped: int  # errors whose groups were dropped to stay in bounds
    truncated: bool  # some errors are in no group


def summarise(lines: Iterable[LogLine], limit: int = 200) -> LogReport:
    """Read the lines once and sum up what they say.

    The lines of one stream come in order; those of several may alternate. At most `limit` groups
    are kept, whatever the number of lines; all errors are counted.
    """
    reader = _Reader(limit)
    total = 0
    for at, task, text in lines:
        total += 1
        reader.read(at, task, text)
    return reader.report(total)


class _Reader:
    def __init__(self, limit: int) -> None:
        self._open: OrderedDict[str, traces.Event] = OrderedDict()
        self._classes: Counter[str] = Counter()
        self._http: Counter[int] = Counter()
        self._groups = Groups(limit)

    def read(self, at: int, task: str, text: str) -> None:
        event = self._open.get(task)
        if event is not None:
            if traces.continues(event, at, text):
                traces.add(event, at, text)
                return
            self._close(event)
        elif len(self._open) >= MOST_STREAMS:
            self._close(self._open.popitem(last=False)[1])
        self._open[task] = traces.begin(at, task, text)

    def _close(self, event: traces.Event) -> None:
        verdict = examine(event.text)
        if verdict.status is not None:
            self._http[verdict.status] += 1
        if verdict.error is None:
            return
        self._classes[verdict.error] += 1
        message = _message(event, verdict)
        key = shape(message)
        group = self._groups.find(verdict.error, key)
        if group is None:
            texts = readable(message), readable(_sample(event))
            group = Growing(verdict.error, key, *texts, event.at, event.at)
            self._groups.add(group)
        count(group, event.at, event.task)

    def report(self, lines: int) -> LogReport:
        for event in self._open.values():
            self._close(event)
        self._open.clear()
        groups = tuple(_group(each) for each in self._groups.best())
        return LogReport(
            lines=lines,
            classes={name: self._classes[name] for name in CLASSES if self._classes[name]},
            groups=groups,
            http=dict(sorted(self._http.items())),
            ungrouped=self._groups.ungrouped,
            truncated=self._groups.ungrouped > 0,
        )


def _group(grown: Growing) -> Group:
    """Masked before its shape is taken, as half a key is a secret, too."""
    sample = redact_start(grown.sample)
    message = sample if grown.message == grown.sample else redact_start(grown.message)
    return Group(
        grown.error,
        one_line(shape(message)),
        grown.count,
        grown.first,
        grown.last,
        one_line(sample, LONGEST_SAMPLE),
        tuple(grown.tasks),
    )


def _message(event: traces.Event, verdict: Verdict) -> str:
    request = verdict.request
    if request is not None and request.path:
        return f"{request.method} {request.path.partition('?')[0]} status {request.status}"
    return verdict.said or traces.message(event)


def _sample(event: traces.Event) -> str:
    head, said = event.lines[0], traces.message(event)
    text = head if said.startswith(head) or len(event.lines) == 1 else f"{head} | {said}"
    return said if head.startswith("Traceback (most") else text
