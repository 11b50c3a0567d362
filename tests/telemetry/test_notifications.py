"""The messages about a recycle, and an SNS topic that takes them, refuses or is away."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import boto3
import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st
from junk import fuzz

from discovery.errors import DiscoveryError
from discovery.telemetry import messages
from discovery.telemetry.messages import Notification, NotificationError, RecycleNews
from discovery.telemetry.notifications import publish
from simulator.http import HttpServer, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_sns.client import SNSClient

TOPIC = "arn:aws:sns:us-east-1:111122223333:operators"
NEWS = RecycleNews(
    service="lobby",
    cluster="arcade",
    recycle="4f2a91",
    total=20,
    replaced=7,
    reason="task c13b was not listed within 600 s",
    duration=3725.4,
    expected_end=1795366800.0,
    desired=20,
    desired_now=21,
)
BUILDERS = [
    messages.started,
    messages.paused,
    messages.resumed,
    messages.failed,
    messages.cancelled,
    messages.recycled,
    messages.not_restored,
]


@pytest.mark.parametrize(
    ("build", "subject", "said"),
    [
        (messages.started, "Recycle started: lobby",
         ["20 tasks will be replaced, probably until 2026-11-22 17:00 UTC.", '"status"']),
        (messages.paused, "Recycle paused: lobby", ["7 of 20 tasks replaced.", "Reason: task c13b",
         '"resume"']),
        (messages.resumed, "Recycle resumed: lobby",
         ["7 of 20 tasks replaced, probably until 2026-11-22 17:00 UTC."]),
        (messages.failed, "Recycle failed: lobby",
         ["Reason: task c13b", "No further task is stopped."]),
        (messages.cancelled, "Recycle cancelled: lobby",
         ["7 of 20 tasks replaced.", "the others were left as they are"]),
        (messages.recycled, "Recycle finished: lobby", ["7 of 20 tasks replaced in 1 h 2 min."]),
        (messages.not_restored, "Recycle not restored: lobby",
         ["The desired count was 20 before, and is 21 now.", "To restore by hand:"]),
    ],
)  # fmt: skip
def test_a_message_says_what_happened_and_what_to_do(
    build: Callable[[RecycleNews], Notification], subject: str, said: list[str]
) -> None:
    """Which recycle of which service, how far it is, why, and what a person can do."""
    made = build(NEWS)
    assert subject == made.subject
    for words in ["Recycle 4f2a91 of service lobby in cluster arcade", *said]:
        assert words in made.text


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (3599, "59 min 59 s"), (7200, "2 h")]
)
def test_a_duration_is_in_units_for_people(seconds: float, words: str) -> None:
    """The recycle's own, in the message of its end."""
    news = RecycleNews("lobby", "arcade", "4f2a91", total=1, replaced=1, duration=seconds)
    assert f"1 of 1 task replaced in {words}" in messages.recycled(news).text


@pytest.mark.parametrize("build", BUILDERS)
def test_what_is_not_known_is_left_out(build: Callable[[RecycleNews], Notification]) -> None:
    """No None, no empty line and no empty reason in a message."""
    text = build(RecycleNews("lobby", "arcade", "4f2a91", total=1)).text
    assert "None" not in text
    assert "Reason" not in text
    assert all(text.splitlines())


texts = st.text(max_size=2000)


@fuzz
@given(st.sampled_from(BUILDERS), texts, texts, texts, st.none() | st.floats(0, 1e10))
def test_a_message_has_the_lines_that_it_should_have(
    build: Callable[[RecycleNews], Notification],
    service: str,
    recycle: str,
    reason: str,
    end: float | None,
) -> None:
    """Names and reasons forge neither a line nor an endless text."""
    plain = RecycleNews("a", "b", "c", 2, reason="d" if reason.strip() else "", expected_end=end)
    made = build(RecycleNews(service, service, recycle, 2, reason=reason or "", expected_end=end))
    assert made.subject.isprintable()
    assert abs(made.text.count("\n") - build(plain).text.count("\n")) <= 1
    assert all(line.isprintable() for line in made.text.split("\n"))
    assert len(made.text) <= 2000


class Topic:
    """SNS on a real socket: it records each request, and answers with `answer`."""

    def __init__(self) -> None:
        self.requests: list[dict[str, list[str]]] = []
        self.answer = Response(
            200,
            b'<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>'
            b"<MessageId>1</MessageId></PublishResult></PublishResponse>",
            "text/xml",
        )
        self.server = HttpServer(self._publish)

    def _publish(self, request: Request) -> Response:
        self.requests.append(parse_qs(request.body.decode()))
        return self.answer

    def refuses(self, code: str, message: str, status: int = 403) -> None:
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error>"
        self.answer = Response(status, f"{body}</ErrorResponse>".encode(), "text/xml")


@pytest.fixture
def topic() -> Iterator[Topic]:
    """SNS, until the test ends."""
    topic = Topic()
    yield topic
    topic.server.stop()


@pytest.fixture
def sns(topic: Topic) -> SNSClient:
    """A client of it, as the function has one."""
    return boto3.client(
        "sns",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{topic.server.port}",
        aws_access_key_id="AKIA",
        aws_secret_access_key="secret",
        config=Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1}),
    )


def test_a_topic_gets_subject_and_text(topic: Topic, sns: SNSClient) -> None:
    """In one call, to the topic that was named."""
    publish(sns, TOPIC, messages.paused(NEWS))
    (request,) = topic.requests
    assert ("Publish", TOPIC) == (request["Action"][0], request["TopicArn"][0])
    assert "Recycle paused: lobby" == request["Subject"][0]
    assert messages.paused(NEWS).text == request["Message"][0]


@pytest.mark.parametrize(
    ("subject", "sent"),
    [
        ("s" * 500, "s" * 96 + "..."),
        ("one\r\ntwo\tthree", "one two three"),
        ("Dienst „Vorhalle“ steht", "Dienst ?Vorhalle? steht"),
    ],
)
def test_a_subject_is_one_that_sns_takes(
    topic: Topic, sns: SNSClient, subject: str, sent: str
) -> None:
    """Less than 100 characters of ASCII on one line."""
    publish(sns, TOPIC, Notification(subject, "text"))
    assert sent == topic.requests[0]["Subject"][0]
    assert len(sent) < 100


def test_a_message_is_one_that_sns_takes(topic: Topic, sns: SNSClient) -> None:
    """Under 256 KiB, however long the text and however wide its characters are."""
    publish(sns, TOPIC, Notification("subject", "\U0001f600" * 300_000))
    assert len(topic.requests[0]["Message"][0].encode()) < 256 * 1024


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("AuthorizationError", "grant sns:Publish on the topic to the function's role"),
        ("NotFound", "set NOTIFICATION_TOPIC_ARN"),
        ("KMSAccessDenied", "grant kms:GenerateDataKey"),
        ("InternalError", "the next message is tried again"),
    ],
)
def test_a_refusal_says_what_to_do(topic: Topic, sns: SNSClient, code: str, remedy: str) -> None:
    """With the topic, AWS's code and its message, on one line."""
    topic.refuses(code, "no\nway")
    with pytest.raises(NotificationError) as caught:
        publish(sns, TOPIC, messages.started(NEWS))
    assert f"sns:Publish to {TOPIC} failed: {code} (no way): {remedy}" in str(caught.value)
    assert isinstance(caught.value, DiscoveryError)


def test_a_topic_out_of_reach_says_what_to_check(topic: Topic, sns: SNSClient) -> None:
    """The route, as its endpoint refuses connections."""
    topic.server.refuse()
    with pytest.raises(NotificationError, match="NAT gateway or the interface endpoint of SNS"):
        publish(sns, TOPIC, messages.started(NEWS))


def test_an_answer_that_is_none_is_a_failure(topic: Topic, sns: SNSClient) -> None:
    """A proxy's page, or half of an answer."""
    topic.answer = Response(200, b"<html", "text/xml")
    with pytest.raises(NotificationError):
        publish(sns, TOPIC, messages.started(NEWS))
