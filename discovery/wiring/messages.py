"""Messages about a recycle, sent by each way that is set up."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from discovery.aws import secrets
from discovery.deadline import Deadline, result_by
from discovery.errors import DiscoveryError
from discovery.recycle import start
from discovery.telemetry import messages

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from discovery.recycle.record import Record
    from discovery.settings import ServiceSettings

    Way = Callable[[messages.Notification], None]

log = logging.getLogger("discovery.recycle")

LONGEST = 5.0  # seconds for the messages that are due at the same time
NOTING = 1.0  # seconds to note afterwards that they were sent
SHORTEST = 1.0  # seconds; with less left the next invocation sends them


class Ways(NamedTuple):
    """Where messages go."""

    service: ServiceSettings
    aws_client: Callable[[str], Callable[[], Any]]
    deadline: Deadline


def send(ways: Ways, kinds: Collection[str], record: Record) -> bool:
    """Send a message of each kind by each way. A failure is a line in the log, no more.

    False: no time is left for it.
    """
    if ways.deadline.left() < SHORTEST + NOTING:
        return False
    clock = ways.deadline.clock
    deadline = Deadline(min(ways.deadline.at - NOTING, clock() + LONGEST), clock)
    news = _news(ways, record)
    notifications = [getattr(messages, kind)(news) for kind in kinds]
    log.info("recycle %s: %s", record.id, " ".join(kinds))
    # In threads: a call of an SDK can outlast its timeouts, and no way waits for another one.
    executor = ThreadPoolExecutor(2, "messages")
    sendings = [
        (name, executor.submit(_send_all, way, notifications))
        for name, way in _ways(ways, deadline)
    ]
    executor.shutdown(wait=False)
    for name, sending in sendings:
        try:
            result_by(deadline, sending)
        except TimeoutError:
            log.error("a message was not sent: %s did not end in time", name)  # noqa: TRY400
    return True


def _news(ways: Ways, record: Record) -> messages.RecycleNews:
    return messages.RecycleNews(
        service=ways.service.service_name,
        cluster=ways.service.cluster_name,
        recycle=record.id,
        total=record.total,
        replaced=record.replaced,
        reason=record.reason,
        duration=record.updated_at - record.started_at,
        expected_end=start.expected_end(record, record.updated_at),
        desired=record.before.desired,
        desired_now=record.desired_now,
    )


def _ways(ways: Ways, deadline: Deadline) -> Iterator[tuple[str, Way]]:
    """The ways that are set up, by their names. Clients are made here, in no thread."""
    topic, secret = ways.service.topic_arn, ways.service.mail_secret_arn
    if topic:
        from discovery.telemetry.notifications import publish  # noqa: PLC0415 (loaded if used)

        sns = ways.aws_client("sns")()
        yield "sns:Publish", lambda notification: publish(sns, topic, notification)
    if secret:
        from discovery.telemetry import mail  # noqa: PLC0415 (50 ms)

        secrets_manager = ways.aws_client("secrets_manager")()

        def send_mail(notification: messages.Notification) -> None:
            text = secrets.fetch(lambda: secrets_manager, secret)
            # By itself it says better what did not answer.
            mail.send_mail(
                mail.parse_mail_secret(text, secret), notification, deadline.earlier(0.1)
            )

        yield "mail", send_mail


def _send_all(way: Way, notifications: Iterable[messages.Notification]) -> None:
    for notification in notifications:
        try:
            way(notification)
        except DiscoveryError as error:
            log.error("a message was not sent: %s", error)  # noqa: TRY400 (it says it all)
