"""TLS to Redis: how it is turned on, and the error if it does not work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import PASSWORD, listed
from redis_helpers import quick

from simulator.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Start

    from simulator import Service, Simulator


@pytest.fixture
def service(aws: Simulator) -> Service:
    """A service of one task, beside a Redis that wants a password."""
    aws.valkey.set_password(PASSWORD)
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    return service


@pytest.fixture
def tls(aws: Simulator) -> Iterator[Proxy]:
    """A port that speaks TLS with a certificate of an authority of its own."""
    with Proxy(aws.valkey.port, tls=True) as proxy:
        yield proxy


def test_redis_over_tls(aws: Simulator, start: Start, service: Service, tls: Proxy) -> None:
    """REDIS_TLS=true reaches a TLS port whose authority SSL_CERT_FILE names; also after the
    connection died."""
    where = {"REDIS_PORT": str(tls.port), "REDIS_TLS": "true", "SSL_CERT_FILE": str(tls.ca)}
    function = start(quick(aws, service, **where))
    assert "published" == function.invoke({}).answer["outcome"]
    assert [task.ip for task in service.tasks] == listed(aws)
    tls.cut()
    assert "published" == function.invoke({}).answer["outcome"]


def test_an_untrusted_certificate_is_reported(
    aws: Simulator, start: Start, service: Service, tls: Proxy
) -> None:
    """It is not trusted all the same: the password is not sent, and the message says why."""
    where = {"REDIS_PORT": str(tls.port), "REDIS_TLS": "true"}
    invocation = start(quick(aws, service, **where)).invoke({})
    assert ("RegistryError", True) == (invocation.error_type, invocation.duration < 2.0)
    for message in ("a certificate that is not trusted", "CERTIFICATE_VERIFY_FAILED"):
        assert message in f"{invocation.error_message}"
    assert 0 == aws.valkey.auth_attempts().total
    assert listed(aws) is None


def test_a_plain_connection_to_a_tls_port_is_reported(
    aws: Simulator, start: Start, service: Service, tls: Proxy
) -> None:
    """The server closes it; the message has REDIS_TLS among what to check."""
    where = {"REDIS_PORT": str(tls.port), "REDIS_TLS": "false"}
    invocation = start(quick(aws, service, **where)).invoke({})
    assert ("RegistryError", True) == (invocation.error_type, invocation.duration < 2.0)
    assert "REDIS_TLS" in f"{invocation.error_message}"
    assert listed(aws) is None
