"""SNS: topics, and what is published to them."""

import json
import threading
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator.account import ACCOUNT, REGION
from simulator.clock import Clock
from simulator.gateway import Operation
from simulator.wire import ApiError, to_xml

_ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:"
_SUBJECT = 100  # "no line breaks or control characters, and less than 100 characters long"
_MESSAGE = 262_144  # bytes, "maximum of 256 KB"


@dataclass(frozen=True)
class Message:
    """What was published. `attributes` are by name, as text."""

    id: str
    topic: str
    subject: str | None
    text: str
    attributes: Mapping[str, str]
    at: float


class Topics:
    """The topics of one account and region. `published` is what came, oldest first."""

    def __init__(self, clock: Clock) -> None:
        self.published: list[Message] = []
        self._arns: set[str] = set()
        self._clock = clock
        self._lock = threading.Lock()

    def create(self, name: str) -> str:
        """A topic, the existing one if there is one of this name; returns its ARN."""
        self._arns.add(_ARN + name)
        return _ARN + name

    def delete(self, arn: str) -> None:
        """Delete a topic."""
        self._arns.discard(arn)

    def operations(self) -> Mapping[str, Operation]:
        """The operations this simulator knows."""
        return {"CreateTopic": self._create_topic, "Publish": self._publish}

    def _create_topic(self, parameters: Mapping[str, Any]) -> bytes:
        return to_xml("sns", "CreateTopic", {"TopicArn": self.create(parameters["Name"])})

    def _publish(self, parameters: Mapping[str, Any]) -> bytes:
        topic = parameters.get("TopicArn") or parameters.get("TargetArn") or ""
        if topic not in self._arns:
            if not topic.startswith("arn:aws:sns:"):
                raise _invalid("TopicArn")
            raise ApiError("NotFound", "Topic does not exist", 404)
        text = _text(parameters)
        subject = parameters.get("Subject")
        if subject is not None and not _is_subject(subject):
            raise _invalid("Subject")
        message = Message(
            str(uuid.uuid4()),
            topic,
            subject,
            text,
            {
                each["Name"]: each["Value"].get("StringValue", "")
                for each in parameters.get("MessageAttributes", [])
            },
            self._clock.now(),
        )
        with self._lock:
            self.published.append(message)
        return to_xml("sns", "Publish", {"MessageId": message.id})


def _text(parameters: Mapping[str, Any]) -> str:
    text: str = parameters.get("Message", "")
    if not text:
        raise ApiError("InvalidParameter", "Invalid parameter: Empty message")
    if len(text.encode()) > _MESSAGE:
        raise ApiError("InvalidParameter", "Invalid parameter: Message too long")
    if parameters.get("MessageStructure") == "json":
        try:
            text = json.loads(text)["default"]
        except (ValueError, KeyError, TypeError):
            reason = "Message Structure - No default entry in JSON message body"
            raise ApiError("InvalidParameter", f"Invalid parameter: {reason}") from None
    return text


def _is_subject(subject: str) -> bool:
    """Whether a subject is one: not empty, short, without line breaks and the like."""
    controls = any(unicodedata.category(each) in ("Cc", "Zl", "Zp") for each in subject)
    return 0 < len(subject) < _SUBJECT and not controls


def _invalid(what: str) -> ApiError:
    return ApiError("InvalidParameter", f"Invalid parameter: {what}")
