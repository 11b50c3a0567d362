"""The log lines of the window, oldest first, as they come."""

from __future__ import annotations

import heapq
import logging
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from discovery.aws.log_reader import PAGE
from discovery.cli import diagnosing
from discovery.cli.safe import Masker, printable
from discovery.diagnose import log_lines
from discovery.diagnose.request import Request
from discovery.inspection import unseen
from discovery.wiring import diagnose as wiring

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from discovery.aws.log_reader import LogReader
    from discovery.cli.environment import Target
    from discovery.deadline import Deadline
    from discovery.diagnose.log_lines import Wanted

log = logging.getLogger("discovery.cli")

LEAST_PAGE = 500  # lines; several places share one page's memory
MOST_PAGES = 1_000_000  # the timeout ends it before


class Line(NamedTuple):
    """A line of a log, safe to print."""

    at: int  # ms since 1970
    service: str
    task: str  # the id, or the name of the stream
    container: str
    text: str


class Source(NamedTuple):
    """A container's log of one service."""

    service: str
    wanted: Wanted
    known: frozenset[str] | None  # ids of the service's tasks; None: not all are known
    start: float  # seconds since the epoch
    end: float


class Pull:
    """Reads the lines, and remembers what could not be seen."""

    def __init__(self, targets: Sequence[Target], minutes: int, deadline: Deadline) -> None:
        self._targets, self._minutes, self._deadline = targets, minutes, deadline
        self._reader: LogReader = wiring.log_reader(deadline, MOST_PAGES)
        self._count = 0
        self._unseen: list[str] = []

    @property
    def unseen(self) -> list[str]:
        """Why this is not all; empty: it is."""
        more = self._reader.truncated
        return [*self._unseen, *([f"Not all lines were read: {more}."] if more else [])]

    def lines(self) -> Iterator[Line]:
        """Each line once. The lines of one moment come in no certain order."""
        sources = [each for target in self._targets for each in self._sources(target)]
        log.info("reading the logs of the last %d minutes", self._minutes)
        page = max(LEAST_PAGE, PAGE // max(1, len(sources)))
        masker = Masker()
        merged = heapq.merge(*(self._rows(each, page) for each in sources), key=itemgetter(0))
        for at, stream, text, source in merged:
            container, _, task = printable(stream).rpartition("/")
            self._count += 1
            if not self._count % log_lines.PROGRESS:
                log.info("read %d log lines", self._count)
            for line in masker.lines(stream, text):
                yield Line(at, source.service, task, container.rpartition("/")[2], line)

    def _sources(self, target: Target) -> list[Source]:
        parts = diagnosing.parts(target, self._deadline)
        facts = wiring.look(parts, Request(self._minutes, checks=("tasks",)))
        self._unseen += [f"{each}." for each in facts.unseen]
        service = target.settings.service
        places, _ = log_lines.places(facts.definitions, partial(wiring.log_group, service))
        if not places and facts.definitions:
            self._unseen.append(
                f"No container of {target.name} logs to CloudWatch: name the group with "
                "--log-pattern."
            )
        known = log_lines.known_tasks(facts.running, facts.stopped, self._minutes)
        start = facts.now - 60 * self._minutes
        return [Source(target.name, each, known, start, facts.now) for each in places]

    def _rows(self, source: Source, page: int) -> Iterator[tuple[int, str, str, Source]]:
        place, streams = source.wanted
        try:
            for at, stream, text in self._reader.window(
                place, streams, source.start, source.end, newest=False, limit=page
            ):
                if log_lines.is_ours(source.wanted, stream, source.known):
                    yield at, stream, text, source
        except Exception as error:  # noqa: BLE001 (one group fails; the others are read)
            self._unseen.append(f"{unseen(error, 'logs:FilterLogEvents', place.group)}.")
