"""The text of a secret, from Secrets Manager."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Callable

from discovery.aws.errors import AwsFailure, explain
from discovery.errors import SecretError
from discovery.text import one_line

if TYPE_CHECKING:
    from types_boto3_secretsmanager.client import SecretsManagerClient

log = logging.getLogger(__name__)

_OPERATION = "secretsmanager:GetSecretValue"


def fetch(client: Callable[[], SecretsManagerClient], arn: str) -> str:
    """The secret's text. Raises SecretError."""
    try:
        answer = client().get_secret_value(SecretId=arn)
    except AwsFailure as error:
        raise SecretError(f"{_OPERATION} for {arn} {explain(_OPERATION, error)}.") from error
    text = answer.get("SecretString")
    if text is None and "SecretBinary" in answer:
        text = answer["SecretBinary"].decode("utf-8", "replace")
    if text is None:  # botocore reads a broken answer as an empty one
        raise SecretError(
            f"{_OPERATION} for {arn} answered without a secret: the next run tries again."
        )
    log.info("fetched secret %s, version %s", arn, one_line(answer.get("VersionId")))
    return text
