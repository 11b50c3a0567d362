"""The latest state of each task and container instance in Redis, by version.

The records are text that begins with id and version: what else they say is the history room's
business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from discovery.model import KeptVersion
from discovery.store import scripts
from discovery.store.registry import ScriptPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from discovery.deadline import Deadline
    from discovery.model import StoredChange
    from discovery.store.client import ScriptClient

_SCRIPT = scripts.load("history")

# Records of one script call. It takes a millisecond, for which a withdrawal may have to wait.
BATCH = 200


class History:
    """One service's records. Each method raises RegistryError or SecretError."""

    def __init__(self, client: ScriptClient, key_prefix: str, deadline: Deadline) -> None:
        self._client, self._deadline = client, deadline
        self._keys = keys(key_prefix)

    def keep(self, changes: Sequence[StoredChange]) -> int:
        """Keep each change that is news; returns how many were."""
        kept = 0
        for start in range(0, len(changes), BATCH):
            batch = changes[start : start + BATCH]
            kept += self._run("keep", *(arg for change in batch for arg in arguments(change)))
        return kept

    def versions(self) -> dict[str, KeptVersion]:
        """What is kept of each task, by id."""
        kept = {}
        for page in self._pages("versions"):
            for line in page.split("\n") if page else ():
                id, version, stopped, health = line.split(" ")
                kept[id] = KeptVersion(int(version), health, stopped == "1")
        return kept

    def tasks(self, ids: Iterable[str]) -> dict[str, str]:
        """The records of these tasks, by id, as far as they are kept."""
        wanted = sorted(ids)
        found: dict[str, str] = {}
        for start in range(0, len(wanted), BATCH):
            batch = wanted[start : start + BATCH]
            found.update((id, text) for id, text in zip(batch, self._run("tasks", *batch)) if text)
        return found

    def stopped(self, since: float) -> list[str]:
        """The records of the tasks that stopped after this time, in seconds since the epoch."""
        return list(self.tasks(self._run("stopped", since)).values())

    def read(self) -> tuple[list[str], list[str]]:
        """All records: of the tasks, and of the instances."""
        tasks, instances = (
            {id: text for page in self._pages("read", kind) for id, text in _pairs(page)}
            for kind in ("task", "instance")
        )
        return list(tasks.values()), list(instances.values())

    def _pages(self, action: str, *args: Any) -> Iterator[Any]:
        cursor, ended = "0", False
        while not ended:
            cursor, page = self._run(action, *args, cursor)
            ended = cursor == "0"
            yield page

    def _run(self, action: str, *args: Any) -> Any:
        return self._client.run(_SCRIPT, self._keys, self._deadline, action, *args)


def keys(key_prefix: str) -> tuple[str, ...]:
    return tuple(f"{key_prefix}:{name}" for name in ("tasks", "instances", "stopped"))


def arguments(change: StoredChange) -> tuple[Any, ...]:
    stopped = "" if change.stopped is None else change.stopped
    return (change.kind, change.id, change.version, change.text, stopped, change.expected)


def part(key_prefix: str, change: StoredChange) -> ScriptPart:
    """Keeps a change in the call of another script."""
    records = f"{key_prefix}:{change.kind}s"
    return ScriptPart(
        _SCRIPT.text,
        keys(key_prefix),
        ("keep", *arguments(change)),
        f"the history on the key {records} lacks this event",
        "Grant the Redis user the commands that docs/contract.md lists for HISTORY; the next "
        "scheduled run adds what is missing of a task.",
    )


def _pairs(flat: Sequence[str]) -> Iterator[tuple[str, str]]:
    return zip(flat[::2], flat[1::2])
