"""AWS calls of the command line alone: ListServices and Invoke; and the session for all calls."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from discovery.aws import clients
from discovery.aws.errors import AwsFailure, code_and_message
from discovery.aws.unseen import arn, call, required
from discovery.deadline import Deadline, result_by
from discovery.errors import DiscoveryError, SettingsError
from discovery.text import last_segment, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServices.html
PAGE = 100
# Seconds after which the SDK would give up an answer, and ask again: the command ends before.
LATER = 60.0


class InvokeError(DiscoveryError):
    """The deployed function was not invoked, or it failed."""


def use(region: str, profile: str, env: Mapping[str, str]) -> None:
    """Have all clients use this Region and profile; "": those of the environment.

    Raises SettingsError.
    """
    # Lambda sets AWS_REGION, but the SDK reads AWS_DEFAULT_REGION.
    named = region or env.get("AWS_DEFAULT_REGION") or env.get("AWS_REGION")
    try:
        boto3.setup_default_session(region_name=named or None, profile_name=profile or None)
        known = boto3.DEFAULT_SESSION is not None and boto3.DEFAULT_SESSION.region_name
    except BotoCoreError as error:
        raise SettingsError(f"The AWS configuration cannot be used: {one_line(error)}.") from error
    if not known:
        raise SettingsError("There is no Region: set AWS_REGION, or give --region.")


def services(cluster: str) -> list[str]:
    """The names of all services of the cluster. Raises UnseenError."""
    client = clients.ecs_reader()
    resource = arn(client, "ecs", f"cluster/{last_segment(cluster)}")
    params: dict[str, Any] = {"cluster": cluster, "maxResults": PAGE}
    found: list[str] = []
    while True:
        answer = call("ecs:ListServices", resource, lambda: client.list_services, **params)
        arns = required(answer, "ecs:ListServices", resource, "serviceArns")
        found += [last_segment(each) for each in arns]
        if not answer.get("nextToken"):
            return sorted(found)
        params["nextToken"] = answer["nextToken"]


def invoke(function: str, event: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    """The function's answer. Raises InvokeError.

    Every event may be sent twice, so what is throttled or fails on its way is tried again. What
    does not answer in time is not: the function may still be at work.
    """
    deadline = Deadline(time.monotonic() + timeout)
    sending = ThreadPoolExecutor(1, "invoke").submit(_invoke, function, event, timeout + LATER)
    try:
        failed, payload = result_by(deadline, sending)
    except TimeoutError as error:
        raise InvokeError(
            f"lambda:InvokeFunction on {function}: no answer within {timeout:g} s. The function "
            "may still be at work: give it more --timeout."
        ) from error
    except ClientError as error:
        code, message = code_and_message(error)
        raise InvokeError(f"lambda:InvokeFunction on {function}: {code} ({message}).") from error
    except (*AwsFailure, OSError) as error:
        raise InvokeError(f"lambda:InvokeFunction on {function}: {one_line(error)}.") from error
    return _answer(function, failed, payload)


def _invoke(function: str, event: Mapping[str, Any], timeout: float) -> tuple[str | None, bytes]:
    """What kind of error it is, or None, and the answer."""
    client = boto3.client(
        "lambda",
        config=Config(
            connect_timeout=clients.CONNECT_TIMEOUT,
            read_timeout=timeout,
            retries={"mode": "standard", "total_max_attempts": 3},
        ),
    )
    answer = client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
    return answer.get("FunctionError"), answer["Payload"].read()


def _answer(function: str, failed: str | None, payload: bytes) -> dict[str, Any]:
    try:
        document = json.loads(payload)
    except ValueError:
        document = None
    if failed:
        held = document if isinstance(document, dict) else {}
        said = f"{held.get('errorType', failed)}: {held.get('errorMessage', 'no message')}"
        raise InvokeError(f"The function {function} failed: {said}")
    if not isinstance(document, dict) or "outcome" not in document:
        raise InvokeError(f"The function {function} is another one: its answer has no outcome.")
    return document
