"""A web server with the certificate and the answers that a test wants, called by urllib."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from simulator.certificates import Certificate
from simulator.web import Reply, WebHost

if TYPE_CHECKING:
    from collections.abc import Iterator

# X509_V_ERR_...
EXPIRED, SELF_SIGNED, NO_ISSUER, WRONG_NAME, WRONG_ADDRESS = 10, 18, 20, 62, 64


@contextlib.contextmanager
def fetched(
    host: WebHost, path: str = "/", method: str = "GET", name: str = "localhost"
) -> Iterator[http.client.HTTPResponse]:
    context = ssl.create_default_context(cafile=str(host.ca))
    connection = http.client.HTTPSConnection(name, host.port, context=context, timeout=5)
    with contextlib.closing(connection):
        connection.request(method, path)
        yield connection.getresponse()


def refused(host: WebHost, name: str = "localhost") -> int:
    with pytest.raises(ssl.SSLCertVerificationError) as error, fetched(host, name=name):
        pass
    return error.value.verify_code


def days_left(host: WebHost) -> float:
    """From the certificate of a handshake that validates."""
    context = ssl.create_default_context(cafile=str(host.ca))
    connection = http.client.HTTPSConnection("localhost", host.port, context=context)
    with contextlib.closing(connection):
        connection.connect()
        certificate: Any = connection.sock.getpeercert()
    ends: str = certificate["notAfter"]
    return (ssl.cert_time_to_seconds(ends) - time.time()) / 86_400


def test_answers_with_a_valid_certificate() -> None:
    """Status, body, and the requests."""
    with WebHost() as host:
        with fetched(host, "/health?deep=1") as answer:
            assert (200, b"ok\n") == (answer.status, answer.read())
        with fetched(host, method="HEAD") as answer:
            assert b"" == answer.read()
        assert [("GET", "/health?deep=1"), ("HEAD", "/")] == [
            (request.method, request.path) for request in host.requests
        ]


@pytest.mark.parametrize("days", [5.0, 29.0, 400.0])
def test_a_certificate_ends_when_a_test_says(days: float) -> None:
    """To within seconds."""
    with WebHost(Certificate(days=days)) as host:
        assert days_left(host) == pytest.approx(days, abs=0.001)


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [
        (Certificate(days=-2), EXPIRED),
        (Certificate(names=("other.example",)), WRONG_NAME),
        (Certificate(signed_by="itself"), SELF_SIGNED),
        (Certificate(signed_by="intermediate"), NO_ISSUER),
    ],
)
def test_a_bad_certificate_is_bad_in_its_own_way(certificate: Certificate, expected: int) -> None:
    """Expired, of another name, signed by itself, with a gap in its chain."""
    with WebHost(certificate) as host:
        assert expected == refused(host)


def test_a_client_that_names_no_server_gets_another_certificate() -> None:
    """As Python does for an address: the right one would be good for it."""
    with WebHost() as host:
        assert WRONG_ADDRESS == refused(host, "127.0.0.1")


def test_replies_by_path_with_status_redirect_and_delay() -> None:
    """Other paths have the common reply."""
    with WebHost() as host:
        host.replies["/old"] = Reply(301, location="https://localhost/new")
        host.replies["/slow"] = Reply(delay=0.1)
        host.reply = Reply(503)

        with fetched(host, "/old") as moved:
            assert (301, "https://localhost/new") == (moved.status, moved.headers["Location"])
        began = time.monotonic()
        with fetched(host, "/slow") as slow:
            assert 200 == slow.status
        assert time.monotonic() - began >= 0.1
        with fetched(host, "/health") as failing:
            assert 503 == failing.status


def test_can_be_plain() -> None:
    """Without a certificate."""
    with WebHost(plain=True) as host:
        assert host.url.startswith("http://localhost:")
        connection = http.client.HTTPConnection("localhost", host.port)
        with contextlib.closing(connection):
            connection.request("GET", "/")
            assert 200 == connection.getresponse().status


def test_leaves_nothing_behind_even_in_the_middle_of_an_answer() -> None:
    """A client that still waits loses its connection."""
    before = threading.active_count()
    host = WebHost()
    host.reply = Reply(delay=60)
    context = ssl.create_default_context(cafile=str(host.ca))
    connection = http.client.HTTPSConnection("localhost", host.port, context=context)
    with contextlib.closing(connection):
        connection.request("GET", "/")
        while not host.requests:
            time.sleep(0.001)
        closing = time.monotonic()
        host.close()
        assert time.monotonic() - closing < 2
        with pytest.raises(ConnectionError):
            connection.getresponse()

    assert before == threading.active_count()


def test_refuses_connections() -> None:
    """On a port that stays its own."""
    with WebHost() as host:
        host.refuse()
        with pytest.raises(ConnectionRefusedError), fetched(host, name="127.0.0.1"):
            pass
