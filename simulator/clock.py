"""The time of a simulator: the real one, or one that a test moves."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable

Act = Callable[[], object]


class Timer:
    """Something to do at a moment, until it is cancelled."""

    def __init__(self, due: float, act: Act) -> None:
        self.due = due
        self.act = act
        self.cancelled = False

    def cancel(self) -> None:
        """Do not do it; nothing happens if it is done already."""
        self.cancelled = True


class Clock:
    """Seconds since 1970, and what is to be done when.

    Clock() goes with the real time; Clock(at) stands at a moment. In both,
    what is due is done by advance() and tick(), in the caller's thread and in
    the order in which it is due, and sees the moment at which it was due: so
    the same test has the same history each time. run() lets a thread do it in
    real time instead.
    """

    def __init__(self, at: float | None = None) -> None:
        self._real = at is None
        self._at = at or 0.0  # where a standing clock stands; what a real one is ahead
        self._acting: float | None = None
        self._timers: list[tuple[float, int, Timer]] = []
        self._count = itertools.count()
        self._changed = threading.Condition()
        self._one_acts = threading.RLock()
        self._thread: threading.Thread | None = None
        self._stopping = False

    def now(self) -> float:
        """The time, in seconds since 1970."""
        acting = self._acting
        return self._time() if acting is None else acting

    def after(self, seconds: float, act: Act) -> Timer:
        """Have something done so many seconds from now; 0 or less: at the next tick."""
        timer = Timer(self.now() + max(seconds, 0.0), act)
        with self._changed:
            heapq.heappush(self._timers, (timer.due, next(self._count), timer))
            self._changed.notify_all()
        return timer

    def at(self, moment: float, act: Act) -> Timer:
        """Have something done at a moment, or at the next tick if it has passed."""
        return self.after(moment - self.now(), act)

    def advance(self, seconds: float = 0.0) -> None:
        """Let so much time pass, and do what falls due in it, each at its moment.

        A real clock is ahead of the world's by the sum of these from then on.
        Raises RuntimeError when something that is done tries to advance the clock.
        """
        with self._one_acts:
            if self._acting is not None:
                raise RuntimeError("what a clock does cannot advance it")
            end = self._time() + seconds
            try:
                while (timer := self._next(end)) is not None:
                    self._acting = timer.due
                    timer.act()
            finally:
                self._acting = None
            if self._real:
                self._at += seconds
            else:
                self._at = max(self._at, end)

    def tick(self) -> None:
        """Do what is due by now."""
        self.advance(0.0)

    def run(self) -> None:
        """Do things as they fall due, in a thread, until stop(). For a real clock alone."""
        if not self._real:
            raise ValueError("this clock stands: there is no real time to follow")
        if self._thread is None:
            self._stopping = False
            self._thread = threading.Thread(target=self._follow, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread of run(); nothing happens if there is none."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
            self._thread = None

    def _time(self) -> float:
        return time.time() + self._at if self._real else self._at

    def _next(self, end: float) -> Timer | None:
        """Take the earliest timer due by `end`."""
        with self._changed:
            while self._timers and self._timers[0][0] <= end:
                timer = heapq.heappop(self._timers)[2]
                if not timer.cancelled:
                    return timer
        return None

    def _follow(self) -> None:
        while True:
            with self._changed:
                if self._stopping:
                    return
                left = self._timers[0][0] - self._time() if self._timers else None
                if left is None or left > 0:
                    self._changed.wait(left)
                    continue
            self.tick()
