"""A listing corrects what events missed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from discovery.history.records import change, gone, of_task
from discovery.model import STOPPED
from discovery.stop_codes import GONE
from discovery.task_record import newer, task_from_json
from discovery.text import last_segment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from discovery.history.interfaces import LookUp, Store
    from discovery.history.records import Mask
    from discovery.model import KeptVersion, StoredChange
    from discovery.task_record import TaskRecord

LOOK_UPS = 100  # tasks of one DescribeTasks call
MINUTE = 60  # seconds between two scheduled runs


class Collector:
    """Takes a listing's descriptions, and reduces those that are news."""

    def __init__(self, kept: Mapping[str, KeptVersion], mask: Mask) -> None:
        self.kept, self.mask = kept, mask
        self.seen: set[str] = set()
        self.news: dict[str, TaskRecord] = {}

    def __call__(self, tasks: Sequence[Mapping[str, Any]]) -> None:
        for raw in tasks:
            id = last_segment(str(raw.get("taskArn")))
            self.seen.add(id)
            if is_news(raw, self.kept.get(id)):
                record = of_task(raw, self.mask)
                if record:
                    self.news[id] = record


class Corrections(NamedTuple):
    """What a listing has corrected."""

    kept: int  # records that were new, newer or fuller
    looked_up: int
    gone: int  # tasks that ECS does not know any more


def is_news(raw: Mapping[str, Any], kept: KeptVersion | None) -> bool:
    """Whether a description may say more than what is kept of the task."""
    version = raw.get("version")
    if kept is None or not isinstance(version, int) or version > kept.version:
        return True
    if version < kept.version:
        return False
    # The health changes without a new version, and an event lacks it.
    healed = raw.get("healthStatus", kept.health) != kept.health
    return healed or (kept.stopped and raw.get("lastStatus") != STOPPED)


def absent(kept: Mapping[str, KeptVersion], listed: AbstractSet[str], now: float) -> list[str]:
    """Ids of tasks that are not known to have stopped, and that ECS does not list.

    If they are too many for one call, each minute has its share of them.
    """
    ids = sorted(id for id, each in kept.items() if not each.stopped and id not in listed)
    if len(ids) <= LOOK_UPS:
        return ids
    first = int(now // MINUTE) * LOOK_UPS % len(ids)
    return (ids[first:] + ids[:first])[:LOOK_UPS]


def reconcile(
    store: Store,
    look_up: LookUp,
    collected: Collector,
    missing: AbstractSet[str],
    now: float,
) -> Corrections:
    """Keep what a listing says, and look up the tasks that it lacks. Raises DiscoveryError.

    `missing` are ids that ECS listed but could not describe: it lags, and proves nothing.
    """
    kept = store.keep(_changes(store, list(collected.news.values()), collected.kept))
    ids = absent(collected.kept, collected.seen | missing, now)
    if not ids:
        return Corrections(kept, 0, 0)
    descriptions, unknown = look_up(ids)
    records = [of_task(raw, collected.mask) for raw in descriptions]
    changes = _changes(store, [each for each in records if each], collected.kept)
    vanished = _vanished(store, unknown, now)
    kept += store.keep(changes)
    return Corrections(kept, len(ids), store.keep(vanished))


def _changes(
    store: Store, records: Sequence[TaskRecord], kept: Mapping[str, KeptVersion]
) -> list[StoredChange]:
    """The changes by which these records are kept, where they are news."""
    equal = {
        each.id for each in records if each.id in kept and each.version == kept[each.id].version
    }
    texts = store.tasks(equal) if equal else {}
    changes = []
    for record in records:
        text = texts.get(record.id, "")
        held = task_from_json(text) if text else None
        fuller = merged(held, record) if held else record
        if fuller is not held:
            changes.append(change(fuller, text))
    return changes


def merged(held: TaskRecord, described: TaskRecord) -> TaskRecord:
    """What to keep of both; `held` itself if the description is no news."""
    if held.stopped_reason == GONE and held.version == described.version:
        return described  # ECS knows it again
    return newer(held, described)


def _vanished(store: Store, ids: Sequence[str], now: float) -> list[StoredChange]:
    texts = store.tasks(ids) if ids else {}
    records = [(task_from_json(text), text) for text in texts.values()]
    return [
        change(gone(record, now), text)
        for record, text in records
        if record and record.last_status != STOPPED
    ]
