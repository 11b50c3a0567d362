"""From facts to findings: errors in the logs, and lines that may be missing. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from discovery.diagnose.findings import DEGRADED, INFO, UNKNOWN, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from discovery.diagnose.facts import Facts

_ERROR_SHARE = 0.05  # of HTTP answers; above it the service fails its clients


def logs(facts: Facts) -> Iterator[Finding]:
    """Errors in the log lines, where they are logged, and what may be missing."""
    yield from _drivers(facts)
    if facts.logs_truncated:
        yield Finding(
            UNKNOWN, "logs_truncated",
            f"Not all lines of the window were read: {facts.logs_truncated}.", (),
            "Run again with fewer minutes.",
        )  # fmt: skip
    report = facts.logs
    if report is None:
        return
    errors = sum(report.classes.values())
    failed = sum(count for status, count in report.http.items() if status >= 500)  # noqa: PLR2004
    if errors:
        most = "; ".join(f"{count} {name}" for name, count in report.classes.items())
        grave = bool({"panic", "fatal", "oom"} & report.classes.keys())
        severe = grave or failed > _ERROR_SHARE * max(1, sum(report.http.values()))
        yield Finding(
            DEGRADED if severe else INFO, "log_errors",
            f"{errors} errors in {report.lines} log lines: {most}.",
            tuple(f"{each.count} x {each.error}: {each.sample}" for each in report.groups[:5]),
            "Look at the largest groups first.",
        )  # fmt: skip


def _drivers(facts: Facts) -> Iterator[Finding]:
    definition = facts.definitions.get(facts.current)
    for each in definition.containers if definition else ():
        where = f"container {each.name} of {facts.current}"
        if each.log_driver != "awslogs" and not facts.log_group:
            severity = UNKNOWN if each.essential else INFO
            driver = f"with {each.log_driver}" if each.log_driver else "nowhere"
            yield Finding(
                severity, "logs_elsewhere",
                f"The logs of {where} cannot be seen: it logs {driver}.",
                (f"logs:FilterLogEvents cannot read it: {where}",),
                "Look at them where they go, or log with awslogs.",
            )  # fmt: skip
        elif each.log_mode == "non-blocking":
            yield Finding(
                UNKNOWN, "logs_may_drop",
                f"Lines of {where} may be missing: its log mode is non-blocking.",
                (f"logs:FilterLogEvents sees only what was kept: {where}",),
                "Set the log option mode to blocking, if every line counts.",
            )  # fmt: skip
