"""The function itself: when it may recycle, the older event, the status, and the messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from conftest import IMPATIENT
from redis_helpers import quick

from simulator import Delays
from simulator.events import scheduled
from simulator.ports import bind_free, port_of
from simulator.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Start

    from simulator import Function, Service, Simulator

QUICK = {"action": "recycle", "drain_time": 0, "wait_time": 0}


@pytest.fixture
def service(aws: Simulator) -> Iterator[Service]:
    service = aws.ecs.create_service("arcade", "lobby", desired=1, steady=True)
    service.delays = Delays().times(0.02)
    aws.clock.run()
    yield service
    aws.clock.stop()


def recycled(function: Function) -> None:
    assert "recycling" == function.invoke(QUICK).answer["outcome"]

    def ended() -> bool:
        assert function.invoke(scheduled()).error_message is None
        answer = function.invoke({"action": "recycle", "command": "status"}).answer
        assert answer["outcome"] in ("recycling", "recycled")
        return bool(answer["outcome"] == "recycled")

    wait_until(ended, "the recycle has ended", 40)


def test_it_has_to_be_allowed(aws: Simulator, service: Service, start: Start) -> None:
    """Without RECYCLE a recycle is an error that names what to do, and no call is made."""
    function = start(quick(aws, service))
    said = function.invoke(QUICK)
    assert "RecycleError" == said.error_type
    assert "AllowRecycle=true" in str(said.error_message)
    assert [] == list(aws.calls)


def test_the_older_event_is_a_recycle_of_our_service_alone(
    aws: Simulator, service: Service, start: Start
) -> None:
    """It starts one if it names our cluster and service; and the status shows it."""
    function = start(quick(aws, service, RECYCLE="true"))
    older = {"cluster_name": "arcade", "maintain_service_state": True, "wait_time": 0}
    foreign = function.invoke(older | {"service_name": "other"})
    assert "InvalidEventError" == foreign.error_type
    answer = function.invoke(older | {"service_name": "lobby"}).answer
    assert ("recycling", 1) == (answer["outcome"], answer["recycle"]["total"])
    status = function.invoke({"action": "status"}).answer
    assert answer["recycle"]["id"] == status["recycle"]["id"]


def mail_secret(aws: Simulator, port: int) -> str:
    server = {"host": "127.0.0.1", "port": port, "username": "recycler", "password": "hunter2-Zx9"}
    addresses = {"from": "discovery@example.com", "to": ["ops@example.com"]}
    return aws.secrets.put("smtp", json.dumps(server | addresses))


def with_both_ways(aws: Simulator, service: Service, port: int, **more: str) -> dict[str, str]:
    """Settings with a topic, and with a mail server at this port."""
    return quick(
        aws,
        service,
        RECYCLE="true",
        NOTIFICATION_TOPIC_ARN=aws.sns.create("alerts"),
        SMTP_SECRET_ARN=mail_secret(aws, port),
        **more,
    )


def test_one_message_for_the_start_and_one_for_the_end(
    aws: Simulator, service: Service, start: Start
) -> None:
    """They go to the topic; and a mail server that is down fails nothing."""
    with bind_free() as closed:
        function = start(
            with_both_ways(aws, service, port_of(closed), ECS_CALLS_PER_SECOND="20"),
            handler=IMPATIENT,
        )
        recycled(function)
        status = function.invoke({"action": "status"})
    assert "recycled" == status.answer["recycle"]["phase"]
    subjects = [message.subject for message in aws.sns.published]
    assert ["Recycle started: lobby", "Recycle finished: lobby"] == subjects


@pytest.mark.parametrize("operation", ["Publish", "GetSecretValue"])
def test_a_way_that_hangs_neither_outlasts_the_invocation_nor_the_other_way(
    aws: Simulator, service: Service, start: Start, operation: str
) -> None:
    """The function answers in its time. The log says what was not sent, the other way has it."""
    with bind_free() as closed:
        function = start(
            with_both_ways(aws, service, port_of(closed)),
            handler=IMPATIENT,
            timeout=12.0,
        )
        aws.faults.set(operation, "hangs")
        said = function.invoke(QUICK)
        aws.faults.clear()
    assert (None, "recycling") == (said.error_message, said.answer["outcome"])
    hung, other = ("sns:Publish", "the mail by") if operation == "Publish" else ("mail", "")
    failures = [line for line in said.log if "a message was not sent" in line]
    assert [f"{hung} did not end in time"] == [
        line.partition("not sent: ")[2] for line in failures if "in time" in line
    ]
    assert any(other in line for line in failures)
    assert ([] if operation == "Publish" else ["Recycle started: lobby"]) == [
        message.subject for message in aws.sns.published
    ]
