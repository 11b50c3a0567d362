"""From a manual event's fields to what a diagnosis looks at. Pure, and strict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from discovery.events import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKS = ("tasks", "targets", "list", "endpoints", "logs")
# Of stopped tasks, without the rest of the window. The function always looks at both.
LAST_LINES = "last_lines"
MOST_MINUTES = 7 * 24 * 60
MOST_GROUPS = 1_000
_LIMITS = {"minutes": (1, MOST_MINUTES), "limit": (1, MOST_GROUPS)}


class Request(NamedTuple):
    """How far back a diagnosis looks, at how many groups of errors, and at what."""

    minutes: int = 60
    limit: int = 200
    checks: tuple[str, ...] = CHECKS


def request(params: Mapping[str, Any]) -> Request:
    """Raises InvalidEventError naming the field.

    No field names an address: the function sits inside the VPC, and whoever may invoke it must
    not be able to make it connect somewhere. Addresses come from the configuration.
    """
    for name, value in params.items():
        if name not in _LIMITS:
            raise invalid(name, value, "no such field: a diagnosis takes minutes, limit")
        low, high = _LIMITS[name]
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not low <= value <= high:
            raise invalid(name, value, f"a whole number from {low} to {high}")
    return Request(**params)
