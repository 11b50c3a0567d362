"""The token bucket by which AWS limits a rate of calls."""

import threading
import time
from collections.abc import Callable


class TokenBucket:
    """Allows `burst` calls at once and `per_second` over time, in the seconds of `now`."""

    def __init__(
        self, burst: int, per_second: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._lock = threading.Lock()
        self._burst = burst
        self._per_second = per_second
        self._tokens = float(burst)
        self._now = now
        self._at = now()

    def take(self) -> bool:
        """Take one token; False when there is none."""
        with self._lock:
            now = self._now()
            earned = (now - self._at) * self._per_second
            self._tokens = min(self._burst, self._tokens + earned)
            self._at = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True
