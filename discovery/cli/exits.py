"""From answers to exit codes: 0 healthy, 1 degraded or failing, 2 unknown or no answer. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from discovery.diagnose.findings import DEGRADED, FAILING, HEALTHY, UNKNOWN
from discovery.diagnose.outside import STALE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WELL, WRONG, UNSEEN = 0, 1, 2
INTERRUPTED = 130  # as a shell has it for Ctrl-C
PIPE_CLOSED = 141  # as a shell has it for SIGPIPE

_VERDICTS = {HEALTHY: WELL, DEGRADED: WRONG, FAILING: WRONG, UNKNOWN: UNSEEN}


def of_verdicts(verdicts: Iterable[str]) -> int:
    """What is known to be wrong counts more than what could not be seen."""
    codes = {_VERDICTS.get(each, UNSEEN) for each in verdicts}
    return next((code for code in (WRONG, UNSEEN) if code in codes), WELL)


def of_logs(answers: Iterable[Mapping[str, Any]], part: str) -> int:
    """Errors in the lines, or tasks that stopped by a fault, are wrong."""
    verdicts = []
    for answer in answers:
        verdicts += [UNKNOWN for each in answer["findings"] if each["severity"] == UNKNOWN]
        held = answer[part]
        if held is None:
            verdicts.append(UNKNOWN)
        elif held["count"] if part == "restarts" else held["classes"]:
            verdicts.append(DEGRADED)
    return of_verdicts(verdicts)


def of_status(answer: Mapping[str, Any]) -> int:
    """The list is well if it is fresh and has all tasks that run."""
    age = answer["age_seconds"]
    lacking = (answer["healthy"] or 0) < (answer["running"] or 0)
    return WRONG if age is None or age > STALE or answer["degraded"] or lacking else WELL


def of_sync(answer: Mapping[str, Any]) -> int:
    """A run without a listing of its own says nothing about the tasks, unless another lists."""
    if "running" not in answer or answer["running"] is None:
        return WELL if answer["outcome"] in ("coalesced", "superseded") else UNSEEN
    return WRONG if answer["degraded"] or answer["healthy"] < answer["running"] else WELL


def of_recycle(answer: Mapping[str, Any]) -> int:
    recycle = answer.get("recycle") or {}
    return WRONG if "failed" in (answer["outcome"], recycle.get("phase")) else WELL
