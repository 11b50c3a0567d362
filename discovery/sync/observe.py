"""One look at the service: list, describe and probe, each page as it comes."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Callable

from discovery.model import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from discovery.deadline import Deadline
    from discovery.interfaces import Described, Prober, TaskLister
    from discovery.model import Endpoint, Probe, PublishedState, ServiceRef, Task


def observe(
    service: ServiceRef,
    lister: TaskLister,
    new_prober: Callable[[], Prober],
    state: PublishedState,
    new_task_ids: AbstractSet[str],
    deadline: Deadline,
    described: Described | None = None,
) -> tuple[Snapshot, Mapping[Endpoint, Probe]]:
    """A snapshot, and the result of each probe. Raises EcsError.

    The listed tasks are described and probed while ECS is still listing, as most of them go on
    running; `new_task_ids`, which an event has announced, are described then, too. A task that
    ECS does not list is left out all the same. `described` gets what ECS says of each listed task.
    """
    tasks: dict[str, Task] = {}  # a task may move between pages and come twice
    missing: set[str] = set()
    calls = 0
    with closing(new_prober()) as prober:
        expected = state.entries.keys() | new_task_ids
        pages = lister.pages(service, expected, deadline, described)
        prober.prefetch(entry.endpoint for entry in state.entries.values())
        for page in pages:
            calls += page.calls
            tasks.update((task.id, task) for task in page.tasks)
            missing.update(page.missing)
            prober.submit(
                task.endpoint for task in page.tasks if task.endpoint and task.needs_probe
            )
        probes = prober.results(deadline)
    # An empty service takes one call and returns no page.
    snapshot = Snapshot(tuple(tasks.values()), missing - tasks.keys(), max(1, calls))
    return snapshot, probes


def summary(snapshot: Snapshot, probes: Mapping[Endpoint, Probe]) -> str:
    counts = Counter(probe.value for probe in probes.values())
    results = ", ".join(f"{count} {result}" for result, count in sorted(counts.items()))
    return (
        f"{len(snapshot.tasks)} tasks in {snapshot.calls} calls, {len(snapshot.missing)} MISSING; "
        f"{len(probes)} probed: {results or 'none'}"
    )
