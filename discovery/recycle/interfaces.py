"""What a recycle needs of the adapter rooms. lambda_function puts them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from discovery.deadline import Deadline
    from discovery.model import StoredRecord
    from discovery.recycle.facts import Facts
    from discovery.recycle.record import Record
    from discovery.service import Suspended


class Recycles(Protocol):
    """The record and its lease: `store.recycles`."""

    def read(self) -> StoredRecord: ...

    def acquire(self) -> StoredRecord | None: ...

    def release(self) -> None: ...

    def write(self, held: StoredRecord, text: str, ended: bool) -> StoredRecord | None: ...

    def command(self, word: str) -> None: ...


class Registry(Protocol):
    """The list: `store.registry`."""

    def drain(self, task: str) -> str | None: ...

    def withdraw(self, task: str) -> str | None: ...

    def reinstate(self, task: str) -> bool: ...

    def draining(self) -> frozenset[str]: ...


class Writer(Protocol):
    """The service: `aws.service_writer`."""

    def set_desired(self, count: int) -> None: ...

    def stop(self, task: str, reason: str) -> None: ...

    def set_tag(self, arn: str, key: str, value: str) -> None: ...

    def remove_tag(self, arn: str, key: str) -> None: ...

    def set_scaling(self, maximum: int | None, suspended: Suspended) -> None: ...


@dataclass(frozen=True)
class Dependencies:
    """What a recycle acts through."""

    recycles: Recycles
    registry: Registry
    writer: Writer
    # Lists the service anew and publishes, then reads the rest; None: another run lists just now.
    look: Callable[[Record | None], Facts | None]
    # Sends messages of these kinds, of `report`. It fails by a line in the log alone. False: it
    # was left to the next invocation.
    send: Callable[[Collection[str], Record], bool]
    redact: Callable[[str], str]  # masks what looks like a secret
    deadline: Deadline
    sleep: Callable[[float], None]
    now: Callable[[], float]  # seconds since the epoch
