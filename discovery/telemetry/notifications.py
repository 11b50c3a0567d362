"""Messages to an SNS topic. A failure is one exception, for the log.

A recycle sends it before a wait or at its end, so it delays what follows by a few seconds at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from discovery.telemetry.messages import NotificationError
from discovery.text import one_line

if TYPE_CHECKING:
    from types_boto3_sns.client import SNSClient

    from discovery.telemetry.messages import Notification

# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
SUBJECT = 99  # characters: "less than 100"
MESSAGE = 16_000  # characters; SNS takes 256 KiB, and a character has four bytes at most

_REMEDIES = {
    "AuthorizationError": "grant sns:Publish on the topic to the function's role",
    "AccessDenied": "grant sns:Publish on the topic to the function's role",
    "NotFound": "set NOTIFICATION_TOPIC_ARN to a topic of this account and region",
    "KMSAccessDenied": "grant kms:GenerateDataKey and kms:Decrypt on the topic's key to the role",
}


def publish(client: SNSClient, topic_arn: str, notification: Notification) -> None:
    """Send it to a topic, within the client's timeouts. Raises NotificationError."""
    # A mail's subject has to be ASCII on its way, and one_line adds three dots to what it cuts.
    subject = one_line(notification.subject, SUBJECT - 3).encode("ascii", "replace").decode()
    try:
        client.publish(TopicArn=topic_arn, Subject=subject, Message=notification.text[:MESSAGE])
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise NotificationError(
            f"sns:Publish to {one_line(topic_arn)} failed: {_explained(error)}."
        ) from error


def _explained(error: Exception) -> str:
    if isinstance(error, ClientError):
        answer: Any = error.response.get("Error", {})
        code = one_line(answer.get("Code", "no code"), 80)
        remedy = _REMEDIES.get(code, "the next message is tried again")
        return f"{code} ({one_line(answer.get('Message', 'no message'))}): {remedy}"
    remedy = "check that the subnets have a NAT gateway or the interface endpoint of SNS"
    return f"{one_line(error)}: {remedy}"
