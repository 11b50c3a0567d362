"""What an environment makes anew if Lambda has started it from a snapshot (SnapStart).

Several environments start from one snapshot, which holds whatever the process had made by then:
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-uniqueness.html
"""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Callable

from discovery.aws import clients


def on_restore(*forget: Callable[[], None]) -> None:
    """Call these after each restore; seed `random` anew and forget credentials besides.

    Lambda has the module for this from Python 3.12 on, and nothing else has it:
    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
    """
    with suppress(ImportError):
        from snapshot_restore_py import register_after_restore  # noqa: PLC0415 (it may be absent)

        for each in (random.seed, clients.forget_credentials, *forget):
            register_after_restore(each)
