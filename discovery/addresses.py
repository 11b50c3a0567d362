"""Addresses: their order, and how two lists differ. Pure."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from discovery.model import Entry

_NO_ADDRESS = 255  # sorts behind the address families


def sort_key(ip: str) -> tuple[int, bytes]:
    """Orders addresses as numbers, IPv4 first: 10.0.0.9 before 10.0.0.10."""
    try:
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        return family, socket.inet_pton(family, ip)
    except (OSError, ValueError):
        return _NO_ADDRESS, ip.encode("utf-8", "replace")


def is_address(ip: str) -> bool:
    """Whether it is an address. Connecting to anything else would query a name server."""
    return sort_key(ip)[0] != _NO_ADDRESS


def in_order(ips: Iterable[str]) -> list[str]:
    return sorted(ips, key=sort_key)


def changes(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> tuple[list[str], list[str]]:
    """The addresses that were added and those that were removed."""
    old = {entry.endpoint.host for entry in before.values()}
    new = {entry.endpoint.host for entry in after.values()}
    return in_order(new - old), in_order(old - new)
