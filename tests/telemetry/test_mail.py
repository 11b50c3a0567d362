"""Mail about a recycle, by a real SMTP server that takes it, refuses it or falls silent."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import ssl
import threading
import time
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from hypothesis import given
from hypothesis import strategies as st
from junk import JUNK, fuzz, garbled

from discovery.deadline import Deadline
from discovery.telemetry import mail as product
from discovery.telemetry.mail import MailSettings, parse_mail_secret, send_mail
from discovery.telemetry.messages import Notification, NotificationError
from simulator.certificates import issue
from simulator.ports import bind_free, port_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage
    from pathlib import Path

ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:smtp-AbCdEf"
PASSWORD = "hunter2-Zx9"
SECRET = {
    "host": "127.0.0.1",
    "port": 587,
    "username": "recycler",
    "password": PASSWORD,
    "from": "ECS Task Discovery <discovery@example.com>",
    "to": ["ops@example.com", "Night Watch <night@example.com>"],
    "subject prefix": "[prod]",
}
NEWS = Notification("Recycle paused: lobby", "7 of 20 tasks replaced.\nReason: März\n")


def settings(port: int, **changes: Any) -> MailSettings:
    return parse_mail_secret(json.dumps(SECRET | {"port": port} | changes), ARN)


def within(seconds: float) -> Deadline:
    return Deadline(time.monotonic() + seconds)


def refused(mail: MailSettings, seconds: float = 10.0) -> str:
    """The reason why a mail is not sent, which never holds the password."""
    with pytest.raises(NotificationError) as caught:
        send_mail(mail, NEWS, within(seconds))
    assert PASSWORD not in f"{caught.value!r} {caught.value.__context__!r} {mail!r}"
    return str(caught.value)


class Box:
    """What the server was sent; addresses in `unknown` are refused."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.unknown: set[str] = set()
        self.quits = 0

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        if address in self.unknown:
            return f"550 5.1.1 no mailbox; you logged in with {PASSWORD}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        self.taken.append(envelope)
        return "250 OK"

    async def handle_QUIT(self, _: SMTP, __: Session, ___: Envelope) -> str:  # noqa: N802
        self.quits += 1
        return "221 Bye"

    def message(self) -> EmailMessage:
        (envelope,) = self.taken
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert not message.defects
        return message

    def text(self) -> str:
        text: str = self.message().get_content()
        return text.replace("\r\n", "\n")


class Server:
    """A submission server on 127.0.0.1."""

    def __init__(self, box: Box, tls: ssl.SSLContext | None, implicit: bool = False) -> None:
        self.logins: list[bytes] = []
        self.box = box
        listener = bind_free()
        self.port = port_of(listener)
        listener.close()
        self._controller = Controller(
            box,
            hostname="127.0.0.1",
            port=self.port,
            ssl_context=tls if implicit else None,
            tls_context=None if implicit else tls,
            require_starttls=not implicit and tls is not None,
            authenticator=self._login,
            auth_required=True,
            auth_require_tls=not implicit and tls is not None,
        )
        self._controller.start()

    def _login(self, _: Any, __: Any, ___: Any, mechanism: str, login: Any) -> AuthResult:
        assert mechanism
        assert isinstance(login, LoginPassword)
        self.logins.append(login.login)
        return AuthResult(
            success=(login.login, login.password) == (b"recycler", PASSWORD.encode()),
            handled=False,
        )

    def stop(self) -> None:
        self._controller.stop()


without_starttls = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """An authority, and a certificate with its key for 127.0.0.1."""
    return issue(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def tls(certificate: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The server's side of TLS; the client trusts the authority, as a user's SSL_CERT_FILE does."""
    ca, chain, key = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context


@pytest.fixture
def server(tls: ssl.SSLContext) -> Iterator[Server]:
    """A server with STARTTLS that wants AUTH."""
    server = Server(Box(), tls)
    yield server
    server.stop()


def test_a_mail_arrives_over_starttls(server: Server) -> None:
    """With AUTH, to every recipient, and with the headers of a mail."""
    send_mail(settings(server.port), NEWS, within(10), clock=lambda: 1795365631.0)
    message = server.box.message()
    (envelope,) = server.box.taken
    assert [b"recycler"] == server.logins
    assert "discovery@example.com" == envelope.mail_from
    assert ["ops@example.com", "night@example.com"] == envelope.rcpt_tos
    assert "[prod] Recycle paused: lobby" == message["Subject"]
    assert "ECS Task Discovery <discovery@example.com>" == message["From"]
    assert "ops@example.com, Night Watch <night@example.com>" == message["To"]
    assert "Sun, 22 Nov 2026 16:40:31 -0000" == message["Date"]
    assert message["Message-ID"].endswith("@example.com>")
    assert "auto-generated" == message["Auto-Submitted"]
    assert NEWS.text == server.box.text()
    assert 1 == server.box.quits


@without_starttls
def test_a_mail_arrives_over_implicit_tls(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the port is that of SMTP over TLS: 465."""
    server = Server(Box(), tls, implicit=True)
    assert 465 == product.IMPLICIT_TLS
    monkeypatch.setattr(product, "IMPLICIT_TLS", server.port)
    try:
        send_mail(settings(server.port), NEWS, within(10))
    finally:
        server.stop()
    assert NEWS.text == server.box.text()


def test_a_wrong_password_is_reported_without_it(server: Server) -> None:
    """Nothing is sent, and what to correct is named."""
    why = refused(settings(server.port, password=f"{PASSWORD}-old"))
    assert f"the mail by 127.0.0.1:{server.port} was not sent: the server refused username" in why
    assert "(535): correct the secret." in why
    assert [] == server.box.taken


def test_the_others_get_it_when_one_is_refused(server: Server) -> None:
    """The error names the refused address, and not what the server repeats."""
    server.box.unknown = {"night@example.com"}
    why = refused(settings(server.port))
    assert "was not sent to everybody: the server refused night@example.com (550" in why
    assert "you logged in with ***" in why
    assert ["ops@example.com"] == server.box.taken[0].rcpt_tos


def test_all_refused_is_a_failure(server: Server) -> None:
    """Each address with the server's reply."""
    server.box.unknown = {"ops@example.com", "night@example.com"}
    why = refused(settings(server.port))
    assert "the server refused night@example.com (550 5.1.1 no mailbox" in why
    assert "ops@example.com (550" in why
    assert [] == server.box.taken


@without_starttls
def test_a_server_without_starttls_gets_neither_password_nor_message() -> None:
    """It is refused before AUTH, though it would take both."""
    server = Server(Box(), None)
    try:
        why = refused(settings(server.port))
    finally:
        server.stop()
    assert "STARTTLS extension not supported by server" in why
    assert ([], []) == (server.logins, server.box.taken)


def test_a_certificate_of_nobody_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without trust in its authority, neither password nor message leaves."""
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "TLS failed ([SSL: CERTIFICATE_VERIFY_FAILED]" in refused(settings(server.port))
    assert [] == server.logins


@contextlib.contextmanager
def scripted(*lines: bytes, every: float = 0.0) -> Iterator[int]:
    """A server that says these lines, one after another, and listens to nothing; its port."""
    listener = bind_free()
    listener.listen()
    done = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                for line in lines:
                    connection.sendall(line)
                    done.wait(every)
                done.wait()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield port_of(listener)
    finally:
        done.set()
        listener.shutdown(socket.SHUT_RD)
        thread.join()
        listener.close()


@pytest.mark.parametrize(
    "lines", [(), (b"220 hello\r\n",), (b"220 hello\r\n250-x\r\n250 STARTTLS\r\n",)]
)
def test_a_silent_server_is_left_at_the_deadline(lines: tuple[bytes, ...]) -> None:
    """Wherever in the conversation it falls silent."""
    began = time.monotonic()
    with scripted(*lines) as port:
        assert "did not answer in time" in refused(settings(port), seconds=0.3)
    assert 0.25 <= time.monotonic() - began < 2


def test_a_reply_that_drips_in_is_left_at_the_deadline() -> None:
    """Each piece of it comes within the socket's timeout, and the whole never."""
    began = time.monotonic()
    with scripted(*[b"220-still here\r\n"] * 100, every=0.1) as port:
        assert "did not answer in time" in refused(settings(port), seconds=0.5)
        assert time.monotonic() - began < 1.5


def test_without_time_nothing_is_begun() -> None:
    """A deadline that has passed is named, and no connection is made."""
    with scripted(b"220 hello\r\n") as port:
        mail = settings(port)
        assert "did not answer in time" in refused(mail, seconds=-1)
        with pytest.raises(NotificationError, match="did not answer in time"):
            product._send(mail, product._message(mail, NEWS, 0.0), within(-1))
        with socket.create_connection(("127.0.0.1", port)) as first:
            assert b"220 hello\r\n" == first.recv(100)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"554 no service for you\r\n", "the server answered 554 no service for you"),
        (b"421 4.3.2 \x1b[31mshutting down\r\n", "421 4.3.2 [31mshutting down"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the server answered -1"),
    ],
)
def test_a_greeting_of_another_kind_is_reported(line: bytes, said: str) -> None:
    """As the server gave it, on one line and without control characters."""
    with scripted(line) as port:
        assert said in refused(settings(port)).replace("  ", " ")


def test_a_closed_port_is_reported() -> None:
    """With what to check."""
    listener = bind_free()
    port = port_of(listener)
    listener.close()
    why = refused(settings(port))
    assert "the server could not be reached ([Errno 111] Connection refused)" in why
    assert why.endswith("check host, port and route.")


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\u2028"])
def test_no_field_brings_a_header_in(server: Server, break_: str) -> None:
    """A line break in a name, a prefix or a subject is a space, and nobody else gets the mail."""
    forged = f"x{break_}Bcc: thief@example.com{break_}{break_}body"
    mail = settings(
        server.port,
        **{"from": f'"{forged}" <discovery@example.com>', "subject prefix": forged},
        to=[f'"{forged}" <ops@example.com>'],
    )
    send_mail(mail, Notification(forged, NEWS.text), within(10))
    message = server.box.message()
    assert ["ops@example.com"] == server.box.taken[0].rcpt_tos
    assert message["Bcc"] is None
    assert NEWS.text == server.box.text()
    assert f"{forged} {forged}".replace(break_, " ").split() == message["Subject"].split()


def test_a_long_text_is_cut(server: Server) -> None:
    """Nobody reads more, and a server takes only so much."""
    send_mail(settings(server.port), Notification("s", "line\n" * 100_000), within(10))
    assert len(server.box.text()) <= 16_001


def test_the_secret_is_read() -> None:
    """Every key of it; the prefix with a blank, as the issue writes it, or with an underscore."""
    for prefix in ("subject prefix", "subject_prefix", "Subject Prefix"):
        secret = {key: value for key, value in SECRET.items() if "prefix" not in key}
        mail = parse_mail_secret(json.dumps(secret | {prefix: "[prod]"}), ARN)
        assert (
            MailSettings(
                host="127.0.0.1",
                port=587,
                username="recycler",
                password=PASSWORD,
                sender="ECS Task Discovery <discovery@example.com>",
                recipients=("ops@example.com", "Night Watch <night@example.com>"),
                subject_prefix="[prod]",
            )
            == mail
        )


@pytest.mark.parametrize(
    ("to", "recipients"),
    [
        ("ops@example.com", ("ops@example.com",)),
        ("ops@example.com, Night <n@example.com>", ("ops@example.com", "Night <n@example.com>")),
        (["ops@example.com"], ("ops@example.com",)),
    ],
)
def test_recipients_are_text_or_a_list(to: Any, recipients: tuple[str, ...]) -> None:
    """Text may hold several, with commas."""
    assert recipients == settings(587, to=to).recipients


@pytest.mark.parametrize(("port", "expected"), [(465, 465), ("2587", 2587), (" 25 ", 25)])
def test_a_port_is_a_number_or_text(port: Any, expected: int) -> None:
    """Secrets Manager's console writes every value as text."""
    assert expected == settings(port).port


def test_the_port_of_submission_is_the_default() -> None:
    """587, and no prefix: all else has to be there."""
    secret = {key: SECRET[key] for key in ("host", "username", "password", "from", "to")}
    mail = parse_mail_secret(json.dumps(secret), ARN)
    assert (587, "") == (mail.port, mail.subject_prefix)


# Addresses, by the look of them, that the email package stumbles over.
ODD = ['"_@[', ':":;b],@\\?)']


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("host", [None, "", 7, "two words", "höst"]),
        ("port", [None, 0, -1, 65536, "smtp", True, 10**30]),
        ("username", [None, "", 7, "jürgen", "a\nb"]),
        ("password", [None, "", 7, "pässwörd"]),
        ("from", [None, "", 7, "nobody", "a@b.c, d@e.f", ["a@b.c", "d@e.f"], "a@b@c", *ODD]),
        ("to", [None, "", [], 7, "nobody", ["a@b.c", 7], ["a@b.c", "nobody"], "ü@b.c", *ODD]),
    ],
)
def test_a_faulty_key_is_named(key: str, values: list[Any]) -> None:
    """And no other key, and nothing of what any of them holds."""
    for value in values:
        with pytest.raises(NotificationError) as caught:
            parse_mail_secret(json.dumps(SECRET | {key: value}), ARN)
        named = str(caught.value).partition("something else: ")[2]
        assert named.startswith(f"{key} (")
        assert 1 == named.count("(")
        assert ARN in str(caught.value)
        assert "example.com" not in str(caught.value)


def test_all_faults_are_named_together() -> None:
    """An empty secret lacks everything but the port."""
    with pytest.raises(NotificationError) as caught:
        parse_mail_secret("{}", ARN)
    named = str(caught.value).partition("something else: ")[2]
    assert ["host", "username", "password", "from", "to"] == [
        part.split(" (")[0] for part in named.split("), ")
    ]


@fuzz
@given(st.text('ab@"[]():;,.<>\\ =?_-', max_size=20), st.sampled_from(["from", "to"]))
def test_an_address_that_is_taken_can_be_written_into_a_mail(address: str, key: str) -> None:
    """Whatever is in it: a fault shows when the secret is read, not when the mail is sent."""
    with contextlib.suppress(NotificationError):
        mail = parse_mail_secret(json.dumps(SECRET | {key: address}), ARN)
        assert product._message(mail, NEWS, 0.0).as_bytes()


WHOLE = json.dumps(SECRET)


@fuzz
@given(
    st.one_of(
        garbled(st.just(WHOLE)),
        st.text(),
        JUNK.map(json.dumps),
        st.sampled_from([*SECRET]).flatmap(
            lambda key: JUNK.map(lambda junk: json.dumps(SECRET | {key: junk}))
        ),
    )
)
def test_no_secret_does_worse_than_a_planned_error(text: str) -> None:
    """What cannot be read is not repeated; what can be is fit for the headers of a mail."""
    with contextlib.suppress(NotificationError):
        mail = parse_mail_secret(text, ARN)
        message = product._message(mail, NEWS, 0.0)
        assert mail.domain
        assert message["Bcc"] is None
        assert NEWS.text == message.get_content()
        return
    with pytest.raises(NotificationError) as caught:
        parse_mail_secret(text, ARN)
    assert PASSWORD not in f"{caught.value!r} {caught.value.__context__!r}"


def test_nothing_is_logged(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """The caller logs a failure; the password is in no line at any level."""
    caplog.set_level(logging.DEBUG)
    refused(settings(server.port, username="nobody"))
    assert PASSWORD not in caplog.text
    assert [] == [each for each in caplog.records if each.name.startswith("discovery")]
