"""The Redis client: its retries and timeouts, its errors in plain words."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Union

from redis import Redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    MovedError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from discovery.deadline import Deadline, result_by
from discovery.errors import RegistryError, SecretError
from discovery.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from redis.cluster import ClusterNode

    from discovery.store.credentials import Credentials, SecretCredentials
    from discovery.store.scripts import Script

Client = Union[Redis, RedisCluster]

# Seconds. A script takes milliseconds even for 5,000 tasks; waiting longer for a server that does
# not answer in this time would not help.
CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 2.0


def open_client(
    host: str, port: int, tls: bool, cluster: bool, credentials: SecretCredentials | None
) -> Client:
    """A client that tries each command twice, as connections die while Lambda is frozen.

    A cluster's client connects at once. The protocol is RESP2: RESP3 costs a HELLO, and nothing
    here needs it.
    """
    options: Any = {
        "host": host,
        "port": port,
        "ssl": tls,
        "credential_provider": credentials,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "socket_timeout": READ_TIMEOUT,
        "retry": _RetryUnlessRefused(NoBackoff(), 1),
        "protocol": 2,
        "decode_responses": True,
        "encoding_errors": "replace",  # anybody may have written the keys
    }
    if cluster:
        # An ElastiCache endpoint is a name for all nodes: keep asking it.
        return RedisCluster(dynamic_startup_nodes=False, **options)
    return Redis(**options)


class _RetryUnlessRefused(Retry):
    """A password that was refused would be refused again, and each attempt may count."""

    def call_with_retry(
        self, do: Callable[[], Any], fail: Callable[..., Any], *args: Any, **options: Any
    ) -> Any:
        options["is_retryable"] = lambda error: not isinstance(error, AuthenticationError)
        return super().call_with_retry(do, fail, *args, **options)


_TOO_LITTLE = "denies this user a command or key: docs/contract.md lists those that it needs"
_NOT_LOGGED_IN = "wants a password: set REDIS_SECRET_ARN"
_UNREACHABLE = "cannot be reached: check REDIS_HOST, REDIS_PORT, the security groups, and REDIS_TLS"

# The first that fits; the kinds overlap, as redis-py derives most from ConnectionError.
_REMEDIES = (
    (BusyLoadingError, "", "is loading its data: the next run tries again"),
    (AuthenticationError, "Authentication required", _NOT_LOGGED_IN),
    # From a server that checks a command's length before it checks the user.
    (ResponseError, "unauthenticated multibulk length", _NOT_LOGGED_IN),
    (
        AuthenticationError,
        "without any password",
        "has no password, but was sent one: enable AUTH there, or unset REDIS_SECRET_ARN",
    ),
    (
        AuthenticationError,
        "",
        (
            "refused the password, even after the secret was fetched again: put the server's "
            "password into the secret that REDIS_SECRET_ARN names"
        ),
    ),
    (
        ResponseError,
        "unknown command 'AUTH'",
        "does not know AUTH: unset REDIS_SECRET_ARN, or see whether REDIS_PORT is that of a Redis",
    ),
    (NoPermissionError, "", _TOO_LITTLE),
    (OutOfMemoryError, "", "is full: raise its memory or free some; the list stays as it was"),
    (ReadOnlyError, "", "is a replica: point REDIS_HOST at the primary endpoint"),
    (MovedError, "", "is a cluster: set REDIS_CLUSTER to true"),
    (RedisClusterException, "", "did not answer as a cluster: see REDIS_HOST and REDIS_CLUSTER"),
    (
        RedisConnectionError,
        "CERTIFICATE_VERIFY_FAILED",
        "has a certificate that is not trusted: REDIS_HOST must be a name in that certificate",
    ),
    (RedisTimeoutError, "Timeout connecting", _UNREACHABLE),
    (RedisTimeoutError, "", f"did not answer within {READ_TIMEOUT:g} s, twice"),
    ((OSError, RedisConnectionError), "", _UNREACHABLE),
)


def _explain(error: Exception) -> str:
    for kind, part, meaning in _REMEDIES:
        if isinstance(error, kind) and part in str(error):
            return f"{meaning} ({one_line(error)})."
    return f"failed a command: the next run tries again ({one_line(error)})."


# redis-py cannot classify an error inside a script: Redis 6 wraps its code ("Error running script
# (...): @user_script:42: -READONLY You can't write ..."), and each version has its own words for
# a command, key or channel that the user may not use.
_IN_SCRIPT = (
    ("-READONLY ", ReadOnlyError),
    ("-OOM ", OutOfMemoryError),
    ("-NOPERM ", NoPermissionError),
    ("ACL failure in script", NoPermissionError),
    ("The user executing the script can't", NoPermissionError),
)


def _cause(error: Exception) -> Exception:
    """The server's error, without what the script or the cluster's client wrapped around it."""
    inner = error.__cause__ if isinstance(error.__cause__, RedisError) else error
    text, quoted, _ = str(inner).partition(", with args beginning with")
    if quoted:  # by a server that does not know the command: of AUTH it quotes the password
        return type(inner)(text.replace("`", "'"))
    if isinstance(inner, ResponseError):
        for part, kind in _IN_SCRIPT:
            if part in str(inner):
                return kind(str(inner))
    return inner


def _servers(client: Client) -> list[Redis]:
    """The clients of all nodes that it has talked to."""
    if isinstance(client, Redis):
        return [client]
    nodes: Iterable[ClusterNode] = client.get_nodes()  # type: ignore[no-untyped-call]
    return [node.redis_connection for node in nodes if node.redis_connection]


class ScriptClient:
    """Runs Lua scripts in Redis, each within a deadline. Lives as long as the process."""

    def __init__(
        self,
        connect: Callable[[], Client],
        where: str,
        credentials: SecretCredentials | None,
    ) -> None:
        self._connect, self._where, self._credentials = connect, where, credentials
        self._client: Client | None = None
        self._threads = ThreadPoolExecutor(4, "redis")

    def run(self, script: Script, keys: tuple[str, ...], deadline: Deadline, *args: Any) -> Any:
        """Run the script. Raises RegistryError or SecretError."""
        if self._credentials and not self._credentials.cached:
            self._fetch_secret(deadline, self._credentials)
        sent = self._credentials.cached if self._credentials else None
        try:
            return self._call(script, keys, deadline, *args)
        except RegistryError as error:
            if isinstance(error.__cause__, (ReadOnlyError, RedisClusterException)):
                # After a failover old connections lead to a node that has become a replica. And
                # redis-py 7.0 removes a node from its map for good when a connection to it dies,
                # even the only node. A new client resolves the endpoint's name again.
                self._drop_client()
            elif not (
                isinstance(error.__cause__, AuthenticationError)
                and self._credentials
                and self._fetch_secret(deadline, self._credentials, sent)
            ):
                raise
            return self._call(script, keys, deadline, *args)

    def _drop_client(self) -> None:
        """Let the next call connect anew.

        What another thread's call is using stays open: redis-py fails with a ValueError when a
        connection is closed under it. That call meets the same fault, or its answer.
        """
        client, self._client = self._client, None
        if client:
            for server in _servers(client):
                with suppress(RedisError, OSError):
                    server.connection_pool.disconnect(inuse_connections=False)

    def _fetch_secret(
        self, deadline: Deadline, credentials: SecretCredentials, refused: Credentials | None = None
    ) -> bool:
        try:
            return result_by(deadline, self._threads.submit(credentials.renew, refused))
        except TimeoutError as error:
            raise SecretError(
                "Secrets Manager did not answer in the time left before the deadline: check that "
                "its interface endpoint exists, or raise the function's timeout."
            ) from error

    def _call(self, script: Script, keys: tuple[str, ...], deadline: Deadline, *args: Any) -> Any:
        try:
            return result_by(deadline, self._threads.submit(self._run, script, keys, args))
        except TimeoutError as error:
            raise RegistryError(
                f"{self._where} did not answer in the time left before the deadline ({args[0]}): "
                "check that it is reachable and not overloaded, or raise the function's timeout."
            ) from error

    def _run(self, script: Script, keys: tuple[str, ...], args: tuple[Any, ...]) -> Any:
        sha, text = script
        client = self._client
        try:
            if client is None:
                client = self._client = self._connect()
            try:
                return client.evalsha(sha, len(keys), *keys, *args)
            except NoScriptError:  # a server that has not seen it yet
                return client.eval(text, len(keys), *keys, *args)
        except (RedisError, RedisClusterException, OSError) as error:
            cause = _cause(error)
            message = f"{self._where} {_explain(cause)}"
            raise RegistryError(message, answered=isinstance(cause, ResponseError)) from cause
