"""What is stored in Redis, to and from our values: the contract's JSON, and no I/O.

Reading is lenient, as other hands or another version may have written: what
cannot be understood counts as absent, and the next publication replaces it.
"""

from __future__ import annotations

import json
import socket
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from discovery.model import RUNNING, Entry, Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_FIELDS = ("ip", "task_name", "update_time", "status")
_NO_ADDRESS = 255  # sorts behind the families of addresses
_CLOCKS_END = 2**53  # Lua counts exactly up to here


def render(entries: Mapping[str, Entry], observed: str) -> str:
    """The list that readers get. `registry.lua` finds an item by its `{"ip":"..."` start."""
    items = sorted(entries.values(), key=lambda entry: _as_number(entry.ip))
    return dumps(
        [
            {"ip": ip, "task_name": name, "update_time": observed, "status": RUNNING}
            for ip, name in items
        ]
    )


def changes(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> tuple[list[str], list[str]]:
    """The addresses that came and those that went."""
    old = {entry.ip for entry in before.values()}
    new = {entry.ip for entry in after.values()}
    return in_order(new - old), in_order(old - new)


def in_order(ips: Iterable[str]) -> list[str]:
    """As numbers, IPv4 first: 10.0.0.9 goes before 10.0.0.10."""
    return sorted(ips, key=_as_number)


def standing(answer: Sequence[Any]) -> Standing:
    """From the script's `standing`: generation, list, state, withdrawn, now, listing.

    The state's map of tasks is as it was published: it still has those withdrawn since.
    """
    generation, text, flat, withdrawn, _, listing = answer
    left = frozenset(withdrawn)
    names = {item["ip"]: item["task_name"] for item in _items(text)}
    tasks = _loads(_state(flat).get("tasks"), dict)
    # Listed is what both tell of: the list may have expired, or been replaced.
    entries = {
        task: Entry(ip, names[ip])
        for task, ip in tasks.items()
        if isinstance(ip, str) and ip in names and task not in left and _is_address(ip)
    }
    return Standing(generation, listing, entries, left)


def status(answer: Sequence[Any]) -> Mapping[str, Any]:
    """The same for a person: what is listed and how old it is, in seconds."""
    generation, text, flat, withdrawn, now, listing = answer
    state = _state(flat)
    return {
        "tasks": [
            {name: _plain(item[name]) for name in _FIELDS if name in item} for item in _items(text)
        ],
        "generation": generation,
        "observed_at": state.get("observed_at"),
        "age_seconds": (now - listing) / 1000 if listing else None,
        "running": _int(state.get("running")),
        "healthy": _int(state.get("healthy")),
        "degraded": state.get("degraded") == "1",
        "withdrawn": len(withdrawn),
    }


def iso(seconds: float) -> str:
    """UTC, as the contract writes times."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def dumps(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _loads(text: str | None, kind: type) -> Any:
    """The JSON of this kind in the text, or an empty one."""
    try:
        value = json.loads(text or "")
    except (ValueError, RecursionError):
        return kind()
    return value if isinstance(value, kind) else kind()


def _items(text: str | None) -> list[dict[str, Any]]:
    return [
        item
        for item in _loads(text, list)
        if isinstance(item, dict)
        and isinstance(item.get("ip"), str)
        and isinstance(item.get("task_name"), str)
    ]


def _state(flat: Sequence[str]) -> Mapping[str, str]:
    return dict(zip(flat[::2], flat[1::2]))


def _int(text: str | None) -> int:
    try:
        number = int(text or 0)
    except ValueError:
        return 0
    return number if 0 <= number < _CLOCKS_END else 0


def _plain(value: Any) -> str:
    """Text that any encoder takes: half a character may hide in an escape."""
    return str(value).encode("utf-8", "replace").decode()


def _is_address(ip: str) -> bool:
    """Whether it can be connected to without a name server, which nobody of ours would name."""
    return _as_number(ip)[0] != _NO_ADDRESS


def _as_number(ip: str) -> tuple[int, bytes]:
    try:
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        return family, socket.inet_pton(family, ip)
    except (OSError, ValueError):
        return _NO_ADDRESS, ip.encode("utf-8", "replace")
