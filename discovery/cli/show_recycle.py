"""A recycle, or the plan of one, formatted for a person. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from discovery.cli.table import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from discovery.cli.terminal import Terminal


def recycle(answer: Mapping[str, Any], terminal: Terminal) -> Iterator[str]:
    """How far it is, and what it waits for."""
    held, outcome = answer["recycle"], answer["outcome"]
    if not held:
        yield "The service was not recycled within the last week."
    elif outcome == "checked":
        yield from _plan(held, terminal)
    else:
        yield (
            f"recycle {held['id']}: {terminal.paint(outcome, outcome)}, "
            f"{held['replaced']} of {held['total']} replaced"
        )
        if held["reason"]:
            yield from terminal.paragraph(held["reason"], "    ", "  ")
        desired = held["desired"]
        yield f"  desired count {desired['now']}, {desired['before']} before"
        yield f"  started {held['started_at']}, {_end(held)}"
        rows = [(each["task"], each["step"], each["since"]) for each in held["current"]]
        if rows:
            yield from table(("TASK", "STEP", "SINCE"), rows, terminal, "  ")


def _end(held: Mapping[str, Any]) -> str:
    if held["ended_at"]:
        return f"ended {held['ended_at']}"
    return f"ends about {held['expected_end']}"


def _plan(plan: Mapping[str, Any], terminal: Terminal) -> Iterator[str]:
    tasks = plan["tasks"]
    yield f"{plan['batches']} batches of {plan['batch_size']}; nothing was changed"
    during = plan["desired"]["during"]
    before = plan["desired"]["before"]
    yield f"  desired count {before}, {before if during is None else during} meanwhile"
    yield f"  at least {plan['least_listed']} listed"
    if plan["suspends_scale_in"]:
        yield "  scale-in is suspended meanwhile"
    if plan["protected"]:
        yield from terminal.paragraph(f"protected: {' '.join(plan['protected'])}", "    ", "  ")
    if plan["expected_end"] is not None:
        yield f"  ends about {plan['expected_end']}"
    yield from terminal.paragraph(f"tasks in their order: {' '.join(tasks)}", "    ", "  ")
