"""Does an HTTP endpoint answer: status, time, redirect. Certificates are checked, with SNI."""

from __future__ import annotations

import http.client
import ssl
import time
from typing import TYPE_CHECKING, Callable
from urllib.parse import urlsplit

from discovery.inspection import HttpAnswer
from discovery.probe.tls import plain_fault
from discovery.text import one_line

if TYPE_CHECKING:
    from discovery.deadline import Deadline

LONGEST = 10.0  # seconds for one answer


def probe(url: str, deadline: Deadline, clock: Callable[[], float] = time.monotonic) -> HttpAnswer:
    """One GET, no redirect followed. Raises nothing: what went wrong is in the answer."""
    parts = urlsplit(url)
    timeout = max(0.1, min(LONGEST, deadline.left()))
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    started = clock()
    try:
        connection.request("GET", path, headers={"User-Agent": "ecs-task-discovery"})
        answer = connection.getresponse()
        location = answer.getheader("Location") or ""
        return HttpAnswer(url, answer.status, clock() - started, one_line(location, 500))
    except (OSError, http.client.HTTPException) as error:
        return HttpAnswer(url, 0, clock() - started, "", plain_fault(error))
    finally:
        connection.close()
