"""Whatever other hands, or another version, did to the keys: the next run puts it right.

A real server, and the registry as a run uses it.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from builders import NAME, decided, entries, held, opened, snapshot, task
from conftest import KEY
from hypothesis import given
from hypothesis import strategies as st
from junk import fuzz, garbled

from discovery.deadline import Deadline
from discovery.model import Grant, Published
from discovery.store.client import ScriptClient, open_client
from discovery.store.registry import Registry
from simulator import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis import Redis

PREFIX = "{" + KEY + "}"
STATE, LEASE, RATELIMIT, WITHDRAWN = (
    f"{PREFIX}:{n}" for n in ("state", "lease", "ratelimit", "withdrawn")
)
HOUR = 3_600_000  # ms
SEEN = snapshot(task("a", "10.0.0.1"), task("b", "10.0.0.2"))
HEALED = held(a="10.0.0.1", b="10.0.0.2").entries


@pytest.fixture(scope="module")
def valkey() -> Iterator[Valkey]:
    server = Valkey()
    yield server
    server.close()


@pytest.fixture
def redis(valkey: Valkey) -> Redis:
    valkey.flush()
    return valkey.client()


@pytest.fixture(scope="module")
def connection(valkey: Valkey) -> ScriptClient:
    return ScriptClient(
        lambda: open_client("127.0.0.1", valkey.port, tls=False, cluster=False, credentials=None),
        "Redis",
        None,
    )


@pytest.fixture
def registry(connection: ScriptClient) -> Registry:
    deadline = Deadline(time.monotonic() + 3600)
    return Registry(connection, KEY, PREFIX, 0, 10, deadline, owner="a run")


def publish(registry: Registry, redis: Redis) -> int:
    """One run of one round, as sync does it; it takes the place and may start at once."""
    assert registry.request()
    grant = registry.acquire()
    assert isinstance(grant, Grant), grant
    decision = decided(grant.state, SEEN, opened("10.0.0.1", "10.0.0.2"), last=True)
    published = registry.publish(grant, grant.state, decision, SEEN.calls)
    assert isinstance(published, Published), published
    assert registry.release(grant.token), "the run believes in a request that nobody made"
    redis.delete(RATELIMIT)  # the tests do not wait for ECS's sake
    return published.generation


def healed(registry: Registry, redis: Redis) -> None:
    """The next run publishes, and what it leaves is whole: list, state, age, and a run after it."""
    generation = publish(registry, redis)
    state = registry.read()
    assert (generation, HEALED) == (state.generation, state.entries)
    status = registry.status()
    assert (2, 2, False) == (status["running"], status["healthy"], status["degraded"])
    assert [each.endpoint.host for each in HEALED.values()] == [
        item["ip"] for item in status["tasks"]
    ]
    assert publish(registry, redis) > generation


KINDS = {
    "string": ("SET", "\xff not ours"),
    "hash": ("HSET", "generation", "x", "tasks", "[]"),
    "list": ("RPUSH", "a", "b"),
    "set": ("SADD", "a", "b"),
    "zset": ("ZADD", "1", "nobody"),
    "stream": ("XADD", "*", "a", "b"),
}


def put(redis: Redis, key: str, kind: str) -> None:
    """Make the key one of this type, with something in it."""
    redis.delete(key)
    command, *words = KINDS[kind]
    redis.execute_command(command, key, *words)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("kind", KINDS)
def test_a_lease_of_any_type_spoils_no_publication(
    registry: Registry, redis: Redis, kind: str
) -> None:
    """The publication that gives the lease back is whole, whatever the lease's key has become."""
    assert registry.request()
    grant = registry.acquire()
    assert isinstance(grant, Grant), grant
    put(redis, LEASE, kind)
    decision = decided(grant.state, SEEN, opened("10.0.0.1", "10.0.0.2"), last=True)
    assert isinstance(registry.publish(grant, grant.state, decision, SEEN.calls), Published)
    redis.delete(RATELIMIT)
    healed(registry, redis)


@pytest.mark.parametrize("key", [KEY, STATE, LEASE, RATELIMIT, WITHDRAWN])
@pytest.mark.parametrize("kind", KINDS)
def test_a_key_of_any_type_is_put_right(
    registry: Registry, redis: Redis, key: str, kind: str
) -> None:
    """Reading does not fail over a wrong type, and the next run replaces it."""
    publish(registry, redis)
    put(redis, key, kind)
    registry.read()
    registry.status()
    healed(registry, redis)


@pytest.mark.parametrize("kind", KINDS)
def test_a_withdrawal_finds_its_way_through_keys_of_any_type(
    registry: Registry, redis: Redis, kind: str
) -> None:
    """Law 4 holds over broken keys: the stopped task is out, and stays out of the next list."""
    for key in (KEY, STATE, LEASE, RATELIMIT, WITHDRAWN):
        put(redis, key, kind)
    registry.withdraw("a")
    assert "a" in registry.read().withdrawn
    publish(registry, redis)
    assert entries(b="10.0.0.2") == registry.read().entries


@pytest.mark.parametrize("left", [None, 10 * HOUR])
def test_a_lease_that_would_never_end_blocks_nobody(
    registry: Registry, redis: Redis, left: int | None
) -> None:
    """A place and a pause without an expiry, or with one that is not ours, count for nothing."""
    redis.set(LEASE, "somebody", px=left)
    redis.set(RATELIMIT, 100, px=left)
    healed(registry, redis)


def test_a_withdrawn_task_is_remembered_for_a_bounded_time(
    registry: Registry, redis: Redis
) -> None:
    """A key that keeps a task out has an expiry after the next run, whoever took it away."""
    redis.zadd(WITHDRAWN, {"c": float("inf")})
    publish(registry, redis)
    assert 0 < redis.pttl(WITHDRAWN) <= HOUR


FIELDS = ["clock", "requested", "generation", "listing", "calls", "running", "healthy", "tasks"]
NUMBERS = ["", "x", "-1", "2.001", "1e3", "1e300", "nan", "inf", "-inf", "0x7f", "9" * 400, "{}"]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("number", NUMBERS)
def test_an_absurd_number_in_the_state_is_put_right(
    registry: Registry, redis: Redis, field: str, number: str
) -> None:
    """What no run of ours can have written counts as absent."""
    publish(registry, redis)
    redis.hset(STATE, field, number)
    registry.status()
    healed(registry, redis)


@pytest.mark.parametrize("field", ["clock", "requested", "generation", "listing"])
@pytest.mark.parametrize("ahead", [30_000, HOUR, 23 * HOUR, 25 * HOUR, 10**6 * HOUR])
def test_a_number_ahead_of_its_time_locks_nobody_out(
    registry: Registry, redis: Redis, field: str, ahead: int
) -> None:
    """Law 2's clock is lifted over whatever is there: the next listing is the newest again."""
    publish(registry, redis)
    redis.hset(STATE, field, int(time.time() * 1000) + ahead)
    healed(registry, redis)


def test_a_listing_that_was_cheap_is_paced_as_a_cheap_one(registry: Registry, redis: Redis) -> None:
    """What the state says of the last listing's cost holds only until the new one's is known."""
    redis.hset(STATE, "full_calls", 600)  # a minute's pause
    grant = registry.acquire()
    assert isinstance(grant, Grant)
    while milliseconds(redis) < grant.token + 100 * SEEN.calls:
        redis.ping()  # the listing takes as long as it is listing_from for
    decision = decided(grant.state, SEEN, {}, last=True)
    assert isinstance(registry.publish(grant, grant.state, decision, SEEN.calls), Published)
    assert isinstance(registry.acquire(), Grant)


def milliseconds(redis: Redis) -> int:
    seconds, microseconds = redis.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


NAMES = st.sampled_from([NAME, "a}b", 'a"b', "{}", '{"ip":"10.0.0.1"', "[,]", "\\"])
ITEMS = st.builds(
    lambda ip, name, more: {"ip": ip, "task_name": name, **more},
    st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.11"]),
    NAMES,
    st.dictionaries(NAMES, st.none() | NAMES | st.lists(NAMES, max_size=2), max_size=2),
)
LISTS = st.lists(ITEMS, max_size=3).flatmap(
    lambda items: st.sampled_from(
        [json.dumps(items), json.dumps(items, indent=1), json.dumps(items, separators=(",", ":"))]
    )
)
TASKS = st.sampled_from(['{"a":"10.0.0.1","b":"10.0.0.2"}', '{ "a" : "10.0.0.1" }', '{"a":"'])


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@fuzz
@given(LISTS, garbled(TASKS))
def test_a_withdrawal_breaks_no_list(
    registry: Registry, redis: Redis, text: str, tasks: str
) -> None:
    """A list that was JSON is JSON afterwards, in whatever way other hands had written it."""
    redis.flushall()
    redis.set(KEY, text)
    redis.hset(STATE, "tasks", tasks)
    registry.withdraw("a")
    left: Any = redis.get(KEY)
    assert is_json(left), left


MARKS = st.one_of(
    st.sampled_from(NUMBERS),
    st.integers(-2 * HOUR, 48 * HOUR).map(lambda ahead: str(int(time.time() * 1000) + ahead)),
)


@fuzz
@given(
    st.dictionaries(st.sampled_from(FIELDS), MARKS),
    st.dictionaries(
        st.sampled_from([KEY, LEASE, RATELIMIT, WITHDRAWN]), st.sampled_from(sorted(KINDS))
    ),
)
def test_any_breakage_together_is_put_right(
    registry: Registry, redis: Redis, state: dict[str, str], kinds: dict[str, str]
) -> None:
    """Wrong types and absurd numbers at once: one run, and all is whole."""
    redis.flushall()
    if state:
        redis.hset(STATE, mapping=dict(state.items()))
    for key, kind in kinds.items():
        put(redis, key, kind)
    healed(registry, redis)
