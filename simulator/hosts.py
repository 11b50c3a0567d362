"""The tasks' network: an address each on loopback, with a port in one of three states."""

import contextlib
import os
import resource
import select
import socket
import threading
from collections import Counter
from typing import Literal

from simulator.ports import bind_free, port_of

Port = Literal["listens", "closed", "silent"]

_FIRST = (127 << 24) | (16 << 16)  # 127.16.0.0: well away from 127.0.0.x
_BACKLOG = 128


class Hosts:
    """Addresses under 127.0.0.0/8 whose one port listens, is closed, or stays silent.

    - listens: connections are accepted and closed at once, by one thread for all.
    - closed: nothing is bound, so a connect is refused.
    - silent: a connect neither succeeds nor fails. The socket listens with a
      backlog of 0, which on Linux holds one connection, and holds it: the
      kernel drops every further SYN.

    An address costs one descriptor, or none when closed.
    """

    def __init__(self) -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        # Bound for as long as we run: it keeps other simulators off this port.
        self._reservation = bind_free("127.15.255.254")
        self.port = port_of(self._reservation)
        self.connections: Counter[str] = Counter()
        """How many connections each listening address has accepted."""
        self._lock = threading.Lock()
        self._issued = 0
        self._sockets: dict[str, socket.socket] = {}
        self._listening: dict[int, str] = {}
        self._silent: set[str] = set()
        self._tenants: dict[str, object] = {}
        self._epoll = select.epoll()
        self._wake = os.eventfd(0)
        self._epoll.register(self._wake, select.EPOLLIN)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def new_address(self) -> str:
        """The next address that no task has had: 127.16.0.1, 127.16.0.2, ..."""
        with self._lock:
            self._issued += 1
            return socket.inet_ntoa((_FIRST + self._issued).to_bytes(4, "big"))

    def set(self, address: str, port: Port) -> None:
        """Bring the port of an address into a state."""
        with self._lock:
            if port == "closed":
                self._close(address)
                return
            bound = self._sockets.get(address) or self._bind(address)
            if port == "listens":
                self._listen(address, bound)
            elif address not in self._silent:
                self._silence(address, bound)

    def port_at(self, address: str) -> Port:
        """The state that the port of an address is in."""
        with self._lock:
            if address not in self._sockets:
                return "closed"
            return "silent" if address in self._silent else "listens"

    def move_in(self, address: str, tenant: object) -> None:
        """From now on the address is this tenant's, whoever had it before."""
        self._tenants[address] = tenant

    def move_out(self, address: str, tenant: object) -> None:
        """Close the address's port, if it is still this tenant's."""
        if self._tenants.get(address) is tenant:
            self.set(address, "closed")

    def stop(self) -> None:
        """Close all addresses and end the thread."""
        os.eventfd_write(self._wake, 1)
        self._thread.join()
        for bound in self._sockets.values():
            bound.close()
        self._epoll.close()
        os.close(self._wake)
        self._reservation.close()

    def _bind(self, address: str) -> socket.socket:
        bound = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, self.port))
        bound.setblocking(False)
        self._sockets[address] = bound
        return bound

    def _close(self, address: str) -> None:
        self._silent.discard(address)
        bound = self._sockets.pop(address, None)
        if bound is not None:
            self._unwatch(bound)
            bound.close()

    def _listen(self, address: str, bound: socket.socket) -> None:
        self._silent.discard(address)
        bound.listen(_BACKLOG)  # widens the queue of one that was silent
        if bound.fileno() not in self._listening:
            self._listening[bound.fileno()] = address
            self._epoll.register(bound, select.EPOLLIN)

    def _silence(self, address: str, bound: socket.socket) -> None:
        self._silent.add(address)
        self._unwatch(bound)
        bound.listen(0)
        with socket.socket(bound.family) as filler:
            # Closed at once: what it leaves stays in the queue until it is accepted.
            filler.settimeout(0.1)
            with contextlib.suppress(TimeoutError):  # somebody else has filled it
                filler.connect((address, self.port))

    def _unwatch(self, bound: socket.socket) -> None:
        if self._listening.pop(bound.fileno(), None) is not None:
            self._epoll.unregister(bound)

    def _accept(self) -> None:
        while True:
            ready = [fd for fd, _ in self._epoll.poll()]
            if self._wake in ready:
                return
            with self._lock:
                for fd in ready:
                    if (address := self._listening.get(fd)) is not None:
                        self._drain(address)

    def _drain(self, address: str) -> None:
        try:
            while True:
                connection, _ = self._sockets[address].accept()
                connection.close()
                self.connections[address] += 1
        except OSError:
            pass  # nobody else in the queue
