"""What one look shows. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from discovery.model import Task
    from discovery.service import Scaling, ServiceView


class ListLook(NamedTuple):
    """The list, from a listing that this invocation has just published."""

    tasks: Mapping[str, Task]  # every task that ECS wants to run, by id
    listed: AbstractSet[str]  # ids of the tasks that readers see
    draining: AbstractSet[str]  # ids of the tasks that a recycle keeps off the list
    sound: bool  # not degraded, and no task is MISSING


@dataclass(frozen=True)
class Facts:
    """All that the next act depends on, but for the record and the time."""

    look: ListLook
    service: ServiceView
    scaling: Scaling | None
    protected: AbstractSet[str]  # ids under scale-in protection
    unready: AbstractSet[str]  # ids that a target group does not call healthy
    ended: Mapping[str, str]  # id -> why a watched task stopped, where that is a fault

    def old(self, started_before: float) -> dict[str, Task]:
        """The tasks that have to go."""
        tasks = self.look.tasks
        return {id: task for id, task in tasks.items() if task.created_at < started_before}

    def order(self, started_before: float) -> list[str]:
        """The tasks that have to go: those that no reader sees first, then the oldest."""
        old, ready = self.old(started_before), self.ready
        return sorted(old, key=lambda id: (id in ready, old[id].created_at, id))

    @property
    def ready(self) -> frozenset[str]:
        """Ids of the tasks that are listed, and healthy in each target group."""
        return frozenset(self.look.listed) - self.unready

    @property
    def surplus(self) -> int:
        """How many tasks ECS is about to stop by itself, of its own choice."""
        return max(0, len(self.look.tasks) - self.service.desired)

    def missing(self, without: AbstractSet[str] = frozenset()) -> str:
        """What the list lacks of what the service wants, apart from these tasks; "": nothing."""
        if not self.look.sound:
            return "the last listing was degraded or incomplete"
        lacking = self.look.tasks.keys() - self.ready - without
        unlisted = lacking - self.look.listed
        if unlisted:
            return f"{_tasks(unlisted)} not listed yet"
        if lacking:
            return f"{_tasks(lacking)} listed, but not healthy in a target group"
        wanted = self.service.desired - len(self.look.tasks)
        return (
            f"ECS has yet to start {wanted} of {self.service.desired} tasks" if wanted > 0 else ""
        )


def _tasks(ids: AbstractSet[str]) -> str:
    others = f" and {len(ids) - 1} others are" if len(ids) > 1 else " is"
    return f"task {min(ids)}{others}"
