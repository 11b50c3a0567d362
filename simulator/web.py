"""A web server of somebody's service, with the certificate and the answers that a test wants."""

import ssl
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from simulator.certificates import Certificate, issue
from simulator.http import HttpServer, Request, Response


@dataclass(frozen=True)
class Reply:
    """What a path is answered with, after `delay` seconds; `location` is for redirects."""

    status: int = 200
    body: bytes = b"ok\n"
    delay: float = 0.0
    location: str | None = None


class WebHost:
    """A server at https://localhost:port, or http:// without a certificate.

    `reply` answers every path that `replies` has none for. `ca` is the file of
    the authority to trust. A client that names no server in its handshake (SNI)
    gets the certificate of another name, as from a server of many names.
    """

    def __init__(self, certificate: Certificate | None = None, plain: bool = False) -> None:
        self.reply = Reply()
        self.replies: dict[str, Reply] = {}
        self.requests: list[Request] = []
        """The requests, oldest first."""
        self.ca: Path | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="web-")
        self._closing = threading.Event()
        context = None
        if not plain:
            self.ca, context = _context(Path(self._folder.name), certificate or Certificate())
        self._scheme = "http" if plain else "https"
        self._server = HttpServer(self._answer, context)

    @property
    def port(self) -> int:
        """Its port on 127.0.0.1."""
        return self._server.port

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"{self._scheme}://localhost:{self.port}"

    def refuse(self) -> None:
        """Refuse connections from now on."""
        self._server.refuse()

    def close(self) -> None:
        """Stop, and leave nothing behind."""
        self._closing.set()
        self._server.stop()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, request: Request) -> Response | None:
        self.requests.append(request)
        reply = self.replies.get(request.path.partition("?")[0], self.reply)
        if self._closing.wait(reply.delay):
            return None
        headers = {} if reply.location is None else {"Location": reply.location}
        body = b"" if request.method == "HEAD" else reply.body
        return Response(reply.status, body, "text/plain", headers=headers)


def _context(folder: Path, certificate: Certificate) -> tuple[Path, ssl.SSLContext]:
    ca, chain, key = issue(folder, certificate)
    named = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    named.load_cert_chain(chain, key)
    unnamed = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    unnamed.load_cert_chain(*issue(folder, Certificate(("default.invalid",)), "default")[1:])

    def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: object) -> None:
        if name is None:
            connection.context = unnamed

    named.sni_callback = choose
    return ca, named
