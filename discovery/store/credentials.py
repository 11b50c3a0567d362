"""The Redis password: from Secrets Manager to redis-py, and nowhere else.

redis-py asks for it on each new connection and gets the cached one; a server
that refuses it makes us look at the secret once more, so a rotation needs no restart.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Callable, Union

from redis.credentials import CredentialProvider

from discovery.aws.errors import AwsFailure, explain
from discovery.errors import SecretError
from discovery.text import one_line

if TYPE_CHECKING:
    from types_boto3_secretsmanager.client import SecretsManagerClient

log = logging.getLogger(__name__)

# As redis-py sends them: AUTH password, or AUTH username password.
Credentials = Union[tuple[str], tuple[str, str]]

PASSWORD_KEYS = ("password", "redis_password", "auth_token", "authtoken", "token", "secret")


class SecretCredentials(CredentialProvider):
    """Serves one secret, which is fetched when it is first needed."""

    def __init__(self, client: Callable[[], SecretsManagerClient], arn: str) -> None:
        self._client, self._arn = client, arn
        self.cached: Credentials | None = None

    def renew(self, refused: Credentials | None) -> bool:
        """Fetch the secret, unless another thread has; is it another than the one refused?

        Raises SecretError.
        """
        if self.cached == refused:
            self.cached = self._fetch()
        return self.cached != refused

    def get_credentials(self) -> Credentials:
        return self.cached or ("",)

    def _fetch(self) -> Credentials:
        try:
            answer = self._client().get_secret_value(SecretId=self._arn)
        except AwsFailure as error:
            raise SecretError(
                f"secretsmanager:GetSecretValue for {self._arn} {explain(error)}."
            ) from error
        text = answer.get("SecretString")
        if text is None and "SecretBinary" in answer:
            text = answer["SecretBinary"].decode("utf-8", "replace")
        if text is None:  # botocore reads a broken answer as an empty one
            raise SecretError(
                f"secretsmanager:GetSecretValue for {self._arn} answered without a secret: "
                "the next run tries again."
            )
        log.info("secret %s fetched, version %s", self._arn, one_line(answer.get("VersionId")))
        return parse_secret(text, self._arn)


def parse_secret(text: str, arn: str) -> Credentials:
    """The credentials in a secret: a plain string, or JSON with one of PASSWORD_KEYS.

    Raises SecretError naming the keys that the secret has, never their values.
    """
    text = text.strip()
    if not text:
        raise SecretError(f"secret {arn} is empty: put the password in it.")
    if not text.startswith("{"):
        return (text,)
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        # Not chained: the decoder's error carries the text.
        held = None
    if not isinstance(held, dict):
        raise SecretError(f"secret {arn} begins like a JSON object and is none: mend it.")
    values = {key.lower(): value for key, value in held.items()}
    for key in PASSWORD_KEYS:
        if isinstance(values.get(key), str) and values[key]:
            username = values.get("username")
            if isinstance(username, str) and username:
                return (username, values[key])
            return (values[key],)
    raise SecretError(
        f"secret {arn} holds no password, only {one_line(sorted(held))}: put it under 'password' "
        f"(or one of {', '.join(PASSWORD_KEYS[1:])}), as text that is not empty."
    )
