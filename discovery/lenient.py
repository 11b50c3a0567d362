"""Readers of what others wrote: they raise nothing, and give the blank for what is odd. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from discovery.text import last_segment, one_line

LONGEST = 80  # characters of a status, a zone, an id
LONGEST_ARN = 512
LONGEST_READ = 2048  # characters of a text that are looked at

_GAP = " ... "
_EXACT = 2**53  # Redis's scripts count in doubles, which are exact up to here
_LAST_SECOND = 1e11  # some thousand years away; times in milliseconds are beyond it
_ISO = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?")


def cut(whole: str, longest: int) -> str:
    """At most that many characters. A reason names its kind first and its cause last: both stay."""
    if len(whole) <= longest:
        return whole
    kept = max(0, longest - len(_GAP))
    shorter = f"{whole[: kept - kept // 2]}{_GAP}{whole[len(whole) - kept // 2 :]}"[:longest]
    return " ".join(shorter.split())  # as one_line leaves it, so reading it again changes nothing


def mappings(value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, (list, tuple)):
        return []
    return [each for each in value if isinstance(each, Mapping)]


def json_array(raw: str | bytes) -> list[Any]:
    try:
        held = json.loads(raw)
    except (ValueError, RecursionError):
        return []
    return held if isinstance(held, list) else []


def id_of(arn: Any) -> str:
    return last_segment(text(arn, LONGEST_ARN))


def text(value: Any, longest: int = LONGEST) -> str:
    """On one line; a longer one loses its middle."""
    return cut(one_line(value, LONGEST_READ), longest) if isinstance(value, str) else ""


def integer(value: Any) -> int | None:
    """A whole number; as text too, as some tools write it."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return int(number) if math.isfinite(number) and abs(number) <= _EXACT else None


def count(value: Any) -> int | None:
    number = integer(value)
    return number if number is not None and number >= 0 else None


def version(value: Any) -> int:
    return count(value) or 0


def seconds(value: Any) -> float | None:
    """Seconds since the epoch, to the millisecond, from a number, an ISO text or a datetime."""
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, datetime):
        # botocore gives aware ones; a naive one would be taken for local time.
        value = (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return round(float(value), 3) if 0 < value < _LAST_SECOND else None


def _parsed(written: str) -> float | None:
    """The time in an ISO text; Python 3.9 knows neither Z nor every length of a fraction."""
    found = _ISO.fullmatch(written)
    if not found:
        return None
    date, fraction, zone = found.groups("")
    zone = "+00:00" if zone in ("", "Z") else f"{zone[:3]}:{zone[-2:]}"
    try:
        return datetime.fromisoformat(date + zone).timestamp() + float(fraction or 0)
    except (ValueError, OverflowError):
        return None
