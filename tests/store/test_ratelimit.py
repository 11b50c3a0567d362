"""The rate limit: a token bucket in the script, so that only a long storm waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders import entries
from redis_helpers import PREFIX, a_registry

from discovery.deadline import Deadline
from discovery.model import Decision, Grant, RetryAfter
from discovery.store.registry import Registry

if TYPE_CHECKING:
    from simulator import Simulator

EMPTY = Decision(entries(), (), frozenset(), 0, 0, degraded=False, settled=True)


def listing(registry: Registry, calls: int, urgent: bool = True) -> float:
    """One listing that takes so many calls; the seconds that it would have had to wait."""
    registry.request(full=False, named={"a"} if urgent else set())
    answer = registry.acquire()
    if isinstance(answer, RetryAfter):
        return answer.seconds
    assert isinstance(answer, Grant)
    registry.publish(answer, answer.state, EMPTY, calls)
    return 0.0


def spent(aws: Simulator) -> float:
    """The calls that are missing from the bucket, at 108 ms each."""
    left: Any = aws.valkey.client().pttl(f"{PREFIX}:ratelimit")
    return float(max(0, left)) / 108


def test_a_burst_of_listings_does_not_wait(aws: Simulator) -> None:
    """The bucket is full at the start: 20 listings of two calls begin at once, the next waits."""
    registry = a_registry(aws)
    waits = [listing(registry, 2) for _ in range(20)]
    assert [0.0] * 20 == waits
    assert 0.0 < listing(registry, 2) <= 0.22


def test_half_of_the_bucket_is_kept_for_tasks_that_run(aws: Simulator) -> None:
    """Listings for other events wait as soon as half of the bucket is used up. An event that
    names a running task begins at once, and so does a full listing."""
    registry = a_registry(aws)
    waits = [listing(registry, 2, urgent=False) for _ in range(10)]
    assert [0.0] * 10 == waits
    assert 0.0 < listing(registry, 2, urgent=False) <= 0.22
    assert 0.0 == listing(registry, 2)
    assert 0.0 < listing(registry, 2, urgent=False) <= 0.44
    registry.request(full=True)
    assert isinstance(registry.acquire(), Grant)


def test_a_listing_that_was_larger_than_expected_is_paid_for_afterwards(aws: Simulator) -> None:
    """What a publication reports replaces what was expected, in both directions."""
    registry = a_registry(aws)
    listing(registry, 100)
    assert spent(aws) == pytest.approx(100, abs=3)
    aws.valkey.client().delete(f"{PREFIX}:ratelimit")
    listing(registry, 2)
    assert spent(aws) == pytest.approx(2, abs=2)


def test_a_listing_larger_than_the_bucket_waits_until_it_is_full(aws: Simulator) -> None:
    """5,000 tasks take 100 calls: the next listing waits for all of them, and then begins."""
    registry = a_registry(aws)
    listing(registry, 100)
    wait = registry.acquire()
    assert isinstance(wait, RetryAfter)
    assert wait.seconds == pytest.approx(10.8, abs=0.3)
    aws.valkey.client().delete(f"{PREFIX}:ratelimit")  # as if the time had passed
    granted = registry.acquire()
    assert isinstance(granted, Grant)
    assert granted.wait == pytest.approx(10.8, abs=0.3)


@pytest.mark.parametrize("calls_per_second", [1.0, 2.5, 10.0, 20.0])
def test_no_minute_takes_more_than_its_calls(aws: Simulator, calls_per_second: float) -> None:
    """A minute that begins with a full bucket stays within ECS_CALLS_PER_SECOND on average."""
    registry = Registry(a_registry(aws)._client, "k", "{k}", 0, calls_per_second, Deadline(0), "o")
    most = registry._burst + 60_000 / registry._call_costs
    assert most <= max(60 * calls_per_second, 60)


def test_a_key_that_was_written_by_hand_blocks_nobody_for_long(aws: Simulator) -> None:
    """Without an expiry, or with one of a year, it counts as absent."""
    for expiry in ({}, {"px": 365 * 86_400_000}):
        aws.valkey.client().set(f"{PREFIX}:ratelimit", "x", **expiry)  # type: ignore[arg-type]
        assert isinstance(a_registry(aws).acquire(), Grant)
        aws.valkey.client().delete(f"{PREFIX}:lease", f"{PREFIX}:ratelimit")
