"""Calls of a diagnosis: what AWS refuses is an UnseenError that names action and resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from botocore.exceptions import ClientError

from discovery.aws.errors import AwsFailure, code_and_message
from discovery.inspection import UnseenError
from discovery.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS = {
    "AccessDenied": "permission",
    "AccessDeniedException": "permission",
    "UnauthorizedOperation": "permission",
    "UnrecognizedClientException": "permission",
    "ExpiredTokenException": "permission",
    "ExpiredToken": "permission",
    "InvalidClientTokenId": "permission",
    "Throttling": "throttled",
    "ThrottlingException": "throttled",
    "ResourceNotFoundException": "missing",
    "ClusterNotFoundException": "missing",
    "ServiceNotFoundException": "missing",
    "TargetGroupNotFound": "missing",
}


def call(action: str, resource: str, make: Callable[[], Any], **params: Any) -> Mapping[str, Any]:
    """The answer. Raises UnseenError. `resource` is an ARN; * stands for what is not known."""
    try:
        answer: Mapping[str, Any] = make()(**params)
    except ClientError as error:
        code, message = code_and_message(error)
        why = f"was refused: {code} ({message})"
        raise UnseenError(_KINDS.get(code, "failed"), action, resource, why) from error
    except AwsFailure as error:
        raise UnseenError("failed", action, resource, f"failed: {one_line(error)}") from error
    return answer


def required(answer: Mapping[str, Any], action: str, resource: str, name: str) -> list[Any]:
    """A list that every answer has. Raises UnseenError."""
    value = answer.get(name)
    if not isinstance(value, list):
        raise UnseenError("failed", action, resource, f"answered without {name}")
    return value


def arn(client: Any, service: str, rest: str) -> str:
    """An ARN with * for the account, as a policy may have it."""
    return f"arn:{client.meta.partition}:{service}:{client.meta.region_name}:*:{rest}"
