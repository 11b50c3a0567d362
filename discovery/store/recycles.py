"""The record of a service's recycle in Redis: compare-and-set under a lease of its own.

The record is text: what it says is the recycle room's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from discovery.model import StoredRecord
from discovery.store import scripts

if TYPE_CHECKING:
    from discovery.deadline import Deadline
    from discovery.store.client import ScriptClient

_SCRIPT = scripts.load("recycles")

LEASE = 20_000  # ms; each write extends it, and so does each look


class Recycles:
    """One service's recycle. Each method raises RegistryError or SecretError."""

    def __init__(
        self, client: ScriptClient, key_prefix: str, deadline: Deadline, owner: str
    ) -> None:
        self._client, self._deadline, self._owner = client, deadline, owner
        self._keys = (f"{key_prefix}:recycle", f"{key_prefix}:recycle:lease")

    def read(self) -> StoredRecord:
        return StoredRecord(*self._run("read"))

    def acquire(self) -> StoredRecord | None:
        """Take or extend the lease; None: another invocation advances the recycle."""
        taken, *held = self._run("acquire", self._owner, LEASE)
        return StoredRecord(*held[0]) if taken else None

    def release(self) -> None:
        self._run("release", self._owner)

    def write(self, held: StoredRecord, text: str, ended: bool) -> StoredRecord | None:
        """Replace the record; None: another invocation was faster, or the lease is lost."""
        version = self._run(
            "write", self._owner, LEASE, held.version, text, int(ended), held.command
        )
        return StoredRecord(version, text, "") if version else None

    def command(self, word: str) -> None:
        self._run("command", word)

    def _run(self, action: str, *args: Any) -> Any:
        return self._client.run(_SCRIPT, self._keys, self._deadline, action, *args)
