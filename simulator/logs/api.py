"""FilterLogEvents, GetLogEvents, DescribeLogGroups and DescribeLogStreams."""

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from simulator.gateway import Operation
from simulator.logs.patterns import matcher
from simulator.logs.store import Group, Logs, Row, Stream, first_at
from simulator.wire import ApiError, to_json

_PAGE = 10_000  # events
_BYTES = 1 << 20  # "1 MB", which counts the text and 26 bytes a line
_PER_LINE = 26
_DESCRIBED = 50  # groups, or streams
_NAMED = 100  # streams in one FilterLogEvents
_END = 2**62

Parameters = Mapping[str, Any]


def operations(logs: Logs) -> Mapping[str, Operation]:
    """The operations this simulator knows."""
    known: Mapping[str, Callable[[Logs, Parameters], bytes]] = {
        "FilterLogEvents": filter_log_events,
        "GetLogEvents": get_log_events,
        "DescribeLogGroups": describe_log_groups,
        "DescribeLogStreams": describe_log_streams,
    }
    return {name: partial(_throttled, logs, name, act) for name, act in known.items()}


def filter_log_events(logs: Logs, parameters: Parameters) -> bytes:
    """A page of the lines of some streams that match, oldest first unless startFromHead is false.

    It is the last one only if it has no nextToken.
    """
    group = _group(logs, parameters)
    wanted = _digest(parameters)
    names = _chosen(group, parameters)
    rows: Sequence[Row] = group.merged(names) if names else ()
    low = first_at(rows, parameters.get("startTime", 0))
    high = first_at(rows, parameters.get("endTime", _END) + 1)  # at endTime is still in it
    ahead = parameters.get("startFromHead", True)
    start, empty = (low if ahead else high), logs.empty_first
    if "nextToken" in parameters:
        start, empty = _read(parameters["nextToken"], wanted)
    end = high if ahead else low
    found: list[tuple[int, Row]] = []
    if empty:
        place = start
        more = {"nextToken": _token(place, empty - 1, wanted)}
    else:
        last = min(start + logs.scan, high) if ahead else max(start - logs.scan, low)
        matches = matcher(parameters.get("filterPattern", ""))
        found, place = _found(rows, start, last, matches, _limit(parameters, _PAGE))
        more = {} if place == end else {"nextToken": _token(place, 0, wanted)}
    events = [
        _event(row) | {"logStreamName": row.stream, "eventId": _id(index, row)}
        for index, row in found
    ]
    return to_json({"events": events, "searchedLogStreams": []} | more)


def get_log_events(logs: Logs, parameters: Parameters) -> bytes:
    """A page of one stream. Both tokens are always there; one that repeats is the end."""
    group = _group(logs, parameters)
    stream = group.streams.get(parameters.get("logStreamName", ""))
    if stream is None:
        raise _not_found("stream")
    rows = stream.rows
    low = first_at(rows, parameters.get("startTime", 0))
    high = first_at(rows, parameters.get("endTime", _END))  # at endTime is no more in it
    limit = _limit(parameters, _PAGE)
    token = parameters.get("nextToken")
    empty = 0 if token else logs.empty_first
    forward = parameters.get("startFromHead", False)
    place = low if forward else high
    if token is not None:
        forward, place, empty = _position(token)
    place = min(max(place, low), high)
    if empty:
        return _page([], _way(forward, place, empty - 1), _way(not forward, place, 0), forward)
    begin, end = _window(rows, place, limit, low, high, forward)
    events = [_event(rows[index]) for index in range(begin, end)]
    return _page(events, _way(True, end, 0), _way(False, begin, 0), True)


def describe_log_groups(logs: Logs, parameters: Parameters) -> bytes:
    """A page of the groups whose names begin with a prefix, or hold a pattern."""
    prefix = parameters.get("logGroupNamePrefix", "")
    part = parameters.get("logGroupNamePattern", "")
    if prefix and part:
        raise _invalid("logGroupNamePrefix and logGroupNamePattern exclude each other.")
    found = [
        group
        for name, group in sorted(logs.groups.items())
        if name.startswith(prefix) and part.lower() in name.lower()
    ]
    page, more = _described(found, parameters)
    return to_json({"logGroups": [_written_group(group) for group in page]} | more)


def describe_log_streams(logs: Logs, parameters: Parameters) -> bytes:
    """A page of a group's streams, by name or by the time of their last line."""
    group = _group(logs, parameters)
    prefix = parameters.get("logStreamNamePrefix")
    by_time = parameters.get("orderBy") == "LastEventTime"
    if prefix and by_time:
        raise _invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
    found = [each for each in group.streams.values() if each.name.startswith(prefix or "")]
    found.sort(
        key=lambda stream: (stream.rows[-1].at if by_time and stream.rows else 0, stream.name),
        reverse=parameters.get("descending", False),
    )
    page, more = _described(found, parameters)
    return to_json({"logStreams": [_written_stream(group, stream) for stream in page]} | more)


def _throttled(
    logs: Logs, name: str, act: Callable[[Logs, Parameters], bytes], parameters: Parameters
) -> bytes:
    bucket = logs.buckets.get(name)
    if bucket is not None and not bucket.take():
        raise ApiError("ThrottlingException", "Rate exceeded")
    return act(logs, parameters)


def _group(logs: Logs, parameters: Parameters) -> Group:
    name, identifier = parameters.get("logGroupName"), parameters.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise _invalid("Exactly one of logGroupName and logGroupIdentifier is needed.")
    wanted: str = name or str(identifier).rpartition(":log-group:")[2].removesuffix(":*")
    if wanted not in logs.groups:
        raise _not_found("group")
    return logs.groups[wanted]


def _chosen(group: Group, parameters: Parameters) -> list[str]:
    names, prefix = parameters.get("logStreamNames"), parameters.get("logStreamNamePrefix")
    if names is not None and prefix is not None:
        raise _invalid("logStreamNamePrefix and logStreamNames exclude each other.")
    if names is None:
        return [name for name in group.streams if name.startswith(prefix or "")]
    if not 1 <= len(names) <= _NAMED:
        raise _invalid(f"logStreamNames holds 1 to {_NAMED} names.")
    if any(name not in group.streams for name in names):
        raise _not_found("stream")
    return list(names)


def _limit(parameters: Parameters, largest: int) -> int:
    limit: int = parameters.get("limit", largest)
    if not 1 <= limit <= largest:
        raise _invalid(f"limit must be between 1 and {largest}, not {limit}")
    return limit


def _found(
    rows: Sequence[Row], start: int, last: int, matches: Callable[[str], bool], limit: int
) -> tuple[list[tuple[int, Row]], int]:
    """The rows that match, with their places, and where the search ended: a page is full."""
    found: list[tuple[int, Row]] = []
    room, step, place = _BYTES, 1 if last >= start else -1, start
    while place != last and len(found) < limit:
        index = place if step > 0 else place - 1
        row = rows[index]
        if matches(row.message):
            room -= len(row.message.encode()) + _PER_LINE
            if found and room < 0:
                break
            found.append((index, row))
        place += step
    return found, place


def _window(
    rows: Sequence[Row], place: int, limit: int, low: int, high: int, forward: bool
) -> tuple[int, int]:
    """The part of a stream from a place on, or up to it, that fits into a page."""
    begin = end = place
    room = _BYTES
    while end - begin < limit and (end < high if forward else begin > low):
        row = rows[end if forward else begin - 1]
        room -= len(row.message.encode()) + _PER_LINE
        if room < 0 and begin != end:
            break
        begin, end = (begin, end + 1) if forward else (begin - 1, end)
    return begin, end


def _page(events: list[dict[str, Any]], one: str, other: str, forward: bool) -> bytes:
    ahead, back = (one, other) if forward else (other, one)
    return to_json({"events": events, "nextForwardToken": ahead, "nextBackwardToken": back})


def _way(forward: bool, place: int, empty: int) -> str:
    """A token of GetLogEvents: the way, the place, and the empty pages still to come."""
    return f"{'f' if forward else 'b'}/{place:056d}/s" + (f"/{empty}" if empty else "")


def _position(token: str) -> tuple[bool, int, int]:
    way, _, rest = token.partition("/")
    place, _, empty = rest.partition("/s")
    if way not in ("f", "b") or not place.isdecimal():
        raise _invalid("The specified nextToken is invalid.")
    return way == "f", int(place), int(empty.removeprefix("/") or 0)


def _token(place: int, empty: int, wanted: str) -> str:
    return b64encode(json.dumps([place, empty, wanted]).encode()).decode()


def _read(token: str, wanted: str) -> tuple[int, int]:
    """Where a page begins; a token is good for the request alone that gave it."""
    try:
        place, empty, given = json.loads(b64decode(token, validate=True))
    except (ValueError, TypeError):
        given = None
    if given != wanted:
        raise _invalid("The specified nextToken is invalid.")
    return place, empty


def _digest(parameters: Parameters) -> str:
    """What a request asks for, but for its page."""
    kept = {name: value for name, value in parameters.items() if name not in ("nextToken", "limit")}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def _described(found: list[Any], parameters: Parameters) -> tuple[list[Any], dict[str, str]]:
    limit = _limit(parameters, _DESCRIBED)
    token = parameters.get("nextToken", "0")
    if not token.isdecimal():
        raise _invalid("The specified nextToken is invalid.")
    end = int(token) + limit
    return found[int(token) : end], {"nextToken": str(end)} if end < len(found) else {}


def _event(row: Row) -> dict[str, Any]:
    return {"timestamp": row.at, "message": row.message, "ingestionTime": row.at}


def _id(index: int, row: Row) -> str:
    return f"{row.at:028d}{index:028d}"


def _written_group(group: Group) -> dict[str, Any]:
    written = {
        "arn": f"{group.arn}:*",
        "creationTime": group.created_at,
        "logGroupArn": group.arn,
        "logGroupClass": "STANDARD",
        "logGroupName": group.name,
        "metricFilterCount": 0,
        "retentionInDays": group.retention,
        "storedBytes": 0,
    }
    return {name: value for name, value in written.items() if value is not None}


def _written_stream(group: Group, stream: Stream) -> dict[str, Any]:
    written = {
        "arn": f"{group.arn}:log-stream:{stream.name}",
        "creationTime": stream.created_at,
        "logStreamName": stream.name,
        "storedBytes": 0,
    }
    if stream.rows:
        written |= {
            "firstEventTimestamp": stream.rows[0].at,
            "lastEventTimestamp": stream.rows[-1].at,
            "lastIngestionTime": stream.rows[-1].at,
        }
    return written


def _not_found(what: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"The specified log {what} does not exist.")


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)
