"""The Redis password, on its way from the secret to redis-py, and nowhere else.

redis-py requests it for each new connection and gets the cached one. When the server refuses it,
the secret is fetched once more, so a rotation needs no restart.
"""

from __future__ import annotations

import json
from typing import Callable, Union

from redis.credentials import CredentialProvider

from discovery.errors import SecretError
from discovery.text import one_line

# As redis-py sends them: AUTH password, or AUTH username password.
Credentials = Union[tuple[str], tuple[str, str]]

PASSWORD_KEYS = ("password", "redis_password", "auth_token", "authtoken", "token", "secret")


class SecretCredentials(CredentialProvider):
    """Serves one secret, which is fetched when it is first needed."""

    def __init__(self, fetch: Callable[[], str], arn: str) -> None:
        self._fetch, self._arn = fetch, arn
        self.cached: Credentials | None = None

    def renew(self, refused: Credentials | None) -> bool:
        """Fetch the secret, unless another thread has. Does it differ from the refused one?

        Raises SecretError.
        """
        if self.cached == refused:
            self.cached = parse_secret(self._fetch(), self._arn)
        return self.cached != refused

    def get_credentials(self) -> Credentials:
        return self.cached or ("",)


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
        raise SecretError(f"secret {arn} begins like a JSON object, but is none: correct it.")
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
