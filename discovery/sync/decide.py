"""Which tasks are listed, which are not, and why. Pure.

One rule protects the list: a listed task that still runs stays, unless it failed in every round
of the run, or ECS itself calls it UNHEALTHY. Below the panic threshold it stays even then: when
most of a service seems to fail at once, the probe is more likely at fault than the tasks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from discovery.model import UNHEALTHY, Decision, Endpoint, Entry, Exclusion, Probe, Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from discovery.model import PublishedState, Snapshot

WITHDRAWN = "withdrawn: it is stopping"


def decide(
    state: PublishedState,
    snapshot: Snapshot,
    probes: Mapping[Endpoint, Probe],
    failed_before: AbstractSet[str] | None,
    last_round: bool,
    panic_percent: float,
) -> Decision:
    """Decide on one round.

    `failed_before` holds the ids of the tasks that failed in every earlier round of the run;
    None in the first round.
    """
    # 1. The tasks that run, and the result of each probe.
    running = {t.id: t for t in snapshot.tasks if t.runs and t.id not in state.withdrawn}
    probed = {
        id: probes.get(task.endpoint, Probe.UNANSWERED)
        for id, task in running.items()
        if task.endpoint and task.needs_probe and id not in snapshot.assumed
    }
    healthy = {id for id, probe in probed.items() if probe is Probe.OPEN}
    healthy |= running.keys() & snapshot.assumed
    failing = {id for id, probe in probed.items() if probe.failed}
    if failed_before is not None:
        failing &= failed_before
    degraded = len(healthy) * 100 < panic_percent * len(running)

    # 2. The tasks that may not stay.
    unhealthy = {id for id, task in running.items() if task.health_status == UNHEALTHY}
    dropped = set() if degraded else unhealthy | (failing if last_round else set())

    # 3. The new list, and a reason for each other task.
    entries = _entries(state, snapshot, running, healthy, dropped)
    replaced = _one_task_for_each_endpoint(entries, running)
    excluded = [*replaced, *_exclusions(state, snapshot, probed, entries.keys(), replaced)]
    return Decision(
        entries=entries,
        excluded=tuple(sorted(excluded)),
        failing=failing,
        running=len(running),
        healthy=len(healthy),
        degraded=degraded,
        settled=last_round or not (probed.keys() - healthy or snapshot.missing),
        confirmed={
            id: created_at
            for id in healthy & entries.keys()
            if (created_at := running[id].created_at)
        },
    )


def without(decision: Decision, withdrawn: AbstractSet[str]) -> Decision:
    """The decision as it was published: without the tasks that were withdrawn after it."""
    if not withdrawn:
        return decision
    late = [Exclusion(id, decision.entries[id].endpoint.host, WITHDRAWN) for id in withdrawn]
    return replace(
        decision,
        entries={id: each for id, each in decision.entries.items() if id not in withdrawn},
        confirmed={id: at for id, at in decision.confirmed.items() if id not in withdrawn},
        excluded=tuple(sorted([*decision.excluded, *late], key=lambda each: each.task)),
    )


def _entries(
    state: PublishedState,
    snapshot: Snapshot,
    running: Mapping[str, Task],
    healthy: AbstractSet[str],
    dropped: AbstractSet[str],
) -> dict[str, Entry]:
    """Healthy tasks are listed. Listed tasks stay, even those that ECS cannot find just now."""
    staying = (running.keys() | snapshot.missing) - dropped - state.withdrawn
    entries = {id: entry for id, entry in state.entries.items() if id in staying}
    entries.update(
        (id, Entry(task.endpoint, task.name))
        for id, task in running.items()
        if task.endpoint and (id in healthy or id in entries)
    )
    return entries


def _exclusions(
    state: PublishedState,
    snapshot: Snapshot,
    probed: Mapping[str, Probe],
    listed: AbstractSet[str],
    replaced: list[Exclusion],
) -> Iterator[Exclusion]:
    known = listed | {exclusion.task for exclusion in replaced}
    for task in snapshot.tasks:
        if task.id not in known:
            ip = task.endpoint.host if task.endpoint else None
            yield Exclusion(task.id, ip, _reason(task, state, probed))
    for id in snapshot.missing - known:
        yield Exclusion(id, None, "MISSING: ECS listed it and did not find it")


def _reason(task: Task, state: PublishedState, probed: Mapping[str, Probe]) -> str:
    """Why a task is not listed, for the person who misses it."""
    if task.id in state.withdrawn:
        return WITHDRAWN
    if not task.runs:
        return f"not running: it is {task.last_status}, desired {task.desired_status}"
    if task.health_status == UNHEALTHY:
        return "UNHEALTHY: its container health check fails"
    if task.endpoint is None:
        return "no address: its ENI is unknown (network mode awsvpc is required)"
    return probed[task.id].value


def _one_task_for_each_endpoint(
    entries: dict[str, Entry], running: Mapping[str, Task]
) -> list[Exclusion]:
    """Where two tasks claim an endpoint, keep the task that was created last.

    ECS reuses the address of a task that ended, and may briefly report both tasks with it.
    """
    holders: dict[Endpoint, str] = {}
    replaced = []
    for id in sorted(entries, key=lambda id: (running[id].created_at if id in running else 0, id)):
        endpoint = entries[id].endpoint
        if endpoint in holders:
            older = holders[endpoint]
            del entries[older]
            replaced.append(Exclusion(older, endpoint.host, f"its address passed to task {id}"))
        holders[endpoint] = id
    return replaced
