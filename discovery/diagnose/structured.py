"""What a JSON line says: its level, its message, its fault and its HTTP request: pure."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from discovery.diagnose import levels
from discovery.diagnose.access import Request, is_health
from discovery.diagnose.secret_names import names_secret


class Entry(NamedTuple):
    """A line of a structured log."""

    level: levels.Level
    message: str
    fault: str  # what stands in its fields for errors; empty: nothing
    request: Request | None


# The names that loggers of many languages give to the same field.
_LEVELS = [
    "level_name",
    "level",
    "lvl",
    "severity",
    "levelname",
    "log.level",
    "loglevel",
    "log_level",
    "LogLevel",
    "Level",
    "@l",
    "@level",
    "L",
    "severityText",
]
_MESSAGES = [
    "message",
    "msg",
    "event",
    "Message",
    "@m",
    "@mt",
    "M",
    "@message",
    "MessageTemplate",
    "RenderedMessage",
    "short_message",
    "body",
    "text",
]
_FAULTS = [
    "error",
    "err",
    "exception",
    "Exception",
    "exc_info",
    "stack_trace",
    "stack",
    "trace",
    "traceback",
    "@x",
    "thrown",
    "panic",
    "errors",
    "Error",
    "error.type",
    "error.message",
    "error.stack_trace",
    "error_message",
    "errorMessage",
    "errorType",
    "reason",
    "cause",
]
# Without one of the others, "reason" and the like explain something, but are no fault.
_SAY_SO = frozenset(_FAULTS) - {"reason", "cause", "trace", "stack", "panic"}
_STATUS = [
    "status_code",
    "statusCode",
    "StatusCode",
    "http.status_code",
    "http.status",
    "http.response.status_code",
    "response_code",
    "responseStatus",
]
_METHOD = [
    "method",
    "http.method",
    "http.request.method",
    "requestMethod",
    "request_method",
    "RequestMethod",
    "http_method",
]
_PATH = [
    "path",
    "uri",
    "url",
    "http.url",
    "http.target",
    "requestUrl",
    "request_uri",
    "RequestPath",
    "http_path",
    "url.path",
]
_NESTED = ("res", "response", "httpRequest", "http", "req", "request", "meta", "fields", "data")
# What a field for errors holds when there is none.
NOTHING = frozenset(
    ("", "null", "none", "nil", "<nil>", "0", "false", "undefined", "no error", "{}", "[]")
)
_LONGEST = 4_000  # characters of a fault that are read
_QUOTED_REQUEST = re.compile(r"([A-Z]{3,9}) (\S+)(?: HTTP/[\d.]+)?$")


# Which role a field's name has; of several with one role the first in these lists counts.
_ROLES = {
    name: (role, rank)
    for role, names in (("level", _LEVELS), ("message", _MESSAGES), ("fault", _FAULTS))
    for rank, name in enumerate(names)
}
_OF_REQUESTS = frozenset((*_STATUS, *_NESTED, "status"))


def parse(line: str) -> Entry | None:
    """The entry of a line that is a JSON object; None if it is none, or cut off."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return of_fields(fields, line) if isinstance(fields, dict) else None


def of_fields(fields: dict[str, Any], line: str) -> Entry:
    """The entry that these fields are."""
    fields = _unwrapped(fields)
    level_at = message_at = 99
    level: Any = None
    message: Any = ""
    faults: list[tuple[int, str]] = []
    request = None
    for name, value in fields.items():
        role, rank = _ROLES.get(name, ("", 0))
        if role == "level" and rank < level_at:
            level, level_at = value, rank
        elif role == "message" and rank < message_at and value:
            message, message_at = value, rank
        elif role == "fault" and value:
            faults.append((rank, name))
    if not fields.keys().isdisjoint(_OF_REQUESTS):
        request = _request(fields, line)
    level = levels.of_name(level)
    text = message if isinstance(message, str) else _flat(message)
    if level == levels.CALM:
        return Entry(level, text, "", request)
    inner = fields.get("fields")  # Rust's tracing
    if not text and isinstance(inner, dict):
        text = _flat(inner.get("message"))
        fields = {**fields, **{name: inner[name] for name in _FAULTS if name in inner}}
        faults += [(rank, name) for rank, name in enumerate(_FAULTS) if name in inner]
    said = [(name, words) for _, name in sorted(faults) if (words := _fault(fields[name]))]
    if level is None and not any(name in _SAY_SO for name, _ in said):
        said = []
    fault = "\n".join(words for _, words in said)[:_LONGEST]
    return Entry(level, levels.plain(text)[:_LONGEST], levels.plain(fault), request)


def _unwrapped(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of the record itself, where a logger puts it into another object."""
    record, log = fields.get("record"), fields.get("log")
    if isinstance(record, dict):  # loguru
        return {**record, "text": fields.get("text")}
    if isinstance(log, dict) and "level" in log:  # Elastic Common Schema
        return {"level": log["level"], **fields}
    return fields


def _request(fields: dict[str, Any], line: str) -> Request | None:
    nested = [fields[name] for name in _NESTED if isinstance(fields.get(name), dict)]
    nested += [
        each[name] for each in nested for name in _NESTED if isinstance(each.get(name), dict)
    ]
    places = [fields, *nested]
    method, path = _first(places, _METHOD), _first(places, _PATH)
    quoted = fields.get("request")  # nginx's log_format in JSON
    if isinstance(quoted, str) and (found := _QUOTED_REQUEST.match(quoted)):
        method, path = found[1], found[2]
    status = _status(_first(places, _STATUS))
    if status is None and (method or path):
        status = _status(_first(places, ["status"]))
    if status is None:
        return None
    method, path = str(method or ""), str(path or "")
    return Request(status, method, path, is_health(method, path, line))


def _first(places: list[dict[str, Any]], names: list[str]) -> Any:
    return next((place[name] for place in places for name in names if name in place), None)


def _status(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and len(value) == 3 and value.isdecimal():  # noqa: PLR2004
        value = int(value)
    return int(value) if isinstance(value, (int, float)) and 100 <= value < 600 else None  # noqa: PLR2004


def _fault(value: Any) -> str:
    """What a field for errors says; empty if it says that there is none."""
    if value is True:
        return "error"
    if isinstance(value, (bool, int, float)):  # a count
        return ""
    text = _flat(value).strip()
    return "" if text.lower() in NOTHING else text


def _flat(value: Any, depth: int = 3) -> str:
    """The words in a value, however deep its sender put them."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and depth:
        return "\n".join(
            f"{name}: {inner}" if name == "code" else inner
            for name, each in _without_secrets(list(value.items())[:12])
            if (inner := _flat(each, depth - 1))
        )
    if isinstance(value, list) and depth:
        if value and isinstance(value[0], str) and names_secret(value[0]):
            return value[0]  # ["cookie", "..."]
        return "\n".join(inner for each in value[:4] if (inner := _flat(each, depth - 1)))
    return ""


def _without_secrets(fields: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The fields that are no secret by their names, as the words in them come without these."""
    fields = [(name, each) for name, each in fields if not names_secret(name)]
    if any(
        isinstance(each, str) and name.lower().endswith(("name", "key")) and names_secret(each)
        for name, each in fields
    ):  # {"name": "DB_PASSWORD", "value": "..."}
        return [(name, each) for name, each in fields if not name.lower().endswith("value")]
    return fields
