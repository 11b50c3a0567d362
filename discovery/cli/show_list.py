"""The list, the status and a sync's answer, formatted for a person. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from discovery.cli.table import Cell, table
from discovery.diagnose.outside import STALE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from discovery.cli.terminal import Terminal

CHANGES = 20  # addresses of a change that are named


def listed(answer: Mapping[str, Any], terminal: Terminal) -> Iterator[str]:
    """The list as a table, and how old it is."""
    yield _freshness(answer, terminal)
    rows = [
        (each.get("ip", ""), each.get("task_name", ""), each.get("status", ""),
         each.get("update_time", ""))
        for each in answer["tasks"]
    ]  # fmt: skip
    yield from table(("ADDRESS", "TASK", "STATUS", "UPDATED"), rows, terminal)


def status(answer: Mapping[str, Any], terminal: Terminal) -> Iterator[str]:
    """What Redis holds, and a recycle if there is one."""
    yield _freshness(answer, terminal)
    yield f"generation {answer['generation']}, {answer['withdrawn']} withdrawn within the hour"
    yield f"version {answer['version']}"
    held = answer.get("recycle")
    if held:
        yield f"recycle {held['id']}: {held['phase']}, {held['replaced']} of {held['total']}"


def _freshness(answer: Mapping[str, Any], terminal: Terminal) -> str:
    age = answer["age_seconds"]
    if age is None:
        return terminal.paint("The list has never been published.", "failing")
    count = f"{len(answer['tasks'])} listed, {answer['healthy']} of {answer['running']} healthy"
    old = f"{age:.0f} s old"
    colour = "failing" if age > STALE else ""
    degraded = f", {terminal.paint('degraded', 'degraded')}" if answer["degraded"] else ""
    return f"{count}, {terminal.paint(old, colour)}{degraded}"


def synced(answer: Mapping[str, Any], terminal: Terminal) -> Iterator[str]:
    """What a sync did, and which tasks it left out."""
    said = f"{terminal.paint(answer['outcome'], 'strong')} after {answer['duration_ms']} ms"
    if answer["running"] is not None:
        said += f": {answer['healthy']} of {answer['running']} healthy"
        said += f", {terminal.paint('degraded', 'degraded')}" if answer["degraded"] else ""
    yield said
    for name in ("added", "removed"):
        held = answer[name]
        if held:
            more = f" and {len(held) - CHANGES} more" if len(held) > CHANGES else ""
            yield from terminal.paragraph(f"{name}: {' '.join(held[:CHANGES])}{more}", "  ")
    rows = [
        (each["task"], each["ip"] or "", Cell(each["reason"], "degraded"))
        for each in answer["excluded"]
    ]
    if rows:
        yield from table(("NOT LISTED", "ADDRESS", "REASON"), rows, terminal)
