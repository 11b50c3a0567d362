"""Which listings have to look at each task, and at which others: what Redis keeps of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from redis_helpers import ONE, PREFIX, a_registry, acquired, publication, state

if TYPE_CHECKING:
    from simulator import Simulator

STATE = f"{PREFIX}:state"


def test_a_full_request_is_answered_by_the_run_that_holds_the_lease(aws: Simulator) -> None:
    """Law 3: what the schedule requests while another run lists is answered by a full listing
    that begins afterwards, and by no other one."""
    run, tick = a_registry(aws), a_registry(aws, "the schedule")
    run.request(full=True)
    assert acquired(run).full
    run.request(full=False)
    first = acquired(run)
    assert first.full, "the one before was not published"
    run.publish(*publication(first))
    run.request(full=False)
    second = acquired(run)
    assert not second.full
    assert not tick.request(full=True)
    answer = run.publish(*publication(second))
    assert not cast("Any", answer).released
    third = acquired(run)
    assert third.full
    assert cast("Any", run.publish(*publication(third))).released
    run.request(full=False)
    assert not acquired(run).full


def test_a_task_that_an_event_named_is_looked_at_by_whichever_run_answers(
    aws: Simulator,
) -> None:
    """Law 3: another run's next listing looks at it, and one that had begun before does not
    count. After that it is taken as known again."""
    run, event = a_registry(aws), a_registry(aws, "an event")
    run.publish(*publication(acquired(run)))
    run.request(full=False)
    begun = acquired(run)
    assert {"a": 5.0} == begun.state.confirmed
    assert not event.request(full=False, named={"a", "b"})
    run.publish(*publication(begun))
    after = acquired(run)
    assert ({}, {"a"}) == (after.state.confirmed, set(after.state.entries))
    assert not after.full
    run.publish(*publication(after))
    assert {"a": 5.0} == acquired(run).state.confirmed


def test_more_names_than_redis_keeps_lead_to_a_full_listing(aws: Simulator) -> None:
    """What names the tasks stays small: with hundreds of them each task is looked at."""
    registry = a_registry(aws)
    registry.publish(*publication(acquired(registry)))
    registry.request(full=False, named={f"{number:032}" for number in range(200)})
    assert not acquired(registry).full
    registry.request(full=False, named={f"{number:032}" for number in range(200, 400)})
    assert acquired(registry).full


def test_a_name_from_far_ahead_counts_once(aws: Simulator) -> None:
    """Nobody has written it here: it is not kept, or each listing would look at that task."""
    registry, redis = a_registry(aws), aws.valkey.client()
    registry.publish(*publication(acquired(registry)))
    redis.hset(STATE, "named", "a=9999999999999999 ")
    grant = acquired(registry)
    assert {} == grant.state.confirmed
    registry.publish(*publication(grant))
    assert ("", {"a": 5.0}) == (state(aws)["named"], acquired(registry).state.confirmed)


def test_a_listing_after_a_minute_is_full(aws: Simulator) -> None:
    """Without a schedule, too, no task is taken as known for much longer than a minute."""
    registry, redis = a_registry(aws), aws.valkey.client()
    registry.publish(*publication(acquired(registry)))
    full: Any = redis.hget(STATE, "full")
    for age, due in ((50_000, False), (61_000, True)):
        redis.hset(STATE, "full", int(full) - age)
        registry.request(full=False)
        assert due is acquired(registry).full


def test_only_a_full_listing_counts_as_one(aws: Simulator) -> None:
    """A listing of what may have changed puts the next full one off by nothing."""
    registry, redis = a_registry(aws), aws.valkey.client()
    registry.publish(*publication(acquired(registry)))
    before = redis.hget(STATE, "full")
    registry.publish(*publication(acquired(registry)))
    assert before == redis.hget(STATE, "full") != redis.hget(STATE, "listing")


def test_both_kinds_of_listings_have_their_own_cost(aws: Simulator) -> None:
    """The rate limit expects of each kind what the last one of that kind took."""
    registry = a_registry(aws)
    full = acquired(registry)
    registry.publish(full, full.state, ONE, 10)
    quick = acquired(registry)
    registry.publish(quick, quick.state, ONE, 6)
    assert ("10", "6") == (state(aws)["full_calls"], state(aws)["calls"])
