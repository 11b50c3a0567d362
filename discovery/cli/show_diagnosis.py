"""A diagnosis, formatted for a person: verdict, cause, findings, figures. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from discovery.cli.table import Cell, table
from discovery.diagnose.findings import INFO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from discovery.cli.terminal import Terminal

EVIDENCE = 3  # lines of it that are shown; --verbose shows all
INDENT = "  "


def diagnoses(
    found: Sequence[tuple[str, Mapping[str, Any]]], terminal: Terminal, verbose: bool
) -> Iterator[str]:
    """Several services: an overview, then each that is not healthy. One service: all of it."""
    if len(found) != 1:
        yield from table(("SERVICE", "VERDICT", "RUNNING", "CAUSE"), _overview(found), terminal)
    for name, answer in found:
        if len(found) == 1 or verbose or answer["verdict"] != "healthy":
            if len(found) != 1:
                yield ""
            yield from _diagnosis(name, answer, terminal, verbose)


def line(name: str, answer: Mapping[str, Any]) -> str:
    """One line for one service."""
    because = _because(answer)
    return f"{name}: {answer['verdict']}{because and f': {because}'}"


def _overview(found: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[list[str | Cell]]:
    for name, answer in found:
        service = answer["service"]
        running = f"{service['running']}/{service['desired']}" if service else "?"
        verdict = answer["verdict"]
        yield [name, Cell(verdict, verdict), running, _because(answer)]


def _because(answer: Mapping[str, Any]) -> str:
    """The cause, or what could not be seen."""
    if answer["cause"]:
        return str(answer["cause"]["text"])
    worst = [each for each in answer["findings"] if each["severity"] == answer["verdict"]]
    return str(worst[0]["what"]) if worst else ""


def _diagnosis(
    name: str, answer: Mapping[str, Any], terminal: Terminal, verbose: bool
) -> Iterator[str]:
    verdict, service = answer["verdict"], answer["service"]
    yield f"{terminal.paint(name, 'strong')}: {terminal.paint(verdict, verdict)}"
    cause = answer["cause"]
    if cause:
        text = f"{cause['text']} (confidence: {cause['confidence']})"
        yield from terminal.paragraph(text, " " * 11, f"{INDENT}Cause:   ")
        if cause["remedy"]:
            yield from terminal.paragraph(cause["remedy"], " " * 11, f"{INDENT}Remedy:  ")
    if service:
        running = f"{service['running']} of {service['desired']} running"
        pending = f", {service['pending']} pending" if service["pending"] else ""
        yield f"{INDENT}Service: {running}{pending}, {service['definition']}"
    shown: list[Mapping[str, Any]] = []
    for each in answer["findings"]:
        if each not in shown:  # two calls may have failed in the same way
            shown.append(each)
            yield from _finding(each, terminal, verbose)
    for group in answer["targets"] or ():
        states = ", ".join(f"{count} {state}" for state, count in group["states"].items())
        where = group["group"].split(":targetgroup/")[-1].split("/")[0]
        yield f"{INDENT}Targets: {where}: {states or 'none'}"
    if answer["logs"] and not answer["logs"]["classes"]:
        yield f"{INDENT}Logs:    {answer['logs']['lines']} lines, no errors"


def _finding(each: Mapping[str, Any], terminal: Terminal, verbose: bool) -> Iterator[str]:
    severity = each["severity"]
    if severity == INFO and not verbose and each["kind"] != "list_not_seen":
        return
    label = f"{severity}:"
    lines = terminal.paragraph(each["what"], " " * 13, f"{INDENT}{label:<11}")
    yield lines[0].replace(severity, terminal.paint(severity, severity), 1)
    yield from lines[1:]
    evidence = each["evidence"] if verbose else each["evidence"][:EVIDENCE]
    for text in evidence:
        yield from terminal.paragraph(text, " " * 15, f"{' ' * 13}- ")
    more = len(each["evidence"]) - len(evidence)
    if more:
        yield f"{' ' * 13}- {more} more: --verbose"
    if each["remedy"]:
        yield from terminal.paragraph(each["remedy"], " " * 15, f"{' ' * 13}> ")
