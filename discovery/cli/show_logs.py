"""Log lines, errors, stopped tasks and figures, formatted for a person. Pure."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from discovery.cli.show_diagnosis import INDENT
from discovery.cli.table import Cell, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from discovery.cli.pull import Line
    from discovery.cli.terminal import Terminal

SHORT = 8  # characters of a task's id


def pulled(each: Line, several: bool) -> str:
    """A line of `logs pull`."""
    service = f"{each.service} " if several else ""
    return f"{_moment(each.at)} {service}{short(each.task)} {each.container or '-'} {each.text}"


def pulled_fields(each: Line) -> dict[str, str]:
    """The same for --json."""
    return {**each._asdict(), "at": _moment(each.at)}


def errors(answer: Mapping[str, Any], terminal: Terminal, verbose: bool) -> Iterator[str]:
    """The groups of errors, the largest first."""
    logs = answer["logs"]
    if not logs:
        return
    yield f"{INDENT}errors: {sum(logs['classes'].values())}, lines: {logs['lines']}"
    if verbose:
        for each in logs["groups"]:
            yield f"{INDENT}{each['count']} x {each['error']}, {each['first']} to {each['last']}"
            yield from terminal.paragraph(each["sample"], " " * 6, " " * 4)
            yield from terminal.paragraph(f"tasks: {' '.join(each['tasks'])}", " " * 6, " " * 4)
        return
    rows = [
        (each["count"], Cell(each["error"], "failing"), _time(each["last"]), len(each["tasks"]),
         each["sample"])
        for each in logs["groups"]
    ]  # fmt: skip
    if rows:
        yield from table(("COUNT", "CLASS", "LAST", "TASKS", "SAMPLE"), rows, terminal, INDENT)


def restarts(answer: Mapping[str, Any], terminal: Terminal, verbose: bool) -> Iterator[str]:
    """Why tasks stopped; faults come first."""
    held = answer["restarts"]
    if not held:
        return
    yield f"{INDENT}stopped tasks: {held['stopped']}, by a fault: {held['count']}"
    for each in held["groups"]:
        loop = "Crash loop: " if each["loop"] else ""
        colour = "failing" if each["fault"] else "healthy"
        yield f"{INDENT}{terminal.paint(str(each['count']), colour)} x {each['kind']}"
        yield from terminal.paragraph(f"{loop}{each['text']}", " " * 6, " " * 4)
        lived = "" if each["lived_seconds"] is None else f", lived {each['lived_seconds']:g} s"
        yield f"    last {each['last']}{lived}"
        shown = each["tasks"] if verbose else [short(task) for task in each["tasks"][:5]]
        more = len(each["tasks"]) - len(shown)
        yield from terminal.paragraph(
            f"tasks {' '.join(shown)}{f' and {more} more' if more else ''}", " " * 6, " " * 4
        )
        for text in each["last_lines"]:
            yield from terminal.paragraph(text, " " * 8, f"{' ' * 6}| ")


def summary(answer: Mapping[str, Any], terminal: Terminal, verbose: bool) -> Iterator[str]:
    """Lines, errors by class, HTTP answers by status."""
    logs = answer["logs"]
    if not logs:
        return
    cut = ", not all of the window" if logs["truncated"] else ""
    yield f"{INDENT}lines: {logs['lines']}{cut}"
    rows: list[tuple[Cell | str, int]]
    rows = [(Cell(name, "failing"), count) for name, count in logs["classes"].items()]
    if rows:
        yield from table(("ERRORS", "COUNT"), rows, terminal, INDENT)
    served = logs["http"] if verbose else _by_hundred(logs["http"])
    rows = [(_status(status), count) for status, count in served.items()]
    if rows:
        yield from table(("HTTP", "COUNT"), rows, terminal, INDENT)


def _by_hundred(http: Mapping[str, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for status, count in http.items():
        name = f"{status[:1]}xx"
        found[name] = found.get(name, 0) + count
    return found


def _status(status: str) -> Cell:
    return Cell(status, {"5": "failing", "4": "degraded"}.get(status[:1], ""))


def short(task: str) -> str:
    """The beginning of a task's id, which is enough to find it."""
    return task[:SHORT]


def _time(moment: str) -> str:
    """The time of day of a moment in UTC."""
    return moment.partition("T")[2]


def _moment(ms: int) -> str:
    moment = datetime.fromtimestamp(ms / 1000, timezone.utc)
    return f"{moment.isoformat(timespec='milliseconds')[:-6]}Z"
