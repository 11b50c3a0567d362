"""What an environment makes at its init, and anew if Lambda starts it from a snapshot (SnapStart).

Several environments start from one snapshot, which holds whatever the process had made by then:
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-uniqueness.html
"""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable

from discovery.aws import clients

if TYPE_CHECKING:
    from collections.abc import Mapping
    from functools import _lru_cache_wrapper


def forget_on_restore(*made: _lru_cache_wrapper[Any]) -> None:
    """After each restore let these make their values anew, credentials too, and seed `random`."""
    for each in (random.seed, clients.forget_credentials, *(each.cache_clear for each in made)):
        _after_restore(each)


def prepare(make: Callable[[], Any], env: Mapping[str, str]) -> None:
    """In Lambda, call this now, as the init has a whole CPU, and again after each restore.

    A command line does not pay for what it may not need:
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html has Lambda's variables.
    """
    if "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" in env:
        make()
        _after_restore(make)


def _after_restore(hook: Callable[[], Any]) -> None:
    """Have Lambda call this, from Python 3.12 on. Nothing else has its module:
    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
    """
    with suppress(ImportError):
        from snapshot_restore_py import register_after_restore  # noqa: PLC0415 (it may be absent)

        register_after_restore(hook)
