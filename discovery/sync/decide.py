"""Who is listed, who is not, and why: pure.

One rule protects what is listed: a listed task that still runs stays, unless it
was asked in every round of the run and failed each time, or ECS itself calls it
UNHEALTHY. Below the panic threshold it stays even then: when most of a service
seems to fail at once, the check is likelier at fault than the tasks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from discovery.model import UNHEALTHY, Decision, Entry, Exclusion, Probe, Snapshot, Standing, Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet


WITHDRAWN = "withdrawn: it was told to stop"


def worth_asking(task: Task) -> bool:
    """Whether a TCP connect can change anything for this task."""
    return task.runs and task.ip is not None and task.health_status != UNHEALTHY


def decide(
    standing: Standing,
    snapshot: Snapshot,
    probes: Mapping[str, Probe],
    failed_before: AbstractSet[str] | None,
    last_round: bool,
    panic_percent: float,
) -> Decision:
    """Decide on one round.

    `probes` are by address. `failed_before` holds the ids of the tasks that failed in
    every earlier round of the run; None in the first round.
    """
    # 1. What runs, and how each of it fares.
    running = {t.id: t for t in snapshot.tasks if t.runs and t.id not in standing.withdrawn}
    asked = _asked(running, probes)
    healthy = {id for id, probe in asked.items() if probe is Probe.OPEN}
    failing = {id for id, probe in asked.items() if probe.failed}
    if failed_before is not None:
        failing &= failed_before
    degraded = len(healthy) * 100 < panic_percent * len(running)

    # 2. What has lost the right to stay.
    condemned = {id for id, task in running.items() if task.health_status == UNHEALTHY}
    dropped = set() if degraded else condemned | (failing if last_round else set())

    # 3. Who is listed then, and what is told of the others.
    entries = _entries(standing, snapshot, running, healthy, dropped)
    handed_on = _one_task_an_address(entries, running)
    excluded = [*handed_on, *_left_out(standing, snapshot, asked, entries.keys(), handed_on)]
    return Decision(
        entries=entries,
        excluded=tuple(sorted(excluded)),
        failing=failing,
        running=len(running),
        healthy=len(healthy),
        degraded=degraded,
        settled=last_round or not (asked.keys() - healthy or snapshot.missing),
    )


def without(decision: Decision, withdrawn: AbstractSet[str]) -> Decision:
    """The same decision, as it was published: without tasks that were withdrawn after it."""
    if not withdrawn:
        return decision
    late = [Exclusion(id, decision.entries[id].ip, WITHDRAWN) for id in withdrawn]
    return replace(
        decision,
        entries={id: each for id, each in decision.entries.items() if id not in withdrawn},
        excluded=tuple(sorted([*decision.excluded, *late], key=lambda each: each.task)),
    )


def _asked(running: Mapping[str, Task], probes: Mapping[str, Probe]) -> dict[str, Probe]:
    return {
        id: probes.get(task.ip or "", Probe.UNANSWERED)
        for id, task in running.items()
        if worth_asking(task)
    }


def _entries(
    standing: Standing,
    snapshot: Snapshot,
    running: Mapping[str, Task],
    healthy: AbstractSet[str],
    dropped: AbstractSet[str],
) -> dict[str, Entry]:
    """Healthy tasks are listed; listed ones stay, also those that ECS lost sight of."""
    staying = (running.keys() | snapshot.missing) - dropped - standing.withdrawn
    entries = {id: entry for id, entry in standing.entries.items() if id in staying}
    entries.update(
        (id, Entry(task.ip, task.name))
        for id, task in running.items()
        if task.ip and (id in healthy or id in entries)
    )
    return entries


def _left_out(
    standing: Standing,
    snapshot: Snapshot,
    asked: Mapping[str, Probe],
    listed: AbstractSet[str],
    told: list[Exclusion],
) -> Iterator[Exclusion]:
    known = listed | {exclusion.task for exclusion in told}
    for task in snapshot.tasks:
        if task.id not in known:
            yield Exclusion(task.id, task.ip, _reason(task, standing, asked))
    for id in snapshot.missing - known:
        yield Exclusion(id, None, "MISSING: ECS listed it and did not find it")


def _reason(task: Task, standing: Standing, asked: Mapping[str, Probe]) -> str:
    """Why a task is not listed, for the person who misses it."""
    if task.id in standing.withdrawn:
        return WITHDRAWN
    if not task.runs:
        return f"not running: it is {task.last_status}, desired {task.desired_status}"
    if task.health_status == UNHEALTHY:
        return "UNHEALTHY: its container health check fails"
    if task.ip is None:
        return "no address: its ENI is unknown (network mode awsvpc is required)"
    return asked[task.id].value


def _one_task_an_address(entries: dict[str, Entry], running: Mapping[str, Task]) -> list[Exclusion]:
    """Where two tasks claim an address, leave it to the one that was created last.

    ECS hands on the address of a task that ended, and may for a moment tell of both.
    """
    holders: dict[str, str] = {}
    left_out = []
    for id in sorted(entries, key=lambda id: (running[id].created_at if id in running else 0, id)):
        ip = entries[id].ip
        if ip in holders:
            del entries[holders[ip]]
            left_out.append(Exclusion(holders[ip], ip, f"its address passed to task {id}"))
        holders[ip] = id
    return left_out
