"""Text from outside, made safe for a line of the log, an error or an answer. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

LONGEST = 500  # characters; the reasons that ECS gives are shorter
_QUERY = re.compile(r"\?[^\s\"'<>]+")
_USER = re.compile(r"://[^\s/?#\"'<>]+@")


def one_line(value: Any, longest: int = LONGEST) -> str:
    """The value as one bounded line of printable characters.

    An event's fields are whatever its sender puts there. A line break in one would forge a line
    of the log, an escape sequence would steer the reader's terminal.
    """
    # Cut before each character is looked at: a field may have 256 kB.
    text = str(value)[: 2 * longest]
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= longest else f"{text[:longest]}..."


def bare_urls(text: str) -> str:
    """The text without what may be secret in a URL: its query, its user and password.

    The masking of a diagnosis knows more, but what a sync logs must not cost that import.
    """
    return _USER.sub("://***@", _QUERY.sub("?***", text))


def iso(seconds: float) -> str:
    """A moment since the epoch in UTC, as the contract writes times."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def last_segment(arn: str) -> str:
    """The name or id at the end of an ARN; a name alone is itself."""
    return arn.rsplit("/", 1)[-1]
