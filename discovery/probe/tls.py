"""Which certificate does a host present, does a client trust it, and how long will it last?

Python gives the fields of a certificate only when it trusts it. So the first handshake checks,
and only if that fails a second one does not: its certificate is read for the date alone.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Callable

from discovery.inspection import CertificateView
from discovery.text import one_line

if TYPE_CHECKING:
    from discovery.deadline import Deadline

LONGEST = 10.0  # seconds for one handshake
DAY = 86_400.0
# ValueError: a name that no host can have, such as a..b.
NO_ANSWER = (OSError, ValueError)

# https://docs.openssl.org/3.0/man1/openssl-verification-options/ and X509_V_ERR_*.
_CODES = {
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is signed by itself",
    19: "its chain ends in an authority that nobody trusts",
    20: "its chain has a gap, or its authority is not trusted",
    21: "its chain has a gap, or its authority is not trusted",
    23: "it has been revoked",
    62: "it is for another name",
    64: "it is for another address",
}
_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _EXPLICIT_0 = 0x30, 0x17, 0x18, 0xA0


def probe(
    host: str, port: int, deadline: Deadline, now: Callable[[], float] = time.time
) -> CertificateView:
    """Raises nothing: what went wrong is in the view."""
    try:
        with _handshake(host, port, deadline, ssl.create_default_context()) as sock:
            return _trusted(host, port, sock.getpeercert() or {}, now())
    except ssl.SSLCertVerificationError as error:
        fault = plain_fault(error)
    except NO_ANSWER as error:
        return CertificateView(host, port, fault=plain_fault(error), connected=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # to read the date; nothing is sent or believed
    try:
        with _handshake(host, port, deadline, context) as sock:
            ends = not_after(sock.getpeercert(binary_form=True) or b"")
    except NO_ANSWER:
        ends = None
    days = None if ends is None else (ends - now()) / DAY
    return CertificateView(host, port, days, fault=fault)


def plain_fault(error: Exception) -> str:
    """What a connection failed of, in plain words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        said = _CODES.get(error.verify_code, one_line(error.verify_message, 200))
        return f"its certificate is not trusted: {said}"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, (TimeoutError, socket.timeout)):  # two classes before Python 3.10
        return "timed out"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, UnicodeError):  # of Python's codec for names
        return "no host can have its name"
    return one_line(error, 200) or type(error).__name__


def not_after(der: bytes) -> float | None:
    """The end of a certificate's validity in seconds since the epoch; None: not readable.

    https://www.rfc-editor.org/rfc/rfc5280#section-4.1: Certificate, tbsCertificate, then version
    (tagged 0), serial number, signature, issuer, validity.
    """
    try:
        body = _content(_content(der, 0), 0)
        place = 0
        if body[place] == _EXPLICIT_0:
            place = _after(body, place)
        for _ in range(3):
            place = _after(body, place)
        validity = _content(body, place)
        return _moment(validity, _after(validity, 0))
    except (IndexError, ValueError):
        return None


def _handshake(host: str, port: int, deadline: Deadline, context: ssl.SSLContext) -> ssl.SSLSocket:
    timeout = max(0.1, min(LONGEST, deadline.left()))
    raw = socket.create_connection((host, port), timeout=timeout)
    try:
        # With SNI: a server of many names presents another certificate without it.
        return context.wrap_socket(raw, server_hostname=host)
    except BaseException:
        raw.close()
        raise


def _trusted(host: str, port: int, certificate: Any, now: float) -> CertificateView:
    issuer = {name: value for part in certificate.get("issuer", ()) for name, value in part}
    ends = ssl.cert_time_to_seconds(certificate["notAfter"])
    names = tuple(one_line(value, 255) for _, value in certificate.get("subjectAltName", ()))
    who = issuer.get("organizationName") or issuer.get("commonName", "")
    return CertificateView(host, port, (ends - now) / DAY, one_line(who, 100), names)


def _header(der: bytes, place: int) -> tuple[int, int]:
    """Where an element's content starts and ends."""
    length, start = der[place + 1], place + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(der[start : start + size], "big"), start + size
    if start + length > len(der):
        raise ValueError
    return start, start + length


def _content(der: bytes, place: int) -> bytes:
    if der[place] != _SEQUENCE:
        raise ValueError
    start, end = _header(der, place)
    return der[start:end]


def _after(der: bytes, place: int) -> int:
    return _header(der, place)[1]


def _moment(der: bytes, place: int) -> float:
    start, end = _header(der, place)
    text = der[start:end].decode("ascii")
    if not re.fullmatch(r"\d{12}(\d\d)?Z", text):
        raise ValueError
    if der[place] == _UTC_TIME:
        # https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5.1: 50 to 99 are of the 1900s.
        text = ("19" if text[:2] >= "50" else "20") + text
    elif der[place] != _GENERALIZED_TIME:
        raise ValueError
    moment = datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)
    return moment.timestamp()
