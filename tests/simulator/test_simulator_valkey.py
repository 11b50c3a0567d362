"""The real Valkey server, and what a test can do to it."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from simulator import Valkey
from simulator.ports import free_port
from simulator.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    with Valkey() as valkey:
        yield valkey


@pytest.fixture
def proxy(valkey: Valkey) -> Iterator[Proxy]:
    with Proxy(valkey.port) as proxy:
        yield proxy


def user(port: int, **options: Any) -> redis.Redis:
    """A client of the default user that tries once and waits for 0.2 s at most."""
    once: dict[str, Any] = {"retry": Retry(NoBackoff(), 0), "protocol": 2, "socket_timeout": 0.2}
    return redis.Redis(host="127.0.0.1", port=port, decode_responses=True, **(once | options))


def test_keeps_what_it_is_given_until_it_is_flushed(valkey: Valkey) -> None:
    """Two clients see the same."""
    user(valkey.port).set("key", "value")

    assert valkey.client().get("key") == "value"
    valkey.flush()
    assert valkey.client().get("key") is None


def test_a_password_is_wanted_and_changed(valkey: Valkey) -> None:
    """The default user needs it; the test's own clients don't."""
    valkey.set_password("open")

    with pytest.raises(redis.AuthenticationError):
        user(valkey.port).ping()
    assert user(valkey.port, password="open").ping()
    assert valkey.client().ping()
    valkey.set_password(None)
    assert user(valkey.port).ping()


def test_two_passwords_are_accepted_in_a_rotation(valkey: Valkey) -> None:
    """The old and the new one, until the old one goes."""
    valkey.set_passwords(["old", "new"])
    assert [user(valkey.port, password=each).ping() for each in ("old", "new")] == [True, True]
    assert valkey.password == "new"

    valkey.set_passwords(["new"])
    with pytest.raises(redis.AuthenticationError):
        user(valkey.port, password="old").ping()


def test_acl_users_have_their_own_rights(valkey: Valkey) -> None:
    """A user that may only read is refused a write."""
    valkey.add_user("reader", "secret", "~* +get +ping")
    reader = user(valkey.port, username="reader", password="secret")

    assert reader.get("key") is None
    with pytest.raises(redis.exceptions.NoPermissionError):
        reader.set("key", "value")


@pytest.mark.parametrize("protocol", [2, 3])
def test_counts_attempts_to_log_in(valkey: Valkey, protocol: int) -> None:
    """Those of the test's own clients are left out."""
    valkey.set_password("open")
    with pytest.raises(redis.AuthenticationError):
        user(valkey.port, password="wrong", protocol=protocol).ping()
    user(valkey.port, password="open", protocol=protocol).ping()
    valkey.client().ping()

    assert (valkey.auth_attempts().total, valkey.auth_attempts().failed) == (2, 1)


def test_a_paused_server_accepts_and_says_nothing(valkey: Valkey) -> None:
    """Until it is resumed."""
    client = user(valkey.port)
    client.ping()

    valkey.pause()
    with pytest.raises(redis.TimeoutError):
        client.ping()
    valkey.resume()
    assert client.ping()


def test_a_stopped_server_refuses_and_comes_back_empty(valkey: Valkey) -> None:
    """On the same port, with the same password."""
    valkey.set_password("open")
    client = user(valkey.port, password="open")
    client.set("key", "value")

    valkey.stop()
    with pytest.raises(redis.ConnectionError):
        client.ping()
    valkey.start()

    assert client.get("key") is None
    with pytest.raises(redis.AuthenticationError):
        user(valkey.port).ping()


def test_a_replica_refuses_writes(valkey: Valkey) -> None:
    """It answers reads; promoted, it takes writes again."""
    client = user(valkey.port)
    client.set("key", "value")

    valkey.become_replica()
    with pytest.raises(redis.exceptions.ReadOnlyError):
        client.set("key", "other")
    assert client.get("key") == "value"
    valkey.become_primary()
    client.set("key", "other")


def test_a_full_server_refuses_writes(valkey: Valkey) -> None:
    """With OOM, until there is memory again."""
    client = user(valkey.port)

    valkey.fill()
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        client.set("key", "value")
    valkey.unfill()
    client.set("key", "value")


def test_closes_clients(valkey: Valkey) -> None:
    """Their next command takes a new connection."""
    client = user(valkey.port)
    before = client.client_id()

    valkey.close_clients()

    assert client.client_id() != before


def test_a_cluster_of_one_node_has_all_slots() -> None:
    """The cluster client works with it, and keys of two slots don't mix."""
    with Valkey(cluster=True) as valkey:
        client = redis.RedisCluster(host="127.0.0.1", port=valkey.port, decode_responses=True)
        client.set("key", "value")

        assert client.get("key") == "value"
        with pytest.raises(redis.ResponseError, match="same slot"):
            valkey.client().mget("one", "two")
        client.close()


def test_the_proxy_counts_connections_bytes_and_round_trips(proxy: Proxy) -> None:
    """A pipeline is one round trip."""
    client = user(proxy.port, driver_info=None)
    client.ping()
    before = proxy.round_trips

    pipeline = client.pipeline(transaction=False)
    for _ in range(10):
        pipeline.get("key")
    pipeline.execute()
    client.get("key")

    assert proxy.round_trips - before == 2
    assert proxy.connections == 1
    assert proxy.bytes_up > 0
    assert proxy.bytes_down > 0


def test_the_proxy_speaks_tls(valkey: Valkey) -> None:
    """A client that trusts its authority gets through; one that doesn't won't."""
    with Proxy(valkey.port, tls=True) as proxy:
        assert user(proxy.port, ssl=True, ssl_ca_certs=str(proxy.ca), socket_timeout=2).ping()
        with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            user(proxy.port, ssl=True, socket_timeout=2).ping()


def test_the_proxy_certificate_passes_the_strict_check(valkey: Valkey) -> None:
    """Python 3.13 checks it by RFC 5280; this is the same check on older ones."""
    with Proxy(valkey.port, tls=True) as proxy:
        context = ssl.create_default_context(cafile=str(proxy.ca))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        with (
            socket.create_connection(("127.0.0.1", proxy.port)) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            secure.sendall(b"PING\r\n")
            assert secure.recv(100) == b"+PONG\r\n"


def test_a_black_hole_keeps_connections_and_forwards_nothing(valkey: Valkey, proxy: Proxy) -> None:
    """What was sent into it arrives once it heals."""
    client = user(proxy.port)
    client.ping()

    proxy.black_hole()
    with pytest.raises(redis.TimeoutError):
        client.set("key", "value")
    assert valkey.client().get("key") is None
    with pytest.raises(redis.TimeoutError):
        user(proxy.port).ping()

    proxy.heal()
    assert user(proxy.port).ping()


def test_the_proxy_cuts_connections(proxy: Proxy) -> None:
    """One that waits for its answer fails; then a new connection is welcome."""
    proxy.black_hole()
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as waiting:
        waiting.sendall(b"PING\r\n")
        while proxy.connections == 0:  # the kernel was faster than the proxy
            time.sleep(0.001)
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            waiting.recv(100)

    proxy.heal()
    assert user(proxy.port).ping()
    assert proxy.connections == 2


def test_the_proxy_delays_each_way(proxy: Proxy) -> None:
    """A reply that takes longer than the client waits for is a timeout."""
    client = user(proxy.port, socket_timeout=0.1)
    client.ping()

    proxy.delay_up = proxy.delay_down = 0.06
    with pytest.raises(redis.TimeoutError):
        client.ping()


def test_the_proxy_ends_connections_that_the_server_refuses(valkey: Valkey, proxy: Proxy) -> None:
    """As if nobody were there."""
    valkey.stop()

    with pytest.raises(redis.ConnectionError):
        user(proxy.port).ping()


def test_a_port_that_is_taken_meanwhile_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the choice of a port and the server's start another process may bind it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ports = iter([taken.getsockname()[1], free_port()])
        monkeypatch.setattr("simulator.valkey.free_port", lambda: next(ports))
        with Valkey() as valkey:
            assert valkey.client().ping()
