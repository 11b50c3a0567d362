"""What came of a run, as the caller's answer and as figures for the metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from discovery.model import Decision, Entry, Outcome
from discovery.store.codec import changes

if TYPE_CHECKING:
    from collections.abc import Mapping

# Twice what ECS allows a service. Each takes some 150 bytes, and Lambda's answer holds 6 MB:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
EXCLUDED = 10_000


@dataclass
class Report:
    """It grows from round to round."""

    outcome: Outcome = Outcome.KEPT
    generation: int = 0
    rounds: int = 0
    decision: Decision | None = None  # the last that was published
    before: Mapping[str, Entry] | None = None  # what was listed when the run began
    withdrawn: str | None = None  # the address that went before it
    published_at: float | None = None  # first, on the deadline's clock


def answer(report: Report, duration: float) -> dict[str, Any]:
    """The contract's answer; `duration` is in seconds."""
    added, removed = _changes(report)
    decision = report.decision
    return {
        "outcome": report.outcome.value,
        "generation": report.generation if decision else None,
        "running": decision.running if decision else None,
        "healthy": decision.healthy if decision else None,
        "degraded": decision.degraded if decision else None,
        "rounds": report.rounds,
        "added": added,
        "removed": removed,
        "excluded": [each._asdict() for each in decision.excluded[:EXCLUDED]] if decision else [],
        "duration_ms": round(duration * 1000),
    }


def figures(report: Report, duration: float, event_to_publish: float | None) -> dict[str, float]:
    """What is measured of a run; times in seconds come out as milliseconds."""
    told: dict[str, float] = {report.outcome.value.capitalize(): 1}
    decision = report.decision
    if decision:
        added, removed = _changes(report)
        told.update(
            RunningTasks=decision.running,
            HealthyTasks=decision.healthy,
            UnhealthyTasks=decision.running - decision.healthy,
            PublishedTasks=len(decision.entries),
            AddedTasks=len(added),
            RemovedTasks=len(removed),
            Degraded=int(decision.degraded),
            Rounds=report.rounds,
            SyncDuration=round(duration * 1000, 1),
        )
    if event_to_publish is not None:
        told["EventToPublish"] = round(event_to_publish * 1000, 1)
    return told


def _changes(report: Report) -> tuple[list[str], list[str]]:
    """From before the run, withdrawal included, to its last publication."""
    before = dict(report.before or {})
    after = report.decision.entries if report.decision else dict(before)
    if report.withdrawn:
        before["withdrawn"] = Entry(report.withdrawn, "")
    return changes(before, after)
