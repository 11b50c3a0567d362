"""What we read from botocore: answers before it reads them, exceptions as plain words."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
)
from botocore.parsers import ResponseParserError

from discovery.text import one_line

if TYPE_CHECKING:
    from types_boto3_ecs.client import ECSClient

# What botocore raises of its own; ResponseParserError is outside its family.
AwsFailure = (BotoCoreError, ClientError, ResponseParserError)

_REMEDIES = {
    "ClusterNotFoundException": "set ECS_CLUSTER_NAME to a cluster of this account and region",
    "ServiceNotFoundException": "set ECS_SERVICE_NAME to a service of this cluster",
    "ServiceNotActiveException": "set ECS_SERVICE_NAME to a service that is active",
    "ResourceNotFoundException": "set REDIS_SECRET_ARN to a secret of this account and region",
    "AccessDeniedException": "grant the action to the function's role",
    "UnauthorizedOperation": "grant the action to the function's role",
    "DecryptionFailure": "grant kms:Decrypt on the secret's key to the function's role",
    "ThrottlingException": "the account's calls are used up; the next run tries again",
    "RequestLimitExceeded": "the account's calls are used up; the next run tries again",
}


def read_early(client: ECSClient) -> ECSClient:
    """Let the JSON answers of this ECS client be read by `_read` before botocore does.

    botocore walks through each value with its description beside it: half of the CPU of a
    run of 5,000 tasks. Times stay the numbers that they are in the JSON.
    """
    client.meta.events.register("before-parse.ecs", _read)
    return client


def _read(response_dict: Any, customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Put the answer into `customized_response_dict`, which botocore merges into its own.

    Errors, and what is no JSON, are left to it: its retries depend on them. JSON of another
    shape would make it stumble, and is an empty answer here.
    """
    if response_dict["status_code"] != HTTPStatus.OK:
        return
    try:
        told = json.loads(response_dict["body"])
    except (ValueError, RecursionError):
        return
    customized_response_dict.update(told if isinstance(told, dict) else {})
    response_dict["body"] = b"{}"


def explain(error: Exception) -> str:
    """The code and message that AWS gave, and what to do about it."""
    if isinstance(error, ClientError):
        told = error.response.get("Error", {})
        code = told.get("Code", "no code")
        remedy = _REMEDIES.get(code, "the next run tries again")
        message = one_line(told.get("Message", "no message"))
        return f"answered {one_line(code)} ({message}): {remedy}"
    if isinstance(error, (HTTPClientError, ConnectionError)):
        return (
            f"did not answer ({one_line(error)}): check that the subnets have the interface "
            "endpoint or a NAT gateway, and that the security groups let port 443 through"
        )
    if isinstance(error, (NoCredentialsError, NoRegionError)):
        return f"was not called ({one_line(error)}): give the function a role and a region"
    return f"gave an answer that cannot be read ({one_line(error)}): the next run tries again"
