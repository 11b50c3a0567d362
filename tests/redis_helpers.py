"""What other programs see of the registry, and settings that make a test quick."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from builders import entries
from conftest import KEY

from discovery.deadline import Deadline
from discovery.model import Decision, Grant
from discovery.store.client import ScriptClient, open_client
from discovery.store.registry import Registry
from simulator.valkey import VERSION

if TYPE_CHECKING:
    from discovery.model import PublishedState
    from simulator import Service, Simulator

PREFIX = "{" + KEY + "}"
ONE = Decision(
    entries(a="10.0.0.1"), (), frozenset(), 1, 1, degraded=False, settled=True, confirmed={"a": 5.0}
)


def a_registry(aws: Simulator, owner: str = "a run") -> Registry:
    port = aws.valkey.port
    connection = ScriptClient(
        lambda: open_client("127.0.0.1", port, False, False, None), "Redis", None
    )
    return Registry(connection, KEY, PREFIX, 0, 10, Deadline(time.monotonic() + 30), owner)


def acquired(registry: Registry) -> Grant:
    """A grant, where nothing stands in its way."""
    grant = registry.acquire()
    assert isinstance(grant, Grant)
    return grant


def publication(grant: Grant) -> tuple[Grant, PublishedState, Decision, int]:
    """What publishes one task, which is then confirmed, for Registry.publish."""
    return grant, grant.state, ONE, 2


def quick(aws: Simulator, service: Service, **overrides: str | None) -> dict[str, str]:
    """Settings with short waits between rounds and for a connect."""
    waits = {"RETRY_INTERVAL": "0.1", "HEALTH_CHECK_TIMEOUT": "0.2"}
    return aws.settings(service, KEY, **(waits | overrides))


def text(aws: Simulator, key: str = KEY) -> str | None:
    """The list as it is stored, to the byte."""
    stored: str | None = aws.valkey.client().get(key)  # type: ignore[assignment]
    return stored


def items(aws: Simulator, key: str = KEY) -> list[dict[str, Any]]:
    """What a reader makes of the list."""
    stored = text(aws, key)
    assert stored is not None
    read: list[dict[str, Any]] = json.loads(stored)
    return read


def state(aws: Simulator, stem: str = PREFIX) -> dict[str, str]:
    """What a careful reader gets beside it."""
    stored: dict[str, str] = aws.valkey.client().hgetall(f"{stem}:state")  # type: ignore[assignment]
    return stored


def rest(aws: Simulator) -> None:
    """As if time had passed since the last listing, so that the next need not wait."""
    aws.valkey.client().delete(f"{PREFIX}:ratelimit")


def everything(aws: Simulator) -> dict[str, tuple[Any, int]]:
    """Each key's whole value and the moment it expires: equal only if nothing was written."""
    client: Any = aws.valkey.client()
    read = {
        "string": client.get,
        "hash": client.hgetall,
        "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }
    # Before Redis 7.0 no command has the moment.
    expiry = client.pexpiretime if VERSION >= (7, 0) else lambda key: client.ttl(key) >= 0
    return {key: (read[client.type(key)](key), expiry(key)) for key in sorted(client.keys())}


class Subscriber:
    """A program that follows the changes on a channel, from now on."""

    def __init__(self, aws: Simulator, channel: str = KEY) -> None:
        self._client: Any = aws.valkey.client()
        self._channel = channel
        options = {"ignore_subscribe_messages": True}
        self._subscription: Any = self._client.pubsub(**options)  # type: ignore[no-untyped-call]
        self._subscription.subscribe(channel)

    def messages(self) -> list[dict[str, Any]]:
        """What came since the last look."""
        self._client.publish(self._channel, "so far")
        texts = iter(self._next, "so far")
        return [json.loads(text) for text in texts]

    def _next(self) -> str:
        while (message := self._subscription.get_message(timeout=5.0)) is None:
            pass
        said: str = message["data"]
        return said
