"""What an SDK error means, and what to do about it, in plain words."""

from __future__ import annotations

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

# What botocore raises itself; ResponseParserError is outside its family.
AwsFailure = (BotoCoreError, ClientError, ResponseParserError)

_THROTTLED = "the account's call budget is used up; the next run tries again"
_DENIED = "grant the action to the function's role"
_NEXT_RUN = "the next run tries again"

# By operation and code; "" stands for every operation.
_REMEDIES = {
    ("", "AccessDeniedException"): _DENIED,
    ("", "UnauthorizedOperation"): _DENIED,
    ("", "ThrottlingException"): _THROTTLED,
    ("", "RequestLimitExceeded"): _THROTTLED,
    ("", "ClusterNotFoundException"): (
        "set ECS_CLUSTER_NAME to a cluster of this account and region"
    ),
    ("", "ServiceNotFoundException"): "set ECS_SERVICE_NAME to a service of this cluster",
    ("", "ServiceNotActiveException"): "set ECS_SERVICE_NAME to an active service",
    ("secretsmanager:GetSecretValue", "ResourceNotFoundException"): (
        "set REDIS_SECRET_ARN to a secret of this account and region"
    ),
    ("secretsmanager:GetSecretValue", "DecryptionFailure"): (
        "grant kms:Decrypt on the secret's key to the function's role"
    ),
}


def code_and_message(error: ClientError) -> tuple[str, str]:
    """What AWS answered, each on one line."""
    answer = error.response.get("Error", {})
    return one_line(answer.get("Code", "no code")), one_line(answer.get("Message", "no message"))


def explain(operation: str, error: Exception) -> str:
    """The code and message that AWS gave, and the remedy. `operation` is an IAM action."""
    if isinstance(error, ClientError):
        code, message = code_and_message(error)
        remedy = _REMEDIES.get((operation, code)) or _REMEDIES.get(("", code), _NEXT_RUN)
        return f"answered {code} ({message}): {remedy}"
    if isinstance(error, (HTTPClientError, ConnectionError)):
        return (
            f"did not answer ({one_line(error)}): check that the subnets have the interface "
            "endpoint or a NAT gateway, and that the security groups let port 443 through"
        )
    if isinstance(error, (NoCredentialsError, NoRegionError)):
        return f"was not called ({one_line(error)}): give the function a role and a region"
    return f"gave an answer that cannot be read ({one_line(error)}): {_NEXT_RUN}"
