"""What a service's scheduler starts and stops next: a pure function of what there is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Standing:
    """A task that is not to stop: whose it is, and how it does."""

    id: str
    deployment: str
    well: bool
    """Running, and healthy by every check there is."""
    protected: bool = False


@dataclass(frozen=True)
class Goal:
    """What a service wants. `lower` and `upper` bound its running tasks in a deployment."""

    desired: int
    lower: int
    upper: int
    deployment: str
    """The primary one, whose tasks are to stay."""
    failed: bool = False
    """Whether it is in state FAILED, in which it starts none."""


@dataclass(frozen=True)
class Plan:
    """How many tasks to start, and which to stop."""

    start: int = 0
    stop: list[str] = field(default_factory=list)


def bounds(desired: int, minimum_percent: int, maximum_percent: int) -> tuple[int, int]:
    """The bounds of a deployment: the lower is rounded up, the upper down, as ECS does."""
    return -(-desired * minimum_percent // 100), desired * maximum_percent // 100


def plan(goal: Goal, tasks: Sequence[Standing]) -> Plan:
    """Decide. Where any task would do, the first in `tasks` goes first, ill ones before."""
    ours = [task for task in tasks if task.deployment == goal.deployment]
    surplus = _first(ours, len(ours) - goal.desired)
    if goal.failed:
        return Plan(0, surplus)
    start = max(0, min(goal.desired - len(ours), goal.upper - len(tasks)))
    left = [task for task in tasks if task.id not in surplus]
    old = [task for task in left if task.deployment != goal.deployment]
    ill = sum(not task.well and not task.protected for task in old)
    spare = sum(task.well for task in left) - goal.lower
    return Plan(start, surplus + _first(old, ill + max(0, spare)))


def _first(tasks: Iterable[Standing], count: int) -> list[str]:
    """The ids of so many tasks that may be stopped: those first that are not well."""
    free = [task for task in tasks if not task.protected]
    return [task.id for task in sorted(free, key=lambda task: task.well)[: max(0, count)]]
