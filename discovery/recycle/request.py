"""From a manual event's fields to a recycle's request. Pure, and strict about what it accepts."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from discovery.events import invalid
from discovery.recycle.record import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMANDS = ("status", "pause", "resume", "cancel")
DAY = 86_400.0  # seconds
_SECONDS = {
    "wait_time": (0.0, DAY),
    "drain_time": (0.0, 1800.0),  # the registry keeps a drained task off the list for an hour
    "replacement_timeout": (30.0, DAY),
    "settle_time": (0.0, DAY),
}
_FLAGS = ("maintain_service_state", "allow_outage")
FIELDS = (*_FLAGS, *_SECONDS, "batch_size", "started_before", "dry_run")


def command(params: Mapping[str, Any]) -> str | None:
    """The command of a running recycle; None: a start. Raises InvalidEventError."""
    if "command" not in params:
        return None
    word = params["command"]
    if word not in COMMANDS:
        raise invalid("command", word, " or ".join(map(repr, COMMANDS)))
    for name in params:
        if name != "command":
            raise invalid(name, params[name], "no such field beside a command")
    return str(word)


def request(params: Mapping[str, Any], now: float) -> Request:
    """The request of a start. Raises InvalidEventError naming the field."""
    for name in params:
        if name not in FIELDS:
            raise invalid(name, params[name], f"no such field: a recycle takes {', '.join(FIELDS)}")
    values: dict[str, Any] = {name: _flag(params, name) for name in _FLAGS if name in params}
    values.update((name, _number(params, name)) for name in _SECONDS if name in params)
    if "batch_size" in params:
        values["batch_size"] = _batch_size(params["batch_size"])
    values["started_before"] = (
        _moment(params["started_before"]) if "started_before" in params else now
    )
    if values["started_before"] > now:
        raise invalid("started_before", params["started_before"], "a time that has passed")
    return Request(**values)


def dry_run(params: Mapping[str, Any]) -> bool:
    return _flag(params, "dry_run") if "dry_run" in params else False


def _flag(params: Mapping[str, Any], name: str) -> bool:
    if not isinstance(params[name], bool):
        raise invalid(name, params[name], "true or false")
    return bool(params[name])


def _number(params: Mapping[str, Any], name: str) -> float:
    value, (low, high) = params[name], _SECONDS[name]
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        raise invalid(name, value, f"{low:g} to {high:g} seconds")
    return float(value)


def _batch_size(value: Any) -> str:
    text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if not re.fullmatch(r"[1-9][0-9]{0,3}|[1-9][0-9]?%|100%", text):
        raise invalid("batch_size", value, 'a number from 1 to 9999, or a share such as "10%"')
    return text


def _moment(value: Any) -> float:
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        if moment.tzinfo is not None:
            return moment.timestamp()
    except (AttributeError, ValueError, OverflowError):
        pass
    expected = "an ISO 8601 time with its zone, such as 2026-11-24T12:00:00Z"
    raise invalid("started_before", value, expected)
