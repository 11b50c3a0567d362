"""The messages to people about a recycle's transitions: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from discovery.errors import DiscoveryError
from discovery.text import one_line

_STATUS = 'Invoke the function with {"action": "recycle", "command": "status"} to see its state.'
_RESUME = 'Invoke the function with {"action": "recycle", "command": "resume"} to go on.'


@dataclass(frozen=True)
class Notification:
    """One message, for every way in which it is sent."""

    subject: str
    text: str


class NotificationError(DiscoveryError):
    """A message was not sent, or not to everybody; nothing else failed."""


@dataclass(frozen=True)
class RecycleNews:
    """What a message says of a recycle. A reason may quote ECS, so it was redacted before."""

    service: str
    cluster: str
    recycle: str  # id
    total: int  # tasks that have to go
    replaced: int = 0
    reason: str = ""
    duration: float | None = None  # seconds since the start
    expected_end: float | None = None  # seconds since the epoch
    desired: int | None = None  # the desired count as it was before
    desired_now: int | None = None


def started(news: RecycleNews) -> Notification:
    plan = f"{_tasks(news.total)} will be replaced{_until(news)}."
    return _notification(news, "started", plan, _STATUS)


def paused(news: RecycleNews) -> Notification:
    return _notification(news, "paused", _progress(news), _why(news), _RESUME)


def resumed(news: RecycleNews) -> Notification:
    return _notification(news, "resumed", f"{_progress(news)[:-1]}{_until(news)}.", _why(news))


def failed(news: RecycleNews) -> Notification:
    rest = "No further task is stopped. The desired count and the scaling are being restored."
    return _notification(news, "failed", _progress(news), _why(news), rest, _STATUS)


def cancelled(news: RecycleNews) -> Notification:
    rest = "Tasks that were replaced stay replaced; the others were left as they are."
    return _notification(news, "cancelled", _progress(news), _why(news), rest)


def recycled(news: RecycleNews) -> Notification:
    took = "" if news.duration is None else f" in {_length(news.duration)}"
    return _notification(news, "finished", f"{_progress(news)[:-1]}{took}.")


def not_restored(news: RecycleNews) -> Notification:
    """The recycle is over, and what it changed is not yet as it was."""
    count = ""
    if news.desired is not None:
        now = "unknown" if news.desired_now is None else news.desired_now
        count = f"The desired count was {news.desired} before, and is {now} now."
    retry = "The function tries again every minute."
    by_hand = (
        "To restore by hand: set the desired count of the service, and the suspended scaling and "
        "the maximum of its scalable target, to what they were."
    )
    return _notification(news, "not restored", _why(news), count, retry, by_hand)


def _notification(news: RecycleNews, what: str, *lines: str) -> Notification:
    service, cluster = one_line(news.service, 80), one_line(news.cluster, 80)
    headline = (
        f"Recycle {one_line(news.recycle, 80)} of service {service} in cluster {cluster}: {what}."
    )
    text = "\n".join(line for line in (headline, *lines) if line)
    return Notification(f"Recycle {what}: {service}", f"{text}\n")


def _progress(news: RecycleNews) -> str:
    return f"{news.replaced} of {_tasks(news.total)} replaced."


def _tasks(count: int) -> str:
    return f"{count} task" if count == 1 else f"{count} tasks"


def _why(news: RecycleNews) -> str:
    reason = one_line(news.reason)
    return f"Reason: {reason}" if reason else ""


def _until(news: RecycleNews) -> str:
    if news.expected_end is None:
        return ""
    end = datetime.fromtimestamp(news.expected_end, timezone.utc)
    return f", probably until {end:%Y-%m-%d %H:%M} UTC"


def _length(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
