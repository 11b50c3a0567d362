"""Does an endpoint accept TCP connections? Many connects at once, from one thread.

One epoll over non-blocking sockets needs half of asyncio's CPU, and no thread for each connect.
The kernel completes handshakes while this thread is elsewhere, so endpoints can be submitted
while the service's later pages are still being described.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Callable, NamedTuple

from discovery.model import Endpoint, Probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from discovery.deadline import Deadline

_RESULTS = {
    0: Probe.OPEN,
    errno.ECONNREFUSED: Probe.REFUSED,
    errno.ECONNRESET: Probe.REFUSED,
    errno.ETIMEDOUT: Probe.TIMED_OUT,
    # Faults on our side. They prove nothing about the task, as it was never reached.
    errno.EMFILE: Probe.UNANSWERED,
    errno.ENFILE: Probe.UNANSWERED,
    errno.ENOBUFS: Probe.UNANSWERED,
    errno.ENOMEM: Probe.UNANSWERED,
    errno.EADDRNOTAVAIL: Probe.UNANSWERED,
}


class _Connect(NamedTuple):
    sock: socket.socket
    endpoint: Endpoint
    expires: float


class Prober:
    """Probes endpoints: at most `concurrency` connects in flight, `timeout` seconds each."""

    def __init__(
        self, timeout: float, concurrency: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._timeout, self._concurrency, self._clock = timeout, concurrency, clock
        self._epoll = select.epoll()
        self._waiting: deque[Endpoint] = deque()
        # All have the same timeout, so the first in is the first to expire.
        self._in_flight: dict[int, _Connect] = {}  # by descriptor
        self._results: dict[Endpoint, Probe] = {}
        self._prefetched: set[Endpoint] = set()

    def prefetch(self, endpoints: Iterable[Endpoint]) -> None:
        """Probe endpoints that will probably be submitted. `results` does not wait for the rest.

        Prefetching takes at most half of the connects in flight, as addresses that are gone do
        not answer.
        """
        likely = list(islice(endpoints, self._concurrency // 2))
        self.submit(likely)
        self._prefetched.update(likely)

    def submit(self, endpoints: Iterable[Endpoint]) -> None:
        """Probe these endpoints. Returns at once, with as many connects started as may be."""
        for endpoint in endpoints:
            self._prefetched.discard(endpoint)
            if endpoint not in self._results:
                self._results[endpoint] = Probe.UNANSWERED
                self._waiting.append(endpoint)
        self._turn(0)

    def results(self, deadline: Deadline) -> Mapping[Endpoint, Probe]:
        """Wait for the results. Endpoints that the deadline cuts off stay UNANSWERED."""
        for fd, connect in list(self._in_flight.items()):
            if connect.endpoint in self._prefetched:
                self._drop(fd)
        while self._prefetched:
            del self._results[self._prefetched.pop()]
        while (self._waiting or self._in_flight) and deadline.left() > 0:
            oldest = next(iter(self._in_flight.values()), None)
            patience = oldest.expires - self._clock() if oldest else 0
            self._turn(max(0, min(patience, deadline.left())))
        return self._results

    def close(self) -> None:
        for fd in list(self._in_flight):
            self._drop(fd)
        self._epoll.close()

    def _turn(self, patience: float) -> None:
        self._connect()
        for fd, events in self._epoll.poll(patience, self._concurrency):
            failed = events & select.EPOLLERR
            sock = self._in_flight[fd].sock
            self._finish(fd, sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if failed else 0)
        now = self._clock()
        # Results go first: a connect that was made in time counts, however late it is seen.
        while self._in_flight:
            fd, connect = next(iter(self._in_flight.items()))
            if connect.expires > now:
                break
            self._finish(fd, errno.ETIMEDOUT)
        self._connect()

    def _connect(self) -> None:
        while self._waiting and len(self._in_flight) < self._concurrency:
            endpoint = self._waiting.popleft()
            try:
                family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
                sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            except OSError as error:
                self._results[endpoint] = _result(error.errno or errno.EMFILE)
                continue
            fd = sock.fileno()
            self._in_flight[fd] = _Connect(sock, endpoint, self._clock() + self._timeout)
            self._epoll.register(fd, select.EPOLLOUT)
            try:
                code = sock.connect_ex(endpoint)
            except (OSError, TypeError, ValueError) as error:  # the host is no address
                code = getattr(error, "errno", None) or errno.EINVAL
            if code != errno.EINPROGRESS:
                self._finish(fd, code)

    def _finish(self, fd: int, code: int) -> None:
        self._results[self._in_flight[fd].endpoint] = _result(code)
        self._drop(fd)

    def _drop(self, fd: int) -> None:
        self._in_flight.pop(fd).sock.close()  # closing takes it out of the epoll, too


def _result(code: int) -> Probe:
    return _RESULTS.get(code, Probe.UNREACHABLE)
