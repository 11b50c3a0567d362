"""How long there still is: one moment that everything that waits looks at."""

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
        """Seconds left, never below zero: a timeout as every waiting call takes it."""
        return max(0.0, self.at - self.clock())

    def earlier(self, seconds: float) -> Deadline:
        return Deadline(self.at - seconds, self.clock)


def result_by(deadline: Deadline, future: Future[T]) -> T:
    """The future's result; raises TimeoutError when the deadline comes first.

    A call of an SDK or client can outlast any timeout that it was given (a name
    server that is silent, a body that drips), so such calls run in a thread and
    only the waiting for them is bounded. One that is given up ends by its own
    timeouts; tokens make what it may still write harmless.
    """
    done, _ = wait([future], timeout=deadline.left())
    if not done:
        future.cancel()
        raise TimeoutError
    return future.result()
