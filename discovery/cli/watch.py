"""The list, followed: a message on the channel, or a minute, is the hint to read it again.

docs/contract.md, "Reading the list", says why a reader does both.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

import lambda_function
from discovery.errors import RegistryError
from discovery.settings import from_env
from discovery.store.client import open_client
from discovery.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EVERY = 60.0  # seconds
# Seconds of one wait: Ctrl-C just before a system call that waits shows only after that call.
SLICE = 1.0
PAUSE = 2.0  # seconds before another try, when the connection is lost


def watch(
    env: Mapping[str, str], read: Callable[[], dict[str, Any]], lost: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """What Redis holds now, then after each change, and at least every minute; without an end.

    `read` answers with the status. After the first answer, failures are passed to `lost` and
    tried again; before it they are raised, as DiscoveryError.
    """
    process, service = from_env(env)
    yield read()
    while True:
        try:
            held = lambda_function.credentials(process)
            if held is not None:
                held.renew(None)
            endpoint = (process.redis_host, process.redis_port, process.tls, process.redis_cluster)
            with open_client(*endpoint, held) as client:
                changes: Any = client.pubsub()
                changes.subscribe(service.key)
                while True:
                    # The first message is the answer to the subscription: nothing is missed.
                    _wait(changes)
                    yield read()
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            lost(f"The connection to Redis is lost, and is tried again: {one_line(error)}.")
        except RegistryError as error:
            lost(f"{error}")
        except (ResponseError, RedisError) as error:
            raise RegistryError(
                f"Redis refuses the subscription: {one_line(error)}. Grant +subscribe."
            ) from error
        time.sleep(PAUSE)


def _wait(changes: Any) -> None:
    """Until a message comes, or EVERY has passed."""
    end = time.monotonic() + EVERY
    while not changes.get_message(timeout=SLICE) and time.monotonic() < end:
        pass
