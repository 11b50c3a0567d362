"""From a manual event's fields to what is looked for. Pure, and strict about what it accepts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from discovery.events import invalid
from discovery.lenient import id_of

if TYPE_CHECKING:
    from collections.abc import Mapping

DAY = 1440  # minutes


class Query(NamedTuple):
    """What a person wants to see of the history."""

    task: str | None = None  # id
    since: float | None = None  # minutes
    stopped: bool = False


def query(params: Mapping[str, Any]) -> Query:
    """Raises InvalidEventError naming the field."""
    task, since = params.get("task"), params.get("since")
    if "task" in params:
        if not isinstance(task, str) or not id_of(task):
            raise invalid("task", task, "the id or the ARN of a task")
        for name in params:
            if name != "task":
                raise invalid(name, params[name], "no such field beside a task")
    if "since" in params:
        number = isinstance(since, (int, float)) and not isinstance(since, bool)
        if not number or not math.isfinite(since) or not 0 < since <= DAY:  # type: ignore[arg-type, operator]
            raise invalid("since", since, f"more than 0 and at most {DAY} minutes")
    stopped = params.get("stopped", False)
    if not isinstance(stopped, bool):
        raise invalid("stopped", stopped, "true or false")
    return Query(id_of(task) if task else None, since, stopped)
