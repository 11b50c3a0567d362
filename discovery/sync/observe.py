"""One look at the service: list, describe and probe, each page as it comes."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Callable

from discovery.model import RUNNING, UNKNOWN, Snapshot, Task

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from discovery.deadline import Deadline
    from discovery.interfaces import Described, Prober, TaskLister
    from discovery.model import Endpoint, Probe, PublishedState, ServiceRef


def observe(
    service: ServiceRef,
    lister: TaskLister,
    new_prober: Callable[[], Prober],
    state: PublishedState,
    new_task_ids: AbstractSet[str],
    full: bool,
    deadline: Deadline,
    described: Described | None = None,
) -> tuple[Snapshot, Mapping[Endpoint, Probe]]:
    """A snapshot, and the result of each probe. Raises EcsError.

    A full look describes and probes each task. Any other one takes a task as it is known if Redis
    confirms it and ECS still lists it: its address and its name never change, and what ECS still
    wants to run, and ran, runs.

    The other listed tasks, and those that an event has announced (`new_task_ids`), are described
    and probed while ECS is still listing. A task that ECS does not list is left out all the same.
    `described` gets what ECS says of each task.
    """
    known = _known(service, state)
    assumed = {} if full else known
    tasks: dict[str, Task] = {}  # a task may move between pages and come twice
    missing: set[str] = set()
    calls = 0
    with closing(new_prober()) as prober:
        expected = (state.entries.keys() | new_task_ids) - assumed.keys()
        pages = lister.pages(service, known, full, expected, deadline, described)
        prober.prefetch(entry.endpoint for id, entry in state.entries.items() if id not in assumed)
        for page in pages:
            calls += page.calls
            tasks.update((task.id, task) for task in page.tasks)
            missing.update(page.missing)
            prober.submit(
                task.endpoint
                for task in page.tasks
                if task.endpoint and task.needs_probe and task.id not in assumed
            )
        probes = prober.results(deadline)
    snapshot = Snapshot(
        tasks=tuple(tasks.values()),
        missing=missing - tasks.keys(),
        calls=calls,
        assumed=assumed.keys() & tasks.keys(),
    )
    return snapshot, probes


def _known(service: ServiceRef, state: PublishedState) -> dict[str, Task]:
    """The confirmed tasks, by id, as they were when a run last looked."""
    return {
        id: Task(id, entry.name, RUNNING, RUNNING, UNKNOWN, entry.endpoint, None, created_at)
        for id, created_at in state.confirmed.items()
        # HEALTH_CHECK_PORT may have changed.
        if (entry := state.entries[id]).endpoint.port == service.port
    }


def summary(snapshot: Snapshot, probes: Mapping[Endpoint, Probe]) -> str:
    counts = Counter(probe.value for probe in probes.values())
    results = ", ".join(f"{count} {result}" for result, count in sorted(counts.items()))
    return (
        f"{len(snapshot.tasks)} tasks in {snapshot.calls} calls, {len(snapshot.assumed)} of them "
        f"taken as known, {len(snapshot.missing)} MISSING; "
        f"{len(probes)} probed: {results or 'none'}"
    )
