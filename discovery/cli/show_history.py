"""The latest state of tasks and instances, formatted for a person. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from discovery.cli.show_logs import short
from discovery.cli.table import Cell, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from discovery.cli.terminal import Terminal


def history(answer: Mapping[str, Any], terminal: Terminal, verbose: bool) -> Iterator[str]:
    """A table of tasks, newest change first, and one of instances."""
    tasks, instances, cut = answer["tasks"], answer["instances"], answer["cut"]
    if not tasks and not instances:
        yield "Nothing is kept that fits."
    if tasks:
        header = ("TASK", "STATE", "DEFINITION", "ADDRESS", "CHANGED", "WHY")
        rows = [_task(each, verbose) for each in tasks]
        yield from table(header, rows, terminal)
    if len(tasks) == 1:
        yield from _details(tasks[0], terminal)
    if tasks and instances:
        yield ""
    if instances:
        header = ("INSTANCE", "STATUS", "AGENT", "RUNNING", "PENDING", "CHANGED")
        yield from table(header, [_instance(each) for each in instances], terminal)
    if any(cut.values()):
        left = f"{cut['tasks']} tasks and {cut['instances']} instances"
        yield f"The answer is full: {left} are left out. Narrow it with --since or --stopped."


def _task(each: Mapping[str, Any], verbose: bool) -> tuple[str | Cell, ...]:
    last, desired = each.get("last_status", ""), each.get("desired_status", "")
    state = last if last == desired else f"{last} > {desired}"
    stop = each.get("stop") or {}
    colour = "failing" if stop.get("fault") else ""
    return (
        each["task"] if verbose else short(each["task"]),
        Cell(state, colour),
        each.get("task_definition", ""),
        each.get("address", ""),
        _changed(each),
        stop.get("text", ""),
    )


def _changed(each: Mapping[str, Any]) -> str:
    names = ("stopped_at", "stopping_at", "started_at", "created_at")
    return next((each[name][:19] + "Z" for name in names if each.get(name)), "")


def _details(each: Mapping[str, Any], terminal: Terminal) -> Iterator[str]:
    stop = each.get("stop") or {}
    for name in ("stop_code", "stopped_reason", "remedy"):
        if stop.get(name):
            yield from terminal.paragraph(f"{name.replace('_', ' ')}: {stop[name]}", "    ", "  ")
    for container in each.get("containers", ()):
        said = [f"container {container.get('name', '')}: {container.get('last_status', '')}"]
        said += [f"exit code {container['exit_code']}"] if "exit_code" in container else []
        said += [container["reason"]] if "reason" in container else []
        yield from terminal.paragraph(", ".join(said), "    ", "  ")


def _instance(each: Mapping[str, Any]) -> tuple[str | int | Cell, ...]:
    connected = each.get("agent_connected")
    return (
        each.get("ec2_instance_id") or each["instance"],
        each.get("status", ""),
        Cell("connected", "") if connected else Cell("lost", "failing"),
        each.get("running_tasks", ""),
        each.get("pending_tasks", ""),
        each.get("updated_at", "")[:19] + "Z" if each.get("updated_at") else "",
    )
