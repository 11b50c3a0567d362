"""What Redis holds, to and from our values: the contract's JSON. Pure.

Reading is lenient, as another version or a person may have written the keys: what cannot be
understood counts as absent, and the next publication replaces it.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii as quoted
from typing import TYPE_CHECKING, Any, NamedTuple

from discovery.addresses import is_address, sort_key
from discovery.model import RUNNING, Endpoint, Entry, PublishedState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_FIELDS = ("ip", "task_name", "update_time", "status")
_CLOCKS_END = 2**53  # Lua counts exactly up to here


class Rendered(NamedTuple):
    """What a publication writes."""

    text: str  # the list that readers get
    tasks: str  # JSON: task id -> address
    # JSON: task id -> [port, start, length], and for a confirmed task when it was created.
    # Start and length say where the list has the task's item, in bytes, so that a withdrawal can
    # blank it out without knowing what is in it.
    items: str


def render(entries: Mapping[str, Entry], confirmed: Mapping[str, float], observed: str) -> Rendered:
    """The list, sorted by address, and the maps of its tasks."""
    texts: list[str] = []
    tasks: dict[str, str] = {}
    items: dict[str, tuple[float, ...]] = {}
    rest = f',"update_time":{quoted(observed)},"status":{quoted(RUNNING)}}}'
    start = 1  # behind the bracket
    for task, entry in sorted(entries.items(), key=_position):
        host, port = entry.endpoint
        item = f'{{"ip":{quoted(host)},"task_name":{quoted(entry.name)}{rest}'  # all of it ASCII
        texts.append(item)
        created_at = confirmed.get(task)
        tasks[task] = host
        items[task] = (port, start, len(item), *((created_at,) if created_at else ()))
        start += len(item) + 1
    return Rendered(f"[{','.join(texts)}]", dumps(tasks), dumps(items))


def _position(each: tuple[str, Entry]) -> tuple[tuple[int, bytes], int, str]:
    task, entry = each
    return sort_key(entry.endpoint.host), entry.endpoint.port, task


def published_state(answer: Sequence[Any]) -> PublishedState:
    """From the script's `published`: generation, list, state, withdrawn, now, listing.

    The state's maps are those that were published: they still have the tasks that were withdrawn
    since.
    """
    generation, text, flat, withdrawn, _, listing = answer
    without = frozenset(withdrawn)
    names = {item["ip"]: item["task_name"] for item in _items(text)}
    entries: dict[str, Entry] = {}
    confirmed: dict[str, float] = {}
    state = _state(flat)
    named = {each.partition("=")[0] for each in state.get("named", "").split()}
    for task, endpoint, created_at in _tasks(state):
        # A task is listed if both say so: the list may have expired, or been replaced.
        if endpoint.host in names and task not in without:
            entries[task] = Entry(endpoint, names[endpoint.host])
            if created_at and task not in named:
                confirmed[task] = created_at
    return PublishedState(generation, listing, entries, without, confirmed)


def _tasks(state: Mapping[str, str]) -> Iterator[tuple[str, Endpoint, float]]:
    """Each task's id, its endpoint, and when it was created; 0: it is not confirmed."""
    items = _loads(state.get("items"), dict)
    for task, host in _loads(state.get("tasks"), dict).items():
        try:
            port, _, _, *rest = items[task]
        except (LookupError, TypeError, ValueError):
            continue
        if isinstance(host, str) and isinstance(port, int) and is_address(host):
            yield task, Endpoint(host, port), _moment(rest[0]) if rest else 0.0


def _moment(value: Any) -> float:
    return value if isinstance(value, (int, float)) and 0 < value < _CLOCKS_END else 0.0


def status(answer: Sequence[Any]) -> Mapping[str, Any]:
    """The same for a person: what is listed, and how old it is in seconds."""
    generation, text, flat, withdrawn, now, listing = answer
    state = _state(flat)
    full = _int(state.get("full"))
    return {
        "tasks": [
            {name: _plain(item[name]) for name in _FIELDS if name in item} for item in _items(text)
        ],
        "generation": generation,
        "observed_at": state.get("observed_at"),
        "age_seconds": (now - listing) / 1000 if listing else None,
        "full_age_seconds": (now - full) / 1000 if full else None,
        "running": _int(state.get("running")),
        "healthy": _int(state.get("healthy")),
        "degraded": state.get("degraded") == "1",
        "withdrawn": len(set(withdrawn)),
    }


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
    """Text that any encoder takes: an escape in the JSON may be half a character."""
    return str(value).encode("utf-8", "replace").decode()
