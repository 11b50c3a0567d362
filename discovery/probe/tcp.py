"""Does a task accept a TCP connection? Many asked at once, from one thread.

One epoll over non-blocking sockets needs half the CPU of asyncio and no
thread per connect (figures in benchmarks/). The kernel shakes hands while we
are elsewhere, so addresses can be added while pages are still being described.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Callable, NamedTuple

from discovery.model import Probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from discovery.deadline import Deadline

_VERDICTS = {
    0: Probe.OPEN,
    errno.ECONNREFUSED: Probe.REFUSED,
    errno.ECONNRESET: Probe.REFUSED,
    errno.ETIMEDOUT: Probe.TIMED_OUT,
    # Faults of this side, of which the task is innocent: it was never asked.
    errno.EMFILE: Probe.UNANSWERED,
    errno.ENFILE: Probe.UNANSWERED,
    errno.ENOBUFS: Probe.UNANSWERED,
    errno.ENOMEM: Probe.UNANSWERED,
    errno.EADDRNOTAVAIL: Probe.UNANSWERED,
}


class _Connect(NamedTuple):
    sock: socket.socket
    ip: str
    expires: float


class Pool:
    """TCP connects to one port, at most `concurrency` in flight, `timeout` seconds each."""

    def __init__(
        self,
        port: int,
        timeout: float,
        concurrency: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._port, self._timeout, self._concurrency = port, timeout, concurrency
        self._clock = clock
        self._epoll = select.epoll()
        self._waiting: deque[str] = deque()
        # Each has the same timeout, so the first in is the first to expire.
        self._in_flight: dict[int, _Connect] = {}  # by descriptor
        self._verdicts: dict[str, Probe] = {}
        self._guesses: set[str] = set()

    def guess(self, ips: Iterable[str]) -> None:
        """Ask ahead those that will likely be added; the others among them hold nobody up.

        At most half of the pool is for guesses: addresses that are gone answer nothing.
        """
        guesses = list(islice(ips, self._concurrency // 2))
        self.add(guesses)
        self._guesses.update(guesses)

    def add(self, ips: Iterable[str]) -> None:
        """Ask these too; returns at once, with as many connects begun as may be."""
        for ip in ips:
            self._guesses.discard(ip)
            if ip not in self._verdicts:
                self._verdicts[ip] = Probe.UNANSWERED
                self._waiting.append(ip)
        self._turn(0)

    def finish(self, deadline: Deadline) -> Mapping[str, Probe]:
        """Wait for the answers; those that the deadline forestalls stay UNANSWERED."""
        for fd, connect in list(self._in_flight.items()):
            if connect.ip in self._guesses:
                self._drop(fd)
        while self._guesses:
            del self._verdicts[self._guesses.pop()]
        while (self._waiting or self._in_flight) and deadline.left() > 0:
            oldest = next(iter(self._in_flight.values()), None)
            patience = oldest.expires - self._clock() if oldest else 0
            self._turn(max(0, min(patience, deadline.left())))
        return self._verdicts

    def close(self) -> None:
        for fd in list(self._in_flight):
            self._drop(fd)
        self._epoll.close()

    def _turn(self, patience: float) -> None:
        self._begin()
        for fd, events in self._epoll.poll(patience, self._concurrency):
            failed = events & select.EPOLLERR
            sock = self._in_flight[fd].sock
            self._settle(fd, sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if failed else 0)
        now = self._clock()
        # Answers go first: a connect that was made in time counts, however late we look.
        while self._in_flight:
            fd, connect = next(iter(self._in_flight.items()))
            if connect.expires > now:
                break
            self._settle(fd, errno.ETIMEDOUT)
        self._begin()

    def _begin(self) -> None:
        while self._waiting and len(self._in_flight) < self._concurrency:
            ip = self._waiting.popleft()
            try:
                family = socket.AF_INET6 if ":" in ip else socket.AF_INET
                sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            except OSError as error:
                self._verdicts[ip] = _verdict(error.errno or errno.EMFILE)
                continue
            fd = sock.fileno()
            self._in_flight[fd] = _Connect(sock, ip, self._clock() + self._timeout)
            self._epoll.register(fd, select.EPOLLOUT)
            try:
                code = sock.connect_ex((ip, self._port))
            except OSError as error:  # not an address at all
                code = error.errno or errno.EINVAL
            if code != errno.EINPROGRESS:
                self._settle(fd, code)

    def _settle(self, fd: int, code: int) -> None:
        self._verdicts[self._in_flight[fd].ip] = _verdict(code)
        self._drop(fd)

    def _drop(self, fd: int) -> None:
        self._in_flight.pop(fd).sock.close()  # which ends its place in the epoll, too


def _verdict(code: int) -> Probe:
    return _VERDICTS.get(code, Probe.UNREACHABLE)
