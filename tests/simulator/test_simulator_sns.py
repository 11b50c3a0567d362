"""SNS, called by the real boto3 client; the test reads what was published."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from simulated import checked, code, options

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

    from simulator import Simulator


@pytest.fixture
def sns(aws: Simulator) -> SNSClient:
    return checked(boto3.client("sns", **options(aws)))


def test_publishes_to_a_topic(aws: Simulator, sns: SNSClient) -> None:
    """With subject, text and attributes, in any characters; a topic is made once."""
    arn = sns.create_topic(Name="alerts")["TopicArn"]
    assert arn == aws.sns.create("alerts")
    text = "Zeile 1\nπ & <b>"
    answer = sns.publish(
        TopicArn=arn,
        Subject="recycle 4 of 20",
        Message=text,
        MessageAttributes={"phase": {"DataType": "String", "StringValue": "started"}},
    )

    (message,) = aws.sns.published
    assert (arn, "recycle 4 of 20", text, {"phase": "started"}) == (
        message.topic,
        message.subject,
        message.text,
        message.attributes,
    )
    assert answer["MessageId"] == message.id


def test_a_subject_is_not_needed(aws: Simulator, sns: SNSClient) -> None:
    """A message for each protocol comes with a default."""
    arn = aws.sns.create("alerts")
    sns.publish(TopicArn=arn, Message="plain")
    sns.publish(TopicArn=arn, MessageStructure="json", Message=json.dumps({"default": "d"}))

    assert [(None, "plain"), (None, "d")] == [
        (each.subject, each.text) for each in aws.sns.published
    ]


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("x" * 100, "text"),
        ("two\nlines", "text"),
        ("bell\a", "text"),
        ("", "text"),
        ("subject", ""),
        ("subject", "x" * 262_145),
    ],
)
def test_refuses_what_sns_does_not_take(
    aws: Simulator, sns: SNSClient, subject: str, text: str
) -> None:
    """Subjects of 100 characters, with line breaks or control characters; large messages."""
    with pytest.raises(ClientError) as error:
        sns.publish(TopicArn=aws.sns.create("alerts"), Subject=subject, Message=text)

    assert "InvalidParameter" == code(error.value)
    assert [] == aws.sns.published


def test_takes_a_subject_of_99_characters(aws: Simulator, sns: SNSClient) -> None:
    """And a message of 256 KiB."""
    sns.publish(TopicArn=aws.sns.create("alerts"), Subject="x" * 99, Message="x" * 262_144)

    assert 1 == len(aws.sns.published)


def test_an_unknown_topic_is_not_found(aws: Simulator, sns: SNSClient) -> None:
    """So is a deleted one."""
    arn = aws.sns.create("alerts")
    aws.sns.delete(arn)

    with pytest.raises(sns.exceptions.NotFoundException):
        sns.publish(TopicArn=arn, Message="text")


@pytest.mark.parametrize(
    ("fault", "expected", "status"),
    [
        ("denied", "AuthorizationError", 403),
        ("throttled", "Throttling", 400),
        ("internal", "InternalError", 500),
    ],
)
def test_fails_as_the_service_does(
    aws: Simulator, sns: SNSClient, fault: Any, expected: str, status: int
) -> None:
    """And the call is on record with the action that IAM must allow."""
    aws.faults.set("Publish", fault)

    with pytest.raises(ClientError) as error:
        sns.publish(TopicArn=aws.sns.create("alerts"), Message="text")

    assert (expected, status) == (
        code(error.value),
        error.value.response["ResponseMetadata"]["HTTPStatusCode"],
    )
    assert ("sns:Publish", "text") == (aws.calls[0].action, aws.calls[0].parameters["Message"])
