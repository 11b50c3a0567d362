"""The HTTP status of an access log's line, and whether it is a health check: pure."""

from __future__ import annotations

import re
from typing import NamedTuple


class Request(NamedTuple):
    """A request that was answered, as a log has it."""

    status: int
    method: str
    path: str
    health: bool


_METHODS = "GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE|PROPFIND|PURGE"
# nginx, Apache, uvicorn, gunicorn, Django, Envoy, PHP-FPM, chi: the request in quotes, then the
# status.
_QUOTED = re.compile(
    r'"(?:([A-Z]{3,9}) (\S+)(?: HTTP/[\d.]+)?|[^"]*)" (?:from \S+ - )?([1-5]\d\d)(?=\s|$)'
)
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
_ALB = re.compile(
    r"(?:https?|h2|grpcs?|wss?) \d{4}-\d\d-\d\dT\S+ \S+ \S+ \S+ \S+ \S+ \S+ ([1-5]\d\d) "
    r'[^"]*"(\S+) (\S+)'
)
_GIN = re.compile(r'\[GIN\] .*?\| *([1-5]\d\d) *\|.*?\| *([A-Z]+) +"?([^"\s]+)')
_MORGAN = re.compile(rf"({_METHODS}) (\S+) ([1-5]\d\d) [\d.]+ ?ms\b")
_RAILS = re.compile(r"\bCompleted ([1-5]\d\d) [A-Z]")
_NET = re.compile(
    rf"\bHTTP ({_METHODS}) (\S+) responded ([1-5]\d\d) in |"
    rf"\bRequest finished HTTP/[\d.]+ ({_METHODS}) (\S+) .*?- ([1-5]\d\d)\b"
)
# They begin with a literal, which makes the search fast.
_LOGFMT_STATUS = re.compile(r"status(?:_code)?=\"?([1-5]\d\d)\b")
_LOGFMT_METHOD = re.compile(r"method=\"?([A-Z]+)")
_LOGFMT_PATH = re.compile(r"path=\"?([^\s\"]+)")
_LOGFMT_URL = re.compile(r"ur[il]=\"?([^\s\"]+)")

_CHECKER = re.compile(r"ELB-HealthChecker|kube-probe|GoogleHC/|Route53-Health-Check|HealthChecker/")
_HEALTH_PATH = re.compile(
    r"(?:(?:/[\w.~-]+){0,3}/[_.-]*health(?:z|check|-check|_check)?"
    r"|(?:/(?:api|internal|app|actuator|v\d+|-|_\w*|fpm))?"
    r"/[_.-]*(?:ping|fpm-ping|fpm-status|status|ready|readyz|readiness|live|livez|liveness|alive"
    r"|heartbeat|up"
    r"|lb-?check|elb-?check))"
    r"(?:/(?:live|liveness|ready|readiness|startup|check|db))?/?"
)


def is_health(method: str, path: str, line: str) -> bool:
    """Whether it is a health check of a load balancer or an orchestrator, by name or by path."""
    if ("ealth" in line or "kube-probe" in line or "GoogleHC" in line) and _CHECKER.search(line):
        return True
    return method in ("GET", "HEAD") and is_health_path(path)


def is_health_path(path: str) -> bool:
    """Whether the path is one of those that health checks ask for."""
    if "://" in path:
        path = "/" + path.split("://", 1)[1].partition("/")[2]
    return _HEALTH_PATH.fullmatch(path.partition("?")[0]) is not None


def of_text(text: str) -> Request | None:  # noqa: PLR0911 (one format after the other)
    """The request that a line of text reports as answered; None if it reports none."""
    if '" ' in text and (found := _QUOTED.search(text)):
        return _request(found[3], found[1] or "", found[2] or "", text)
    first = text[:1]
    if first in "hwg" and (found := _ALB.match(text)):
        return _request(found[1], found[2], found[3], text)
    if "[GIN]" in text and (found := _GIN.search(text)):
        return _request(found[1], found[2], found[3], text)
    if first in "GHPDOCT" and (found := _MORGAN.match(text)):
        return _request(found[3], found[1], found[2], text)
    if "Completed " in text and (found := _RAILS.search(text)):
        return Request(int(found[1]), "", "", health=False)
    if ("responded " in text or "Request finished" in text) and (found := _NET.search(text)):
        parts = [part for part in found.groups() if part]
        return _request(parts[2], parts[0], parts[1], text)
    return _of_logfmt(text) if "status" in text and "=" in text else None


def _of_logfmt(text: str) -> Request | None:
    status = _LOGFMT_STATUS.search(text)
    if status is None:
        return None
    method, path = (
        _LOGFMT_METHOD.search(text),
        _LOGFMT_PATH.search(text) or _LOGFMT_URL.search(text),
    )
    if method is None and path is None:
        return None  # the status of something else
    return _request(status[1], method[1] if method else "", path[1] if path else "", text)


def _request(status: str, method: str, path: str, line: str) -> Request:
    return Request(int(status), method, path, is_health(method, path, line))
