"""From findings to one cause. Pure.

Causes come before what follows from them: a task that runs out of memory also makes its target
unhealthy, its deployment fail and its endpoint answer 503. So findings have an order, and the
first that is bad enough is the cause; the later ones are what it explains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from discovery.diagnose import checks, log_checks, outside, restarts
from discovery.diagnose.findings import (
    DEGRADED,
    FAILING,
    SEVERITIES,
    Cause,
    Finding,
    by_severity,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from discovery.diagnose.facts import Facts

# From causes to what follows from them. What stopped tasks comes first, see `_rank`.
_ORDER = (
    "service_inactive",
    "event_role",
    "event_configuration",
    "event_placement",
    "event_throttled",
    "certificate_invalid",
    "certificate_unseen",
    "certificate_expires",
    "targets_unhealthy",
    "targets_unused",
    "targets_draining",
    "targets_without_task",
    "tasks_without_target",
    "healthy_target_not_listed",
    "list_missing",
    "list_stale",
    "list_lacks_tasks",
    "list_degraded",
    "listed_target_unhealthy",
    "log_errors",
    "event_health_check",
    "event_target_unhealthy",
    "deployment_failed",
    "deployment_fails",
    "event_deployment_failed",
    "event_deployment_blocked",
    "event_start_impaired",
    "no_task_runs",
    "too_few_tasks",
    "endpoint_down",
    "endpoint_fails",
    "endpoint_refuses",
    "endpoint_slow",
)
# What a dying task brings with it, and what an ended certificate does.
_FOLLOW_STOPS = frozenset(
    {
        "targets_unhealthy", "tasks_without_target", "list_lacks_tasks", "list_degraded",
        "log_errors", "deployment_failed", "deployment_fails", "event_start_impaired",
        "event_deployment_failed", "event_health_check", "event_target_unhealthy", "no_task_runs",
        "too_few_tasks", "endpoint_down", "endpoint_fails", "listed_target_unhealthy",
    }
)  # fmt: skip
_FOLLOW = {
    "certificate_invalid": frozenset({"endpoint_down"}),
    "event_placement": frozenset(
        {"no_task_runs", "too_few_tasks", "endpoint_down", "endpoint_fails", "deployment_failed",
         "deployment_fails", "event_deployment_failed"}
    ),
    "targets_unhealthy": frozenset(
        {"endpoint_down", "endpoint_fails", "event_target_unhealthy", "event_health_check",
         "listed_target_unhealthy", "list_lacks_tasks", "log_errors"}
    ),
    "log_errors": frozenset({"endpoint_fails", "endpoint_slow"}),
}  # fmt: skip
# These reasons are plain, whatever else was seen; others leave the fault inside to be found.
_PLAIN = frozenset(
    {
        "out_of_memory", "wrong_platform", "not_found", "not_executable", "disk_full", "role",
        "port_in_use", "capacity", "image_pull_denied", "image_pull_not_found",
        "image_pull_rate_limit", "image_pull_network", "resource_secrets", "resource_logs",
    }
)  # fmt: skip
_MOST = 0.5  # of the restarts, for one reason


def findings(facts: Facts) -> list[Finding]:
    """All findings, the worst first."""
    found = [
        *checks.service(facts),
        *checks.deployments(facts),
        *checks.stops(facts),
        *checks.events(facts),
        *outside.targets(facts),
        *outside.listing(facts),
        *outside.endpoints(facts),
        *log_checks.logs(facts),
        *checks.unseen(facts),
    ]
    return by_severity(found)


def cause(facts: Facts, found: Sequence[Finding]) -> Cause | None:
    """The one cause with its confidence; None: nothing is wrong, as far as it was seen."""
    groups = [each for each in restarts.grouped(facts.stopped or ()) if each.fault]
    total = restarts.faults(groups)
    bad = [each for each in found if each.severity in (FAILING, DEGRADED)]
    if groups and groups[0].count >= _MOST * total:
        return _of_stops(facts, groups[0], total, bad)
    ranked = sorted(
        (each for each in bad if each.kind in _ORDER),
        key=lambda each: (SEVERITIES.index(each.severity), _ORDER.index(each.kind)),
    )
    if not ranked:
        return _of_many(groups, total) if groups else None
    first = ranked[0]
    explained = _explained(_FOLLOW.get(first.kind, frozenset()), bad)
    alone = len(explained) == len({each.kind for each in bad} - {first.kind})
    return Cause(
        first.kind, _with_evidence(first), "medium" if alone and not facts.unseen else "low",
        explained, first.remedy,
    )  # fmt: skip


def _of_stops(facts: Facts, group: restarts.Restarts, total: int, bad: Sequence[Finding]) -> Cause:
    what = _STOPS.get(group.kind, group.text.rstrip("."))
    where = f" in container {group.container}" if group.container else ""
    memory = group.kind == "out_of_memory" and checks.limit(facts, group)
    named = where if group.kind in _STOPS else ""
    parts = [f"{group.count} of {total} restarts are {what}{named}" if group.kind in _STOPS
             else f"{group.count} of {total} restarts: {what}"]  # fmt: skip
    parts += [memory] if memory else []
    lines = next((facts.last_lines[id] for id in group.tasks if facts.last_lines.get(id)), ())
    if lines:
        parts.append("the last lines before: " + " | ".join(lines[-3:]))
    sure = group.kind in _PLAIN
    confidence = "high" if sure else "medium" if lines or group.loop else "low"
    explained = _explained(_FOLLOW_STOPS, bad)
    return Cause(group.kind, "; ".join(parts) + ".", confidence, explained, group.remedy)


_STOPS = {
    "out_of_memory": "OutOfMemory",
    "image_pull": "CannotPullContainer",
    "segfault": "segmentation faults",
}


def _of_many(groups: Sequence[restarts.Restarts], total: int) -> Cause:
    text = f"{total} restarts have {len(groups)} different reasons, first: {groups[0].text}"
    return Cause(groups[0].kind, text, "low", (), groups[0].remedy)


def _explained(kinds: frozenset[str], bad: Sequence[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.kind for each in bad if each.kind in kinds))


def _with_evidence(finding: Finding) -> str:
    return f"{finding.what} ({finding.evidence[0]})" if finding.evidence else finding.what
