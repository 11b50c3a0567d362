"""A server, or a proxy before it, that does not know a command and quotes what it got."""

from __future__ import annotations

import socketserver
import threading
from typing import TYPE_CHECKING

import pytest
from conftest import PASSWORD
from redis_helpers import quick

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Start

    from simulator import Simulator


class KnowsNothing(socketserver.StreamRequestHandler):
    """Answers each command as Redis answers one that it does not know."""

    quote = "'"

    def handle(self) -> None:
        quote = self.quote
        while count := self.rfile.readline()[1:]:
            words = []
            for _ in range(int(count)):
                length = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(length + 2)[:-2].decode())
            quoted = " ".join(f"{quote}{word}{quote}" for word in words[1:])
            answer = f"-ERR unknown command {quote}{words[0]}{quote}, with args beginning with: "
            self.wfile.write(f"{answer}{quoted} \r\n".encode())


# Redis 6 and earlier quote with backticks.
@pytest.fixture(params=["'", "`"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of such a server."""
    handler = type("Handler", (KnowsNothing,), {"quote": request.param})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_the_password_that_it_quotes_is_nowhere(aws: Simulator, start: Start, port: int) -> None:
    """Law 7. The error names the command and what to do, and the traceback has no other text."""
    service = aws.ecs.create_service("arcade", "lobby")
    settings = quick(
        aws, service, REDIS_PORT=str(port), REDIS_SECRET_ARN=aws.secrets.put("redis", PASSWORD)
    )
    said = start(settings).invoke({})
    assert "RegistryError" == said.error_type
    assert "does not know AUTH: unset REDIS_SECRET_ARN" in f"{said.error_message}"
    assert f"{said.error_message}".endswith("(unknown command 'AUTH').")
    assert PASSWORD not in "\n".join([f"{said.error_message}", f"{said.trace}", *said.log])
