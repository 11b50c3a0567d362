"""The calls of one listing that are under way: begun from anywhere, taken as they end."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from discovery.errors import EcsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future, ThreadPoolExecutor

    from discovery.deadline import Deadline
    from discovery.model import Task


class Page(NamedTuple):
    """The tasks of one page of the listing; `missing` are ids that ECS did not find."""

    tasks: list[Task]
    missing: list[str]
    calls: int  # to ECS, this page's share


class Listing:
    """The calls of one listing that are under way."""

    def __init__(self, pool: ThreadPoolExecutor, target: str) -> None:
        self._pool, self._target = pool, target
        self._pending: dict[Future[Page | None], str] = {}
        self._ended: SimpleQueue[Future[Page | None]] = SimpleQueue()
        self.over = threading.Event()

    def begin(self, what: str, call: Callable[..., Page | None], *args: Any) -> None:
        """Make a call in a thread of its own; it may begin others."""
        if not self.over.is_set():
            future = self._pool.submit(call, *args)
            self._pending[future] = what
            future.add_done_callback(self._ended.put)

    def pages(self, deadline: Deadline) -> Iterator[Page]:
        """What the calls return, until none is left. Raises EcsError."""
        try:
            while self._pending:
                future = self._ended.get(timeout=deadline.left())
                page = future.result()
                del self._pending[future]
                if page:
                    yield page
        except Empty:
            raise EcsError(
                f"{' and '.join(sorted(set(self._pending.values())))} for {self._target} did not "
                "answer in the time left before the deadline: the list stays as it was; raise "
                "the function's timeout, or see whether AWS is slow."
            ) from None
        finally:
            self.over.set()
            for future in list(self._pending):
                future.cancel()
