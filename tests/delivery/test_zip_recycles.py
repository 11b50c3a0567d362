"""The zip recycles a service: botocore's pruned data is enough for it, and none of it is idle."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from conftest import PASSWORD
from permissions import operations
from redis_helpers import quick
from zipped import Emulator, built, unpacked

from simulator import Delays, events
from simulator.ports import free_port
from simulator.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from simulator import Service, Simulator

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

RECYCLE = {"action": "recycle", "drain_time": 0, "wait_time": 0}


@pytest.fixture
def service(aws: Simulator) -> Iterator[Service]:
    """A service of two tasks in real time, with a scalable target and a target group."""
    service = aws.ecs.create_service("arcade", "lobby", desired=2, steady=True)
    service.delays = Delays().times(0.02)
    group = aws.elb.create("lobby")
    group.registration = group.checking = group.draining = 0.02
    service.attach(group)
    aws.scaling.register(service, 1, 2)
    aws.valkey.set_password(PASSWORD)
    aws.clock.run()
    yield service
    aws.clock.stop()


@pytest.fixture
def environment(aws: Simulator, service: Service) -> dict[str, str]:
    """Settings that allow a recycle, with a topic and a mail server that is down."""
    mail = {"host": "127.0.0.1", "port": free_port(), "username": "user", "password": "secret"}
    mail |= {"from": "list@example.com", "to": "me@example.com"}
    return quick(
        aws,
        service,
        RECYCLE="true",
        NOTIFICATION_TOPIC_ARN=aws.sns.create("alerts"),
        SMTP_SECRET_ARN=aws.secrets.put("mail", json.dumps(mail)),
    )


def test_the_zip_recycles_a_service(
    aws: Simulator,
    service: Service,
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
) -> None:
    """Under AWS's runtime client, to the end; it calls all that the zip has data for, but EC2."""
    task_root = unpacked(built(tmp_path_factory) / "build" / "lambda.zip", tmp_path / "task")
    old = {task.id for task in service.running}
    answer: dict[str, Any] = {}
    with Emulator(task_root, environment) as running:
        assert "published" == running.invoke({}).document["outcome"]
        plan = running.invoke(RECYCLE | {"dry_run": True}).document
        assert ("checked", old) == (plan["outcome"], set(plan["recycle"]["tasks"]))
        assert "recycling" == running.invoke(RECYCLE).document["outcome"]

        def ended() -> bool:
            nonlocal answer
            assert running.invoke(events.scheduled()).error_type is None
            answer = running.invoke({"action": "recycle", "command": "status"}).document
            return bool(answer["outcome"] != "recycling")

        wait_until(ended, "the recycle has ended", 60)

    assert ("recycled", 2) == (answer["outcome"], answer["recycle"]["replaced"]), answer
    wait_until(lambda: len(service.running) == 2, "the surplus task is gone")
    assert set() == old & {task.id for task in service.running}
    assert ["Recycle started: lobby", "Recycle finished: lobby"] == [
        message.subject for message in aws.sns.published
    ]
    others = {  # of an address that a task does not carry, and of a diagnosis
        "ec2:DescribeNetworkInterfaces",
        "ecs:DescribeTaskDefinition",
        "logs:FilterLogEvents",
        "logs:GetLogEvents",
    }
    assert operations() - others == {call.action for call in aws.calls}
