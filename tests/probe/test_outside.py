"""The probes of endpoints and certificates raise nothing, whatever they are given."""

from __future__ import annotations

import time

import pytest

from discovery.deadline import Deadline
from discovery.probe import http, tls
from simulator import WebHost


@pytest.mark.parametrize(
    "url",
    [
        "https://shop..example.com/",
        f"http://{'a' * 64}.example.com/",
        "http://x:80800/",
        "http://localhost:port/",
        "http://[/",
        "http://localhost:1/\x00",
    ],
)
def test_an_address_that_cannot_be_used_is_a_fault(url: str) -> None:
    """Python raises another kind of error for each of them, before it connects."""
    answer = http.probe(url, Deadline(time.monotonic() + 10))
    assert (url, 0) == (answer.url, answer.status)
    assert answer.fault


@pytest.mark.parametrize("host", ["shop..example.com", "a" * 64, ".", "\x00"])
def test_a_name_that_no_host_can_have_is_a_fault(host: str) -> None:
    """Nothing was connected to."""
    view = tls.probe(host, 443, Deadline(time.monotonic() + 10))
    assert (host, False) == (view.host, view.connected)
    assert view.fault


def test_a_path_in_any_language_is_requested_as_a_browser_does() -> None:
    """In UTF-8, with a percent sign; what was encoded before stays."""
    with WebHost(plain=True) as web:
        answer = http.probe(f"{web.url}/café%20x?q=é&r=a/b", Deadline(time.monotonic() + 10))
        paths = [each.path for each in web.requests]
    assert (200, ["/caf%C3%A9%20x?q=%C3%A9&r=a/b"]) == (answer.status, paths)
