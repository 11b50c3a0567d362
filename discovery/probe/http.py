"""Does an HTTP endpoint answer: status, time, redirect. Certificates are checked, with SNI."""

from __future__ import annotations

import http.client
import ssl
import time
from typing import TYPE_CHECKING, Callable
from urllib.parse import quote, urlsplit

from discovery.inspection import HttpAnswer
from discovery.probe.tls import NO_ANSWER, plain_fault
from discovery.text import one_line

if TYPE_CHECKING:
    from discovery.deadline import Deadline

LONGEST = 10.0  # seconds for one answer
_ASCII = "".join(map(chr, range(0x80)))  # of a path that stays; http.client refuses the rest


def probe(url: str, deadline: Deadline, clock: Callable[[], float] = time.monotonic) -> HttpAnswer:
    """One GET, no redirect followed. Raises nothing: what went wrong is in the answer."""
    started = clock()
    try:
        return _get(url, max(0.1, min(LONGEST, deadline.left())), clock)
    except (*NO_ANSWER, http.client.HTTPException) as error:
        return HttpAnswer(url, 0, clock() - started, "", plain_fault(error))


def _get(url: str, timeout: float, clock: Callable[[], float]) -> HttpAnswer:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"User-Agent": "ecs-task-discovery"}
    started = clock()
    try:
        connection.request("GET", quote(path, safe=_ASCII), headers=headers)
        answer = connection.getresponse()
        location = answer.getheader("Location") or ""
        return HttpAnswer(url, answer.status, clock() - started, one_line(location, 500))
    finally:
        connection.close()
