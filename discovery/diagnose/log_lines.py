"""The log lines of the window, summed up as they come, and the last lines of stopped tasks."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable, NamedTuple

from discovery.diagnose import restarts
from discovery.diagnose.redact import redact_lines
from discovery.diagnose.summary import LogLine, LogReport, summarise
from discovery.inspection import LogPlace, UnseenError, unseen
from discovery.text import last_segment, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from concurrent.futures import Future

    from discovery.diagnose.facts import StoppedTask
    from discovery.diagnose.look import Look, Sources
    from discovery.diagnose.request import Request
    from discovery.inspection import DefinitionView
    from discovery.task_record import TaskRecord

log = logging.getLogger("discovery.diagnose")

LAST = 10  # lines of a stopped task
GROUPS, TRIED = 5, 2  # reasons for which last lines are read, and tasks of each
LONGEST = 500  # characters of such a line
ECS_REMEMBERS = 60  # minutes
PROGRESS = 20_000  # lines between two notes of progress


class Wanted(NamedTuple):
    """A log group and the streams in it that are a container's; "": all of them."""

    place: LogPlace
    streams: str


@dataclass
class Lines:
    """What was read of the logs."""

    report: LogReport | None = None
    truncated: str = ""
    last: dict[str, tuple[str, ...]] = field(default_factory=dict)
    log_group: str = ""


def read(
    look: Look,
    sources: Sources,
    request: Request,
    definitions: Mapping[str, DefinitionView],
    running: tuple[TaskRecord, ...] | None,
    stopped: tuple[StoppedTask, ...] | None,
    now: float,
) -> Lines:
    """The last lines, and the window if "logs" is among the checks.

    What cannot be seen is noted in the look.
    """
    last = _start_last(look, sources, definitions, stopped or ())
    wanted, pattern = (
        places(definitions, sources.log_group) if "logs" in request.checks else ([], "")
    )
    known = known_tasks(running, stopped, request.minutes)
    failed: list[UnseenError] = []
    start = now - 60 * request.minutes

    def lines() -> Iterator[LogLine]:
        count = 0
        for each in wanted:
            try:
                for at, stream, text in sources.logs.window(*each, start, now):
                    if is_ours(each, stream, known):
                        count += 1
                        if not count % PROGRESS:
                            log.info("read %d log lines", count)
                        yield LogLine(at, last_segment(stream), text)
            except Exception as error:  # noqa: BLE001 (one group fails; the others are read)
                failed.append(unseen(error, "logs:FilterLogEvents", each.place.group))

    log.info("reading the logs of the last %d minutes", request.minutes)
    summed = summarise(lines(), request.limit)
    look.unseen += failed
    report = summed if len(failed) < len(wanted) else None  # none of the groups was seen
    texts = {task: look.take(call, "logs:GetLogEvents", task) for task, call in last.items()}
    return Lines(
        report,
        sources.logs.truncated,
        {task: masked(found) for task, found in texts.items() if found},
        pattern if report is not None else "",
    )


def known_tasks(
    running: Iterable[TaskRecord] | None, stopped: Iterable[StoppedTask] | None, minutes: int
) -> frozenset[str] | None:
    """Ids of all tasks of the window; None: not all are known, as ECS forgets them."""
    if running is None or stopped is None or minutes > ECS_REMEMBERS:
        return None
    return frozenset([*(each.id for each in running), *(each.record.id for each in stopped)])


def is_ours(wanted: Wanted, stream: str, known: AbstractSet[str] | None) -> bool:
    """Whether a stream is of our service: another one may log to the same group."""
    return known is None or not wanted.streams or last_segment(stream) in known


def places(
    definitions: Mapping[str, DefinitionView], log_group: Callable[[str], str]
) -> tuple[list[Wanted], str]:
    """The groups to read, each once, and the one that LOG_PATTERN names if it is needed.

    `log_group` gives that one for the name of a family.
    """
    found: dict[Wanted, None] = {}
    pattern = ""
    for definition in definitions.values():
        for each in definition.containers:
            if each.place is not None:
                streams = f"{each.place.prefix}/{each.name}/" if each.place.prefix else ""
                found[Wanted(each.place, streams)] = None
            elif each.essential:
                pattern = log_group(definition.name.split(":")[0]) or pattern
    if pattern:
        found[Wanted(LogPlace("", pattern, ""), "")] = None
    return list(found), pattern


def masked(lines: list[str]) -> tuple[str, ...]:
    """A line may hold a secret that spans several: they are masked together."""
    found = (one_line(line, LONGEST) for line in redact_lines(lines).split("\n"))
    return tuple(line for line in found if line)


def _start_last(
    look: Look,
    sources: Sources,
    definitions: Mapping[str, DefinitionView],
    stopped: tuple[StoppedTask, ...],
) -> dict[str, Future[list[str]]]:
    """The last lines of the newest tasks of each reason, read beside the window."""
    calls: dict[str, Future[list[str]]] = {}
    for group in [each for each in restarts.grouped(stopped) if each.fault][:GROUPS]:
        definition = definitions.get(group.definition)
        containers = definition.containers if definition else ()
        named = [each for each in containers if each.name == group.container]
        container = next((each for each in named or containers if each.essential), None)
        if container is None or container.place is None or not container.place.prefix:
            continue
        for task in group.tasks[:TRIED]:
            calls[task] = look.start(
                sources.logs.last_lines, container.place, container.name, task, LAST
            )
    return calls
