"""The answer of a diagnosis: masked, and bounded to what Lambda returns. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from discovery.diagnose import restarts
from discovery.diagnose.correlate import cause, findings
from discovery.diagnose.findings import verdict
from discovery.diagnose.outside import summed
from discovery.diagnose.redact import redact
from discovery.text import iso, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from discovery.diagnose.facts import Facts
    from discovery.diagnose.summary import LogReport

# Lambda takes 6 MB: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST = 5_500_000  # bytes of the answer as JSON
MOST_TARGETS = 5_000  # targets that are listed; all are counted
MOST_TASKS = 100  # tasks named for one reason
LONGEST = 2_000  # characters of a text


def answer(facts: Facts) -> dict[str, Any]:
    """The contract's answer."""
    found = findings(facts)
    because = cause(facts, found)
    result = {
        "outcome": "diagnosed",
        "verdict": verdict(found),
        "cause": because and because._asdict(),
        "findings": [each._asdict() for each in found],
        "logs": _logs(facts.logs, facts.logs_truncated),
        "service": _service(facts),
        "targets": _targets(facts),
        "endpoints": {
            "http": [each._asdict() for each in facts.endpoints],
            "certificates": [each._asdict() for each in facts.certificates],
        },
        "restarts": _restarts(facts),
    }
    masked: dict[str, Any] = _masked(result)
    return bounded(masked)


def bounded(result: dict[str, Any]) -> dict[str, Any]:
    """The answer within Lambda's limit: the rarest groups go first, then the targets."""
    parts: Sequence[list[Any]] = (
        result["logs"]["groups"] if result["logs"] else [],
        *(group["targets"] for group in result["targets"] or ()),
    )
    for part in parts:
        while part and _size(result) > LARGEST:
            del part[len(part) // 2 :]
            if result["logs"] and part is parts[0]:
                result["logs"]["truncated"] = True
    return result


def _size(result: dict[str, Any]) -> int:
    return len(json.dumps(result))  # as Lambda does: ASCII, so characters are bytes


def _masked(value: Any) -> Any:
    """The same without secrets, each text on one line."""
    if isinstance(value, str):
        return one_line(redact(value), LONGEST)
    if isinstance(value, dict):
        return {name: _masked(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(each) for each in value]
    return value


def _logs(report: LogReport | None, truncated: str) -> dict[str, Any] | None:
    if report is None:
        return None
    return {
        "lines": report.lines,
        "classes": report.classes,
        "groups": [
            {
                "error": each.error,
                "count": each.count,
                "first": _moment(each.first / 1000),
                "last": _moment(each.last / 1000),
                "shape": each.shape,
                "sample": each.sample,
                "tasks": list(each.tasks),
            }
            for each in report.groups
        ],
        "http": {str(status): count for status, count in report.http.items()},
        "truncated": report.truncated or bool(truncated),
    }


def _service(facts: Facts) -> dict[str, Any] | None:
    view = facts.service
    if view is None:
        return None
    return {
        "arn": view.arn,
        "status": view.status,
        "desired": view.desired,
        "running": view.running,
        "pending": view.pending,
        "definition": facts.current,
        "steady": not view.deploying and view.running == view.desired and not view.pending,
        "deployments": [each._asdict() for each in view.deployments],
        "event": view.events[0].message if view.events else None,
    }


def _targets(facts: Facts) -> list[dict[str, Any]] | None:
    if facts.groups is None:
        return None
    return [
        {
            "group": each.arn,
            "states": summed(each.targets),
            "targets": [target._asdict() for target in each.targets[:MOST_TARGETS]],
        }
        for each in facts.groups
    ]


def _restarts(facts: Facts) -> dict[str, Any] | None:
    if facts.stopped is None:
        return None
    groups = restarts.grouped(facts.stopped)
    return {
        "count": restarts.faults(groups),
        "stopped": len(facts.stopped),
        "containers": dict(restarts.counted(groups)),
        "groups": [
            {
                "kind": each.kind,
                "fault": each.fault,
                "loop": each.loop,
                "count": each.count,
                "container": each.container or None,
                "text": each.text,
                "first": _moment(each.first),
                "last": _moment(each.last),
                "lived_seconds": None if each.life is None else round(each.life, 1),
                "tasks": list(each.tasks[:MOST_TASKS]),
                "last_lines": next(
                    (list(facts.last_lines[id]) for id in each.tasks if facts.last_lines.get(id)),
                    [],
                ),
            }
            for each in groups
        ],
    }


def _moment(seconds: float) -> str:
    """A time that a log line or AWS gave; empty if it is none."""
    try:
        return iso(seconds)
    except (ValueError, OverflowError, OSError):
        return ""
