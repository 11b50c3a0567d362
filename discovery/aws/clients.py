"""The SDK's clients, with timeouts and attempts that fit into an invocation."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Callable, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

if TYPE_CHECKING:
    from types_boto3_application_autoscaling.client import ApplicationAutoScalingClient
    from types_boto3_ec2.client import EC2Client
    from types_boto3_ecs.client import ECSClient
    from types_boto3_elbv2.client import ElasticLoadBalancingv2Client
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_secretsmanager.client import SecretsManagerClient
    from types_boto3_sns.client import SNSClient

T = TypeVar("T")

# One connection for each thread that lists and describes (see task_lister).
CONNECTIONS = 8
CONNECT_TIMEOUT = 2  # seconds; botocore's own 60 s are twice the usual life of an invocation
READ_TIMEOUT = 5  # seconds

# The standard mode backs off with jitter; its token bucket ends retries when most calls fail.
READ = Config(
    connect_timeout=CONNECT_TIMEOUT,
    read_timeout=READ_TIMEOUT,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=CONNECTIONS,
    user_agent="ecs-task-discovery",  # for CloudTrail; botocore would build its own on each call
)

_making = threading.Lock()


def once(make: Callable[[], T]) -> Callable[[], T]:
    """Makes the value on first use, one thread at a time, as boto3's session requires."""
    made = lru_cache(maxsize=1)(make)

    def get() -> T:
        with _making:
            return made()

    return get


def prepared(make: Callable[[], T]) -> Callable[[], T]:
    """Like `once`, but made now. A failure comes when the value is used."""
    get = once(make)
    with suppress(BotoCoreError, ValueError):  # no region, no URL of an endpoint
        get()
    return get


def forget_credentials() -> None:
    """Let the next client look for credentials, which boto3's session keeps."""
    if boto3.DEFAULT_SESSION:
        boto3.setup_default_session()


def ecs() -> ECSClient:
    """A client for reading ECS, with an own reader of its JSON."""
    return use_fast_json(boto3.client("ecs", config=READ))


def ec2() -> EC2Client:
    return boto3.client("ec2", config=READ)


def secrets_manager() -> SecretsManagerClient:
    return boto3.client("secretsmanager", config=READ)


def use_fast_json(client: ECSClient) -> ECSClient:
    """Let `_parse` read the answers of this client in botocore's place.

    botocore compares each value with its service model: half of the CPU of a run of 5,000
    tasks. Times stay the numbers that they are in the JSON.
    """
    client.meta.events.register("before-parse.ecs", _parse)
    return client


def _parse(response_dict: Any, customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Put the answer into `customized_response_dict`, which botocore merges into its own.

    Errors, and what is no JSON, are left to botocore, as its retries depend on them. JSON of
    another shape would make it fail, and is an empty answer here.
    """
    if response_dict["status_code"] != HTTPStatus.OK:
        return
    try:
        answer = json.loads(response_dict["body"])
    except (ValueError, RecursionError):
        return
    customized_response_dict.update(answer if isinstance(answer, dict) else {})
    response_dict["body"] = b"{}"


# A write is sent once: a recycle repeats its acts itself, after it has looked again.
WRITE = READ.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))


def ecs_writer() -> ECSClient:
    return boto3.client("ecs", config=WRITE)


def ecs_reader() -> ECSClient:
    """A client that reads answers as botocore does, for what is read seldom."""
    return boto3.client("ecs", config=READ)


def application_autoscaling() -> ApplicationAutoScalingClient:
    return boto3.client("application-autoscaling", config=WRITE)


def elbv2() -> ElasticLoadBalancingv2Client:
    return boto3.client("elbv2", config=READ)


def sns() -> SNSClient:
    return boto3.client("sns", config=READ)


def logs(region: str) -> CloudWatchLogsClient:
    """Of the Region that a log configuration names; "" is the function's own."""
    return boto3.client("logs", region_name=region or None, config=READ)
