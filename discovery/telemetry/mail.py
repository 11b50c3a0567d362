"""Messages by SMTP, with TLS and AUTH. A failure is one exception, for the log.

Import it only where mail is set up: smtplib, ssl and email take tens of milliseconds to load.
A recycle sends it before a wait or at its end, so it delays what follows by a few seconds at most.
"""

from __future__ import annotations

import json
import smtplib
import socket
import ssl
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import formataddr, formatdate, getaddresses, make_msgid, parseaddr
from typing import TYPE_CHECKING, Any, Callable

from discovery.deadline import result_by
from discovery.telemetry.messages import NotificationError
from discovery.text import one_line

if TYPE_CHECKING:
    from discovery.deadline import Deadline
    from discovery.telemetry.messages import Notification

SUBMISSION, IMPLICIT_TLS = 587, 465  # https://www.rfc-editor.org/rfc/rfc8314
_LAST_PORT = 65535
_LONGEST = 16_000  # characters of a text
_REPLY = 200  # characters of a server's reply that are shown


@dataclass(frozen=True)
class MailSettings:
    """What the secret of SMTP_SECRET_ARN holds; `sender` and `recipients` as in a header."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    sender: str
    recipients: tuple[str, ...]
    subject_prefix: str = ""

    @property
    def domain(self) -> str:
        """The sender's domain."""
        return parseaddr(self.sender)[1].rpartition("@")[2]


def parse_mail_secret(text: str, arn: str) -> MailSettings:
    """The mail server in a secret: JSON with host, port, username, password, from and to.

    port (587) and subject_prefix ("") may be missing; `to` is text, with commas between several
    addresses, or a list. Raises NotificationError naming the faulty keys, never what they hold.
    """
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        held = None  # not chained: the decoder's error carries the text
    if not isinstance(held, dict):
        raise NotificationError(f"secret {one_line(arn)} is no JSON object: store one.")
    values = {key.strip().lower().replace(" ", "_"): value for key, value in held.items()}
    host, port = _ascii(values.get("host")).strip(), _port(values.get("port", SUBMISSION))
    # smtplib sends both as ASCII.
    username, password = _ascii(values.get("username")), _ascii(values.get("password"))
    sender, recipients = _addresses(values.get("from")), _addresses(values.get("to"))
    wanted = {
        "host (a name or address)": host and " " not in host,
        "port (a number up to 65535)": port,
        "username (ASCII text)": username,
        "password (ASCII text)": password,
        "from (one address)": len(sender) == 1,
        "to (an address, or a list of them)": recipients,
    }
    if not all(wanted.values()):
        faulty = ", ".join(key for key, usable in wanted.items() if not usable)
        raise NotificationError(
            f"secret {one_line(arn)} lacks these keys, or they hold something else: {faulty}."
        )
    prefix = values.get("subject_prefix")
    return MailSettings(
        host=host,
        port=port,
        username=username,
        password=password,
        sender=sender[0],
        recipients=recipients,
        subject_prefix=one_line(prefix, 80) if isinstance(prefix, str) else "",
    )


def send_mail(
    mail: MailSettings,
    notification: Notification,
    deadline: Deadline,
    clock: Callable[[], float] = time.time,
) -> None:
    """Send it before the deadline. Raises NotificationError.

    Some may have got it although others were refused: the error then names these.
    """
    message = _message(mail, notification, clock())
    # In a thread: a silent name server and a reply that drips in outlast any timeout.
    executor = ThreadPoolExecutor(1, "mail")
    sending = executor.submit(_send, mail, message, deadline)
    executor.shutdown(wait=False)
    try:
        result_by(deadline, sending)
    except TimeoutError as error:
        raise NotificationError(_failed(mail, _LATE)) from error


def _send(mail: MailSettings, message: EmailMessage, deadline: Deadline) -> None:
    why, refused = "", {}
    try:
        with closing(_connected(mail, deadline)) as smtp:
            _bound(smtp, deadline)
            smtp.login(mail.username, mail.password)
            _bound(smtp, deadline)
            refused = smtp.send_message(message)
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()  # the server has the message, however this ends
    except (OSError, smtplib.SMTPException, ValueError) as error:
        why = _why(mail, error)
    # Raised out here, without the cause: a server may repeat what it was sent, even the password.
    if why:
        raise NotificationError(_failed(mail, why))
    if refused:
        raise NotificationError(
            f"the mail by {mail.host}:{mail.port} was not sent to everybody: "
            f"{_refusals(mail, refused)}: correct `to` in the secret."
        )


def _connected(mail: MailSettings, deadline: Deadline) -> smtplib.SMTP:
    """A session under TLS: without it, neither password nor message leaves."""
    context = ssl.create_default_context()
    left = _left(deadline)
    # Our name for EHLO is given, as smtplib would query name servers for it.
    if mail.port == IMPLICIT_TLS:
        return smtplib.SMTP_SSL(mail.host, mail.port, mail.domain, timeout=left, context=context)
    smtp = smtplib.SMTP(mail.host, mail.port, mail.domain, timeout=left)
    try:
        _bound(smtp, deadline)
        smtp.starttls(context=context)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _bound(smtp: smtplib.SMTP, deadline: Deadline) -> None:
    """Let no reply of the next step be waited for beyond the deadline."""
    if smtp.sock:
        smtp.sock.settimeout(_left(deadline))


def _left(deadline: Deadline) -> float:
    """Seconds. Raises TimeoutError instead of 0, with which a socket would not wait at all."""
    left = deadline.left()
    if not left:
        raise TimeoutError
    return left


def _message(mail: MailSettings, notification: Notification, now: float) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = one_line(f"{mail.subject_prefix} {notification.subject}", 200)
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.recipients)
    message["Date"] = formatdate(now)
    message["Message-ID"] = make_msgid(domain=mail.domain)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
    message.set_content(notification.text[:_LONGEST])
    return message


_LATE = "the server did not answer in time: check the route to it, and that the port is open"


def _why(mail: MailSettings, error: Exception) -> str:  # noqa: PLR0911 (one line a fault)
    """What went wrong and what to do about it, without the password."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"the server refused username and password ({error.smtp_code}): correct the secret"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"{_refusals(mail, error.recipients)}: correct `to` in the secret"
    if isinstance(error, smtplib.SMTPSenderRefused):
        reply = _reply(mail, error.smtp_code, error.smtp_error)
        return f"the server refused the sender ({reply}): correct `from` in the secret"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return f"the server lacks what is needed ({one_line(error, _REPLY)}): use another port"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the server answered {_reply(mail, error.smtp_code, error.smtp_error)}"
    # Python 3.9 has two kinds of timeout, and smtplib makes a disconnect of one.
    if isinstance(error, (TimeoutError, socket.timeout)) or "timed out" in str(error):
        return _LATE
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({one_line(error, _REPLY)}): check host and port, and the certificate"
    shown = _masked(mail, str(error))
    return f"the server could not be reached ({shown}): check host, port and route"


def _failed(mail: MailSettings, why: str) -> str:
    return f"the mail by {mail.host}:{mail.port} was not sent: {why}."


def _refusals(mail: MailSettings, refused: dict[str, tuple[int, bytes]]) -> str:
    each = [f"{who} ({_reply(mail, *reply)})" for who, reply in sorted(refused.items())]
    return f"the server refused {one_line(', '.join(each))}"


def _reply(mail: MailSettings, code: int, text: bytes | str) -> str:
    plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {_masked(mail, plain)}"


def _masked(mail: MailSettings, text: str) -> str:
    """The text on one line and without the password, in each form in which AUTH sends it."""
    plain = f"\0{mail.username}\0{mail.password}"
    for sent in (mail.password, *(b64encode(t.encode()).decode() for t in (mail.password, plain))):
        text = text.replace(sent, "***")
    return one_line(text, _REPLY)


def _ascii(value: Any) -> str:
    """Text that can be sent in a line of SMTP, or "" if there is none."""
    usable = isinstance(value, str) and value.isascii() and value.isprintable()
    return value if usable else ""


def _port(value: Any) -> int:
    text = str(value).strip()
    number = int(text) if text.isdecimal() and len(text) <= len(str(_LAST_PORT)) else 0
    return number if number <= _LAST_PORT else 0


def _addresses(value: Any) -> tuple[str, ...]:
    """The addresses, as they stand in a header; none if one of them is no address."""
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        return ()
    found = [(one_line(name), at) for name, at in getaddresses([one_line(t) for t in texts])]
    for _, at in found:
        user, _, domain = at.partition("@")
        if not (user and domain and at.isascii()) or "@" in domain or " " in at:
            return ()
    shown = tuple(formataddr(each) for each in found)
    return shown if all(map(_can_be_written, shown)) else ()


def _can_be_written(address: str) -> bool:
    """Whether the email package, which raises all kinds of errors, can put it into a mail."""
    message = EmailMessage()
    try:
        message["To"] = address
        return bool(message.as_bytes())
    except (AttributeError, LookupError, MessageError, TypeError, ValueError):
        return False
