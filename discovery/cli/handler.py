"""One event, answered by a deployed function, or by the handler in this process.

Both take the same events, so a command means the same here and there.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from discovery.cli import aws

if TYPE_CHECKING:
    from collections.abc import Mapping


class Context:
    """The part of Lambda's context that the handler uses: the time that is left."""

    def __init__(self, timeout: float) -> None:
        self._end = time.monotonic() + timeout

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._end - time.monotonic()) * 1000))


def here(event: Mapping[str, Any], env: Mapping[str, str], timeout: float) -> dict[str, Any]:
    """The handler's answer with these variables. Raises DiscoveryError."""
    import lambda_function  # noqa: PLC0415 (a command for a deployed function needs none of it)

    os.environ.update(env)
    return lambda_function.lambda_handler(dict(event), Context(timeout))


def answer(event: Mapping[str, Any], options: Any, env: Mapping[str, str]) -> dict[str, Any]:
    """The answer to an event. Raises DiscoveryError."""
    if options.function:
        return aws.invoke(options.function, event, options.timeout)
    return here(event, env, options.timeout)
