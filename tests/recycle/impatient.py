"""The function, but a recycle looks again 0.1 s after an act, in place of 2 s.

For tests whose promise is not the pace. test_recycle_function.py has the real one.
"""

from __future__ import annotations

from discovery.recycle import machine, restore
from lambda_function import lambda_handler

__all__ = ["lambda_handler"]

machine.RETRY = restore.RETRY = 0.1
