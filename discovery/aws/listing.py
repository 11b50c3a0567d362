"""The calls of one listing that are in flight."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Callable

from discovery.errors import EcsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future, ThreadPoolExecutor

    from discovery.deadline import Deadline
    from discovery.interfaces import Described
    from discovery.model import Page


class Listing:
    """The calls of one listing. Any thread may start one; one thread takes the results."""

    def __init__(
        self, threads: ThreadPoolExecutor, target: str, described: Described | None
    ) -> None:
        self._threads, self._target, self.described = threads, target, described
        self._in_flight: dict[Future[Page], str] = {}
        self._done: SimpleQueue[Future[Page]] = SimpleQueue()
        self.over = threading.Event()

    def start(self, operation: str, call: Callable[..., Page], *args: Any) -> None:
        """Make a call in another thread. The call may start others."""
        if not self.over.is_set():
            future = self._threads.submit(call, *args)
            self._in_flight[future] = operation
            future.add_done_callback(self._done.put)

    def pages(self, deadline: Deadline) -> Iterator[Page]:
        """The pages that the calls return, until no call is in flight. Raises EcsError."""
        try:
            while self._in_flight:
                future = self._done.get(timeout=deadline.left())
                page = future.result()
                del self._in_flight[future]
                yield page
        except Empty:
            operations = " and ".join(sorted(set(self._in_flight.values())))
            raise EcsError(
                f"{operations} for {self._target} did not answer in the time left before the "
                "deadline: the list stays as it was; raise the function's timeout, or see "
                "whether AWS is slow."
            ) from None
        finally:
            self.over.set()
            for future in list(self._in_flight):
                future.cancel()
