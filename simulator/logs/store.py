"""Log groups, their streams, and the lines in them."""

import bisect
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from simulator.account import ACCOUNT, REGION
from simulator.clock import Clock
from simulator.throttle import TokenBucket


class Row(NamedTuple):
    """A line: its time in ms since 1970, its stream, its text."""

    at: int
    stream: str
    message: str


@dataclass
class Stream:
    """A log stream. `rows` are in the order of their times."""

    name: str
    created_at: int
    rows: Sequence[Row] = ()


@dataclass
class Group:
    """A log group and its streams, by name."""

    name: str
    created_at: int
    retention: int | None = None
    streams: dict[str, Stream] = field(default_factory=dict)
    _merged: dict[tuple[tuple[str, int], ...], Sequence[Row]] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """The ARN, as other services name the group by."""
        return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{self.name}"

    def merged(self, names: Iterable[str]) -> Sequence[Row]:
        """The rows of some streams in the order of their times; the last merge is kept."""
        chosen = [self.streams[name] for name in names]
        if len(chosen) == 1:
            return chosen[0].rows
        key = tuple((stream.name, len(stream.rows)) for stream in chosen)
        if key not in self._merged:
            rows = heapq.merge(*(stream.rows for stream in chosen), key=lambda row: row.at)
            self._merged = {key: list(rows)}
        return self._merged[key]


class Logs:
    """The log groups of one account and region.

    FilterLogEvents looks at `scan` lines for a page, whatever it finds in them:
    with a pattern that few lines match, pages are partly full or empty, as on
    AWS. `empty_first` adds so many empty pages before the first one.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.groups: dict[str, Group] = {}
        self.scan = 10_000
        self.empty_first = 0
        self.buckets: dict[str, TokenBucket] = {}

    def create_group(self, name: str) -> Group:
        """A log group; the existing one if there is one of this name."""
        return self.groups.setdefault(name, Group(name, self._ms()))

    def create_stream(self, group: str, stream: str) -> Stream:
        """A log stream without lines; the existing one if there is one of this name."""
        streams = self.create_group(group).streams
        return streams.setdefault(stream, Stream(stream, self._ms()))

    def put(self, group: str, stream: str, lines: Iterable[str | tuple[float, str]]) -> None:
        """Add lines, as of now or with their times in seconds since 1970.

        What does not exist is made.
        """
        into = self.create_stream(group, stream)
        rows = into.rows if isinstance(into.rows, list) else list(into.rows)
        for line in lines:
            row = self._row(stream, line)
            if rows and row.at < rows[-1].at:
                bisect.insort_right(rows, row, key=lambda row: row.at)
            else:
                rows.append(row)
        into.rows = rows

    def serve(self, group: str, stream: str, rows: Sequence[Row]) -> None:
        """Let a stream have these rows, which may be made as they are read.

        A million lines then cost no memory. They are in the order of their times.
        """
        self.create_stream(group, stream).rows = rows

    def throttle(self, filters: int = 5, gets: int = 10) -> None:
        """Limit FilterLogEvents and GetLogEvents, each to so many calls a second.

        AWS's quotas differ by region: 5, 10 or 25, and 10, 25 or 30.
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
        """
        self.buckets = {
            "FilterLogEvents": TokenBucket(filters, filters, self.clock.now),
            "GetLogEvents": TokenBucket(gets, gets, self.clock.now),
        }

    def unthrottle(self) -> None:
        """No limit, as at the start."""
        self.buckets = {}

    def _row(self, stream: str, line: str | tuple[float, str]) -> Row:
        if isinstance(line, str):
            return Row(self._ms(), stream, line)
        return Row(round(line[0] * 1000), stream, line[1])

    def _ms(self) -> int:
        return round(self.clock.now() * 1000)


def first_at(rows: Sequence[Row], moment: int) -> int:
    """The place of the first row at or after a moment, in ms since 1970."""
    return bisect.bisect_left(rows, moment, key=lambda row: row.at)
