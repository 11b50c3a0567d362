"""What the history needs of the adapter rooms. wiring/history puts them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from discovery.model import StoredChange


class Store(Protocol):
    """The records in Redis: `store.history`."""

    def keep(self, changes: Sequence[StoredChange]) -> int: ...

    def tasks(self, ids: Iterable[str]) -> Mapping[str, str]: ...

    def read(self) -> tuple[Sequence[str], Sequence[str]]: ...


class LookUp(Protocol):
    """DescribeTasks: the tasks that ECS knows, and the ids that it does not know."""

    def __call__(self, ids: list[str], /) -> tuple[Sequence[Mapping[str, Any]], Sequence[str]]: ...
