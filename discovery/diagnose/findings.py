"""Findings, and the verdict that follows from them: pure values."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

FAILING, DEGRADED, UNKNOWN, INFO = "failing", "degraded", "unknown", "info"
HEALTHY = "healthy"
# What is known to be wrong counts more than what could not be seen, which is never healthy.
SEVERITIES = (FAILING, DEGRADED, UNKNOWN, INFO)


class Finding(NamedTuple):
    """Something that a look at the service has shown."""

    severity: str  # one of SEVERITIES
    kind: str
    what: str  # one sentence
    evidence: tuple[str, ...] = ()
    remedy: str = ""


class Cause(NamedTuple):
    """The one cause that explains most findings."""

    kind: str
    text: str
    confidence: str  # high, medium or low
    explains: tuple[str, ...] = ()  # kinds of other findings that follow from it
    remedy: str = ""


def verdict(findings: Iterable[Finding]) -> str:
    """The worst severity; only information is healthy."""
    severities = {each.severity for each in findings}
    worst = next((each for each in SEVERITIES if each in severities), INFO)
    return HEALTHY if worst == INFO else worst


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda each: SEVERITIES.index(each.severity))
