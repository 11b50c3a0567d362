"""How much time is left: one moment that everything that waits looks at."""

from __future__ import annotations

import time
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Callable, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Deadline:
    """A moment on a monotonic clock, in seconds."""

    at: float
    clock: Callable[[], float] = time.monotonic

    def left(self) -> float:
        """Seconds left, never below zero: a timeout that every waiting call accepts."""
        return max(0.0, self.at - self.clock())

    def earlier(self, seconds: float) -> Deadline:
        return Deadline(self.at - seconds, self.clock)


def result_by(deadline: Deadline, future: Future[T]) -> T:
    """The future's result. Raises TimeoutError when the deadline comes first.

    A call of an SDK can outlast every timeout that it was given (a silent name server, a body
    that arrives byte by byte), so such calls run in a thread, and only the wait for them is
    bounded. An abandoned call ends by its own timeouts; tokens make its late writes harmless.
    """
    done, _ = wait([future], timeout=deadline.left())
    if not done:
        future.cancel()
        raise TimeoutError
    return future.result()
