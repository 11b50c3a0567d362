"""One look at the service: list, describe and probe, each page as it comes."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Callable

from discovery.model import Probe, Snapshot, Standing, Task
from discovery.sync.decide import worth_asking

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from discovery.aws.task_lister import Fleet
    from discovery.deadline import Deadline
    from discovery.probe.tcp import Pool


def observe(
    fleet: Fleet,
    new_pool: Callable[[], Pool],
    standing: Standing,
    arrived: AbstractSet[str],
    until: Deadline,
) -> tuple[Snapshot, Mapping[str, Probe]]:
    """A snapshot, and the answers by address. Raises EcsError.

    What is listed by now is described and checked while ECS still lists, as most of it will
    run on, and who has just `arrived` (ids) is described: what ECS does not list is left out
    all the same.
    """
    tasks: dict[str, Task] = {}  # a task may move between pages and come twice
    missing: set[str] = set()
    calls = 0
    with closing(new_pool()) as pool:
        arriving = fleet.pages(until, standing.entries.keys() | arrived)
        pool.guess(entry.ip for entry in standing.entries.values())
        for page in arriving:
            calls += page.calls
            tasks.update((task.id, task) for task in page.tasks)
            missing.update(page.missing)
            pool.add(task.ip for task in page.tasks if task.ip and worth_asking(task))
        probes = pool.finish(until)
    # An empty service is one call and no page.
    snapshot = Snapshot(tuple(tasks.values()), missing - tasks.keys(), max(1, calls))
    return snapshot, probes


def summary(snapshot: Snapshot, probes: Mapping[str, Probe]) -> str:
    counts = Counter(probe.value for probe in probes.values())
    checks = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    return (
        f"{len(snapshot.tasks)} tasks in {snapshot.calls} calls, {len(snapshot.missing)} MISSING; "
        f"{len(probes)} checked: {checks or 'none'}"
    )
