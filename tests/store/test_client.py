"""Redis faults: dead connections, failovers, a server that is slow, full or loading."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from conftest import KEY, PASSWORD, listed
from redis_helpers import PREFIX, acquired, quick, rest, text

from discovery.deadline import Deadline
from discovery.errors import RegistryError
from discovery.store.client import READ_TIMEOUT, ScriptClient, open_client
from discovery.store.registry import Registry
from simulator import Valkey
from simulator.processes import wait_until
from simulator.proxy import Proxy
from simulator.valkey import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Start

    from simulator import Function, Invocation, Service, Simulator


@pytest.fixture
def proxy(aws: Simulator) -> Iterator[Proxy]:
    """The network between the function and Redis."""
    with Proxy(aws.valkey.port) as network:
        yield network


def warm(
    aws: Simulator, start: Start, timeout: float = 30.0, **settings: str
) -> tuple[Service, Function]:
    """An environment that has published, and a task that a next run would add."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    function = start(quick(aws, service, **settings), timeout)
    assert "published" == function.invoke({}).answer["outcome"]
    service.start_task()
    return service, function


def failed(result: Invocation, message: str, within: float = READ_TIMEOUT) -> None:
    """Assert that the invocation failed with this message, and by default waited for no answer."""
    assert message in f"{result.error_message}"
    assert ("RegistryError", True) == (result.error_type, result.duration < within)


def published(aws: Simulator, service: Service, function: Function) -> None:
    assert "published" == function.invoke({}).answer["outcome"]
    assert [task.ip for task in service.tasks] == listed(aws)


def guests(valkey: Valkey) -> int:
    """How many connections the function has there."""
    clients: Any = valkey.client().client_list()
    return sum(client["user"] == "default" for client in clients)


def test_connections_that_died_in_the_freeze_are_replaced(aws: Simulator, start: Start) -> None:
    """The first invocation after a thaw succeeds, whatever Redis closed meanwhile."""
    aws.valkey.set_password(PASSWORD)
    service, function = warm(aws, start)
    function.freeze()
    aws.valkey.close_clients()
    published(aws, service, function)


def test_connections_that_were_reset_are_replaced(
    aws: Simulator, start: Start, proxy: Proxy
) -> None:
    """The same for what something on the way forgot, and answers with a reset."""
    service, function = warm(aws, start, REDIS_PORT=str(proxy.port))
    proxy.cut()
    published(aws, service, function)


def test_a_connection_that_fell_silent_is_replaced(
    aws: Simulator, start: Start, proxy: Proxy
) -> None:
    """Where the way forgot an idle connection and answers nothing, a new one is made in time."""
    service, function = warm(aws, start, REDIS_PORT=str(proxy.port))
    before = proxy.connections
    proxy.black_hole()
    invocation = function.start({})
    wait_until(lambda: proxy.connections > before, "it connects anew")
    proxy.heal()
    result = invocation.result()
    assert (None, True) == (result.error_message, result.duration < 4.0)
    assert [task.ip for task in service.tasks] == listed(aws)


def test_redis_that_is_down_is_reported_and_found_again(aws: Simulator, start: Start) -> None:
    """A refused connection costs no time; the server that comes back, empty, gets the list."""
    service, function = warm(aws, start)
    aws.valkey.stop()
    failed(function.invoke({}), "cannot be reached: check REDIS_HOST, REDIS_PORT")
    aws.valkey.start()
    published(aws, service, function)


def test_a_redis_call_that_hangs_times_out(aws: Simulator, start: Start) -> None:
    """Before the deadline, or after two tries; and when it wakes up, and carries out what was
    given up, the next invocation is not message that somebody is at work."""
    service, function = warm(aws, start)
    before = text(aws)
    aws.valkey.pause()
    short = function.invoke({}, timeout=2.0)
    failed(short, "in the time left before the deadline", within=2.0)
    failed(function.invoke({}), "did not answer within 2 s", within=6.0)
    aws.valkey.resume()
    assert before == text(aws)
    published(aws, service, function)


def test_redis_that_accepts_no_connection_is_reported(aws: Simulator, start: Start) -> None:
    """What security groups drop is never answered: the message says to look there."""
    service = aws.ecs.create_service("arcade", "lobby")
    host = service.start_task(port="silent").ip
    where = {"REDIS_HOST": host, "REDIS_PORT": str(aws.hosts.port)}
    result = start(quick(aws, service, **where)).invoke({})
    failed(result, "check REDIS_HOST, REDIS_PORT, the security groups", within=4.0)


def test_redis_that_is_slow_is_waited_for(aws: Simulator, start: Start, proxy: Proxy) -> None:
    """Each command may take its time, as long as it is answered."""
    service, function = warm(aws, start, REDIS_PORT=str(proxy.port))
    proxy.delay_up = proxy.delay_down = 0.05
    published(aws, service, function)


def test_redis_that_is_loading_is_reported(aws: Simulator, start: Start) -> None:
    """A node that reads its data after a restart or a failover says so; the function too."""
    if VERSION < (7, 0):
        pytest.skip("Redis 6 answers too seldom while it loads to be met in it")
    service, function = warm(aws, start)
    admin: Any = aws.valkey.client()
    with Valkey() as source:
        keys: Any = source.client()
        keys.mset({f"key {number}": "value" for number in range(2000)})
        keys.config_set("repl-diskless-sync-delay", 0)
        admin.config_set("key-load-delay", 2000)  # in microseconds: four seconds in all
        admin.config_set("loading-process-events-interval-bytes", 1024)
        admin.replicaof("127.0.0.1", source.port)
        wait_until(lambda: bool(admin.info("persistence")["loading"]), "it is loading")
        result = function.invoke({})
        assert admin.info("persistence")["loading"]
        failed(result, "is loading its data: the next run tries again")
        admin.config_set("key-load-delay", 0)
        wait_until(lambda: not admin.info("persistence")["loading"], "it has loaded")
    aws.valkey.become_primary()
    published(aws, service, function)


def test_a_replica_is_reported_and_a_primary_is_used(aws: Simulator, start: Start) -> None:
    """READONLY leaves the list as it was, and names the setting; status still answers."""
    service, function = warm(aws, start)
    before = text(aws)
    aws.valkey.become_replica()
    failed(function.invoke({}), "is a replica: point REDIS_HOST at the primary endpoint")
    assert "status" == function.invoke({"action": "status"}).answer["outcome"]
    assert before == text(aws)
    aws.valkey.become_primary()
    published(aws, service, function)


def test_after_a_failover_the_name_leads_to_the_new_primary(
    aws: Simulator, start: Start, proxy: Proxy
) -> None:
    """The old connection still stands, on a server that has become a replica: it is left for
    good, and the same invocation publishes where the name points now."""
    service, function = warm(aws, start, REDIS_PORT=str(proxy.port))
    before = text(aws)
    with Valkey() as promoted:
        aws.valkey.become_replica()
        proxy._target = promoted.port
        result = function.invoke({})
        assert (None, "published") == (result.error_message, (result.answer or {}).get("outcome"))
        ips: Any = promoted.client().get("ecs:task:iplist")
        assert all(task.ip in ips for task in service.tasks)
        assert 1 == guests(promoted)
        wait_until(lambda: guests(aws.valkey) == 0, "the old connection is closed")
    assert before == text(aws)


def test_redis_that_is_full_is_reported(aws: Simulator, start: Start) -> None:
    """OOM leaves the list as it was; with memory again the next run publishes."""
    service, function = warm(aws, start)
    before = text(aws)
    aws.valkey.fill()
    failed(function.invoke({}), "is full: raise its memory or free some")
    assert before == text(aws)
    aws.valkey.unfill()
    published(aws, service, function)


def test_a_server_that_is_no_cluster_is_reported(aws: Simulator, start: Start) -> None:
    """REDIS_CLUSTER=true against a plain server names the setting."""
    service = aws.ecs.create_service("arcade", "lobby")
    result = start(quick(aws, service, REDIS_CLUSTER="true")).invoke({})
    failed(result, "REDIS_CLUSTER")
    assert "Cluster mode is not enabled" in f"{result.error_message}"


def test_a_run_is_three_round_trips_and_a_withdrawal_one_more(
    aws: Simulator, start: Start, proxy: Proxy
) -> None:
    """Request, acquire, publish, which releases the lease; on the connection that is there."""
    service, function = warm(aws, start, REDIS_PORT=str(proxy.port))
    function.invoke({})
    aws.events.take()
    service.tasks[0].stop()
    (stopped,) = aws.events.take()
    for event, expected in (({}, 3), (stopped, 4)):
        rest(aws)
        connections, trips = proxy.connections, proxy.round_trips
        assert "published" == function.invoke(event).answer["outcome"]
        assert (0, expected) == (proxy.connections - connections, proxy.round_trips - trips)


def test_a_new_connection_asks_for_nothing_special(aws: Simulator, start: Start) -> None:
    """No HELLO and nothing that a server may not know: each would cost a round trip."""
    aws.valkey.set_password(PASSWORD)
    warm(aws, start)
    statistics: Any = aws.valkey.client().info("all")
    assert "cmdstat_hello" not in statistics
    errors = {name for name in statistics if name.startswith("errorstat_")}
    # redis-py sends its name and version, which Redis knows from 7.2 on.
    assert {"errorstat_NOSCRIPT"} == errors - ({"errorstat_ERR"} if VERSION < (7, 2) else set())


def test_connections_do_not_pile_up(aws: Simulator, start: Start) -> None:
    """However often Redis closes them or is away, one environment keeps one, or two."""
    _, function = warm(aws, start)
    for _ in range(3):
        aws.valkey.close_clients()
        function.invoke({})
        aws.valkey.become_replica()
        function.invoke({})
        aws.valkey.become_primary()
    wait_until(lambda: guests(aws.valkey) <= 2, "the old connections are closed")


def test_a_failover_meets_two_calls_of_one_run(aws: Simulator, proxy: Proxy) -> None:
    """The lease is renewed while the run publishes: the call that leaves the client first closes
    no connection under the other, which fails with the same clear error or not at all."""
    client = ScriptClient(
        lambda: open_client("127.0.0.1", proxy.port, False, False, None), "Redis", None
    )
    registry = Registry(client, KEY, PREFIX, 0, 10, Deadline(time.monotonic() + 50), "a run")
    assert acquired(registry)
    for _ in range(5):
        aws.valkey.become_primary()
        proxy.delay_up = proxy.delay_down = 0.0
        with ThreadPoolExecutor(2) as threads:
            for each in [threads.submit(registry.renew, 0) for _ in range(2)]:
                each.result()  # two connections are open
            aws.valkey.become_replica()
            proxy.delay_up = proxy.delay_down = 0.004
            renewed = threads.submit(registry.renew, 0)
            time.sleep(0.006)  # the second call is on its way when the first one fails
            released = threads.submit(registry.release, None)
            for each in (renewed, released):
                assert isinstance(each.exception(), RegistryError)
