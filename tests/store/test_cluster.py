"""Cluster mode: all that a run does, and the errors where it cannot connect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import redis
from conftest import PASSWORD, listed
from redis_helpers import quick, state, text
from test_credentials import a_user, documented

from simulator import Simulator, Valkey
from simulator.processes import wait_until
from simulator.proxy import Proxy
from simulator.valkey import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Start

    from simulator import Service


@pytest.fixture(scope="module")
def cluster() -> Iterator[Simulator]:
    """A Redis in cluster mode takes two seconds to start: the tests of this file share it."""
    with Simulator(valkey_cluster=True) as simulator:
        yield simulator


@pytest.fixture
def aws(cluster: Simulator) -> Simulator:
    """The same, as if new."""
    cluster.valkey.set_password(None)
    cluster.valkey.flush()
    cluster.calls.clear()
    cluster.events.take()
    return cluster


@pytest.fixture
def service(aws: Simulator, request: pytest.FixtureRequest) -> Service:
    """A service of two tasks, of the test's own."""
    name = request.node.name.replace("[", "-").replace("]", "")
    service = aws.ecs.create_service("arcade", name)
    service.start_tasks(2)
    return service


def test_a_service_through_its_life(aws: Simulator, start: Start, service: Service) -> None:
    """Reconcile, withdraw and status work on keys that share one slot."""
    going, staying = service.tasks
    function = start(quick(aws, service))
    assert "published" == function.invoke({}).answer["outcome"]
    assert [going.ip, staying.ip] == listed(aws)
    aws.events.take()
    going.stop()
    (event,) = aws.events.take()
    answer = function.invoke(event).answer
    assert ("published", [going.ip]) == (answer["outcome"], answer["removed"])
    assert [staying.ip] == listed(aws)
    answer = function.invoke({"action": "status"}).answer
    assert [staying.ip] == [item["ip"] for item in answer["tasks"]]
    assert int(state(aws)["generation"]) == answer["generation"]


def test_the_secret_is_fetched_once(aws: Simulator, start: Start, service: Service) -> None:
    """Though the client makes a connection to learn the cluster's nodes, and one to each."""
    aws.valkey.set_password(PASSWORD)
    function = start(quick(aws, service))
    for _ in range(2):
        assert "published" == function.invoke({}).answer["outcome"]
        aws.valkey.close_clients()
    assert 1 == len(aws.calls.of("GetSecretValue"))


def test_a_rotation_heals_by_itself(aws: Simulator, start: Start, service: Service) -> None:
    """The first invocation after it publishes, for one refusal and one look at the secret."""
    aws.valkey.set_password(PASSWORD)
    function = start(quick(aws, service))
    function.invoke({})
    aws.secrets.put("redis", "the next one")
    aws.valkey.set_password("the next one")
    aws.valkey.close_clients()
    refused, looks = aws.valkey.auth_attempts().failed, len(aws.calls.of("GetSecretValue"))
    said = function.invoke({})
    assert (None, "published") == (said.error_message, (said.answer or {}).get("outcome"))
    assert 1 == aws.valkey.auth_attempts().failed - refused
    assert 1 == len(aws.calls.of("GetSecretValue")) - looks


def test_the_documented_rules_are_enough(aws: Simulator, start: Start, service: Service) -> None:
    """An ACL user with those and no others can work in cluster mode."""
    rules = documented(cluster=True)
    function = start(quick(aws, service, REDIS_SECRET_ARN=a_user(aws, rules)))
    said = function.invoke({})
    assert (None, "published") == (said.error_message, (said.answer or {}).get("outcome"))


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
def test_a_refused_password_is_told(
    aws: Simulator, start: Start, service: Service, warm: bool
) -> None:
    """It costs one AUTH, and the message is about the password, not about the cluster."""
    aws.valkey.set_password(PASSWORD if warm else "changed by hand")
    function = start(quick(aws, service, REDIS_SECRET_ARN=aws.secrets.put("theirs", PASSWORD)))
    if warm:
        function.invoke({})
        aws.valkey.set_password("changed by hand")
        aws.valkey.close_clients()
    before, attempts = text(aws), aws.valkey.auth_attempts().total
    said = function.invoke({})
    assert ("RegistryError", True) == (said.error_type, said.duration < 6.0)
    assert "put the server's password into the secret" in f"{said.error_message}"
    assert 1 == aws.valkey.auth_attempts().total - attempts
    assert before == text(aws)


@pytest.mark.parametrize(
    ("wanted", "given", "message"),
    [
        (PASSWORD, None, "wants a password: set REDIS_SECRET_ARN"),
        (None, PASSWORD, "has no password, but was sent one"),
    ],
    ids=["wanted", "given"],
)
def test_a_password_on_one_side_only_is_told(
    aws: Simulator,
    start: Start,
    service: Service,
    wanted: str | None,
    given: str | None,
    message: str,
) -> None:
    """The error is the one without cluster mode."""
    aws.valkey.set_password(wanted)
    secret = aws.secrets.put("given", given) if given else None
    said = start(quick(aws, service, REDIS_SECRET_ARN=secret)).invoke({})
    assert "RegistryError" == said.error_type
    assert message in f"{said.error_message}"


def test_a_connection_that_fell_silent_is_replaced(
    aws: Simulator, start: Start, service: Service
) -> None:
    """Also where the endpoint is the only node there is, as ElastiCache Serverless shows itself:
    the client must not drop it from its map for good."""
    if VERSION < (7, 0):
        pytest.skip("Redis 6 reads cluster-announce-port only when it starts")
    admin: Any = aws.valkey.client()
    with Proxy(aws.valkey.port) as proxy:
        admin.config_set("cluster-announce-port", proxy.port)
        try:
            function = start(quick(aws, service, REDIS_PORT=str(proxy.port)))
            assert "published" == function.invoke({}).answer["outcome"]
            task, before = service.start_task(), proxy.connections
            proxy.black_hole()
            invocation = function.start({})
            wait_until(lambda: proxy.connections > before, "it connects anew")
            proxy.heal()
            said = invocation.result()
        finally:
            admin.config_set("cluster-announce-port", 0)
    assert (None, True) == (said.error_message, said.duration < 6.0)
    assert task.ip in (listed(aws) or [])


def test_a_node_that_restarts_is_told_and_found_again(
    aws: Simulator, start: Start, service: Service
) -> None:
    """While it is away it cannot be reached; when it is back, empty, it gets the list."""
    function = start(quick(aws, service))
    function.invoke({})
    aws.valkey.stop()
    for _ in range(2):
        said = function.invoke({})
        assert ("RegistryError", True) == (said.error_type, said.duration < 2.0)
        assert "cannot be reached: check REDIS_HOST" in f"{said.error_message}"
    # Its part in the cluster goes with its data: the simulator gives it a new one.
    (aws.valkey._directory / "nodes.conf").unlink(missing_ok=True)
    aws.valkey.start()
    assert "published" == function.invoke({}).answer["outcome"]
    assert [task.ip for task in service.tasks] == listed(aws)


def test_a_cluster_taken_for_a_plain_server_is_told(
    aws: Simulator, start: Start, service: Service
) -> None:
    """A node that answers MOVED, as the key is another's, leads to REDIS_CLUSTER; with it the
    list is written where it belongs."""
    with Valkey(cluster=True) as other:
        join(other, aws.valkey)
        there = {"REDIS_PORT": str(other.port)}
        said = start(quick(aws, service, REDIS_CLUSTER="false", **there)).invoke({})
        assert "RegistryError" == said.error_type
        assert "is a cluster: set REDIS_CLUSTER to true" in f"{said.error_message}"
        assert listed(aws) is None
        function = start(quick(aws, service, **there))
        assert "published" == function.invoke({}).answer["outcome"]
    assert [task.ip for task in service.tasks] == listed(aws)


def join(node: Valkey, owner: Valkey) -> None:
    """Make a node one of the owner's cluster, without slots of its own."""
    admin: Any = node.client()
    admin.config_set("cluster-node-timeout", 500)  # it is soon sure that it is one
    admin.execute_command("CLUSTER DELSLOTS", *range(16384))
    (line,) = owner.client().execute_command("CLUSTER", "NODES").splitlines()  # type: ignore[no-untyped-call]
    bus_port = line.split()[1].partition("@")[2]
    admin.execute_command("CLUSTER MEET", "127.0.0.1", owner.port, bus_port)

    def moved() -> bool:
        try:
            admin.get("ecs:task:iplist")
        except redis.exceptions.MovedError:
            return True
        except redis.exceptions.ClusterDownError:
            pass
        return False

    wait_until(moved, "the node knows whose the slots are")
