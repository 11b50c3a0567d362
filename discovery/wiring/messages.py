"""Messages about a recycle, sent by each way that is set up."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from discovery.aws import secrets
from discovery.deadline import Deadline
from discovery.errors import DiscoveryError
from discovery.recycle import start
from discovery.telemetry import messages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from discovery.recycle.record import Record
    from discovery.settings import ServiceSettings

log = logging.getLogger("discovery.recycle")

LONGEST = 5.0  # seconds for messages that are due at the same time


class Ways(NamedTuple):
    """Where messages go."""

    service: ServiceSettings
    aws_client: Callable[[str], Callable[[], Any]]
    deadline: Deadline


def send(ways: Ways, kinds: Iterable[str], record: Record) -> None:
    """Send a message of each kind. A failure is a line in the log, no more."""
    service = ways.service
    news = messages.RecycleNews(
        service=service.service_name,
        cluster=service.cluster_name,
        recycle=record.id,
        total=record.total,
        replaced=record.replaced,
        reason=record.reason,
        duration=record.updated_at - record.started_at,
        expected_end=start.expected_end(record, record.updated_at),
        desired=record.before.desired,
        desired_now=record.desired_now,
    )
    deadline = Deadline(min(ways.deadline.at, ways.deadline.clock() + LONGEST), ways.deadline.clock)
    for kind in kinds:
        log.info("recycle %s: %s", record.id, kind)
        notification = getattr(messages, kind)(news)
        if service.topic_arn:
            _try(partial(_publish, ways, notification))
        if service.mail_secret_arn:
            _try(partial(_mail, ways, notification, deadline))


def _try(send: Callable[[], None]) -> None:
    try:
        send()
    except DiscoveryError as error:
        log.error("a message was not sent: %s", error)  # noqa: TRY400 (the message says it all)


def _publish(ways: Ways, notification: messages.Notification) -> None:
    from discovery.telemetry.notifications import publish  # noqa: PLC0415 (SNS is loaded if used)

    publish(ways.aws_client("sns")(), ways.service.topic_arn, notification)


def _mail(ways: Ways, notification: messages.Notification, deadline: Deadline) -> None:
    from discovery.telemetry.mail import parse_mail_secret, send_mail  # noqa: PLC0415 (50 ms)

    secret_arn = ways.service.mail_secret_arn
    text = secrets.fetch(ways.aws_client("secrets_manager"), secret_arn)
    send_mail(parse_mail_secret(text, secret_arn), notification, deadline)
