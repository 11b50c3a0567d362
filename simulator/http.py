"""A small HTTP/1.1 server: a thread for each connection, kept alive."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import BinaryIO
from uuid import uuid4

from simulator.ports import bind_free, port_of

_BACKLOG = 256


@dataclass(frozen=True)
class Request:
    """A request of a client: header names are in lower case."""

    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"
    path: str = "/"


@dataclass(frozen=True)
class Response:
    """What to send back; `cut` sends half of the body, then closes."""

    status: int
    body: bytes
    content_type: str = "application/x-amz-json-1.1"
    cut: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def head(self) -> bytes:
        """The status line and the headers, with the length of the whole body."""
        more = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        return (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n{more}"
            f"x-amzn-RequestId: {uuid4()}\r\n"
            f"Content-Type: {self.content_type}\r\n"
            f"Content-Length: {len(self.body)}\r\n\r\n"
        ).encode()


Answer = Callable[[Request], Response | None]


class HttpServer:
    """A server on 127.0.0.1 that can refuse connections and come back on its port.

    `answer` runs in the connection's thread and may take its time; None closes
    the connection without an answer. With a `context` it speaks TLS.
    """

    def __init__(self, answer: Answer, context: ssl.SSLContext | None = None) -> None:
        self._answer = answer
        self._context = context
        self._listener = bind_free()
        self.port = port_of(self._listener)
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._acceptor: threading.Thread | None = None
        self.accept()

    def accept(self) -> None:
        """Listen (again); nothing happens if it does already."""
        if self._acceptor is None:
            self._listener.listen(_BACKLOG)
            self._acceptor = threading.Thread(target=self._accept, daemon=True)
            self._acceptor.start()

    def refuse(self) -> None:
        """Refuse connections, and close those that are open.

        The listener is shut down, not closed: Linux refuses connections to
        it, keeps its port ours, and lets it listen again.
        """
        if self._acceptor is None:
            return
        self._listener.shutdown(socket.SHUT_RD)  # wakes the thread in accept()
        self._acceptor.join()
        self._acceptor = None
        with self._lock:
            for connection in self._connections:
                _shut(connection)

    def stop(self) -> None:
        """Close everything and wait for the threads to end."""
        self.refuse()
        self._listener.close()
        with self._lock:
            threads = list(self._connections.values())
        for thread in threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # shut down
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:  # the handshake is for the connection's own thread
                connection = self._context.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            with self._lock:
                self._connections[connection] = thread
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection.makefile("rb") as stream:
                while (request := read_request(stream)) is not None:
                    response = self._answer(request)
                    if response is None or not _send(connection, response):
                        return
        except OSError:
            pass  # the client went away, or refuse() closed the connection
        finally:
            with self._lock:
                del self._connections[connection]
                _shut(connection)
                connection.close()


def read_request(stream: BinaryIO) -> Request | None:
    """The next request on a connection; None when the client has closed it."""
    first = stream.readline().decode("latin-1").split()
    if not first:
        return None
    headers = {}
    while line := stream.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    return Request(headers, body, first[0], first[1])


def _send(connection: socket.socket, response: Response) -> bool:
    """Send a response; whether the connection may be used again."""
    body = response.body[: len(response.body) // 2] if response.cut else response.body
    connection.sendall(response.head() + body)
    return not response.cut


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was first
        connection.shutdown(socket.SHUT_RDWR)
