"""What botocore's exceptions mean to the person on call."""

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


def explain(error: Exception) -> str:
    """The code and message that AWS gave, and what to do about it."""
    if isinstance(error, ClientError):
        told = error.response.get("Error", {})
        code = told.get("Code", "no code")
        remedy = _REMEDIES.get(code, "the next run tries again")
        return f"answered {code} ({told.get('Message', 'no message')}): {remedy}"
    if isinstance(error, (HTTPClientError, ConnectionError)):
        return (
            f"did not answer ({error}): check that the subnets have the interface endpoint "
            "or a NAT gateway, and that the security groups let port 443 through"
        )
    if isinstance(error, (NoCredentialsError, NoRegionError)):
        return f"was not called ({error}): give the function a role and a region"
    return f"gave an answer that cannot be read ({error}): the next run tries again"
