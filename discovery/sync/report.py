"""The result of a run: the caller's answer, and the figures for the metrics. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from discovery.addresses import changes
from discovery.model import Endpoint, Entry, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from discovery.model import Decision, PublishedState, Snapshot

# Twice what ECS allows a service. Each takes about 150 bytes, and Lambda's answer holds 6 MB:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
EXCLUDED = 10_000


@dataclass
class Report:
    """The result of the rounds so far."""

    outcome: Outcome = Outcome.KEPT
    generation: int = 0
    rounds: int = 0
    decision: Decision | None = None  # the last that was published
    snapshot: Snapshot | None = None  # that it was made on
    full: bool = False  # whether a round of the run looked at each task
    before: Mapping[str, Entry] | None = None  # the listed tasks when the run began
    withdrawn: str | None = None  # the address that was withdrawn before the run
    published_at: float | None = None  # the first time, on the deadline's clock

    def add(
        self, state: PublishedState, snapshot: Snapshot, decision: Decision, generation: int
    ) -> None:
        """Add a round's decision, which was based on this published state and snapshot."""
        self.before = state.entries if self.before is None else self.before
        self.snapshot, self.decision, self.generation = snapshot, decision, generation
        self.full = self.full or snapshot.full


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
    """The metrics of a run. Times in seconds become milliseconds."""
    values: dict[str, float] = {report.outcome.value.capitalize(): 1}
    decision = report.decision
    if decision:
        added, removed = _changes(report)
        values.update(
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
        values["EventToPublish"] = round(event_to_publish * 1000, 1)
    return values


def _changes(report: Report) -> tuple[list[str], list[str]]:
    """From before the run and its withdrawal to its last publication."""
    before = dict(report.before or {})
    after = report.decision.entries if report.decision else dict(before)
    if report.withdrawn:
        before["withdrawn"] = Entry(Endpoint(report.withdrawn, 0), "")
    return changes(before, after)
