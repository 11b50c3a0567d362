"""The simulator as a whole: one `with`, and nothing is left of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import boto3
import pytest

from simulator import Function, Simulator

ROOT = Path(__file__).parent.parent.parent

HANDLER = """
import os, boto3, redis
def lambda_handler(event, context):
    tasks = boto3.client("ecs").list_tasks(
        cluster=os.environ["ECS_CLUSTER_NAME"], serviceName=os.environ["ECS_SERVICE_NAME"])
    r = redis.Redis(os.environ["REDIS_HOST"], int(os.environ["REDIS_PORT"]),
                    decode_responses=True)
    r.set(os.environ["REDIS_KEY"], ",".join(tasks["taskArns"]))
"""


def children() -> set[str]:
    """The ids of our processes."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return set(found.split())


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_leaves_no_process_thread_or_descriptor() -> None:
    """Not even with hanging calls, slow ones, open connections and silent tasks."""
    before = children(), threading.active_count(), descriptors()

    with Simulator() as aws:
        service = aws.ecs.create_service("arcade", "lobby")
        service.start_tasks(3, port="silent")
        service.start_tasks(3)
        aws.faults.set("ListTasks", "hangs")
        with socket.create_connection(("127.0.0.1", int(aws.url.rpartition(":")[2]))) as client:
            client.sendall(
                b"POST / HTTP/1.1\r\nContent-Length: 2\r\n"
                b"X-Amz-Target: AmazonEC2ContainerServiceV20141113.ListTasks\r\n\r\n{}"
            )
            while not aws.calls:
                time.sleep(0.001)
            pid = next(iter(children() - before[0]))
            assert Path(f"/proc/{pid}/comm").read_text().startswith("valkey")
            aws.close()

    assert (children(), threading.active_count(), descriptors()) == before


def test_settings_point_a_function_at_it(tmp_path: Path) -> None:
    """Real clients in a process of their own find ECS and Redis by them alone."""
    (tmp_path / "lambda_function.py").write_text(HANDLER)
    with Simulator() as aws:
        service = aws.ecs.create_service("arcade", "lobby")
        task = service.start_task()
        with Function(aws.settings(service, key="ips"), root=tmp_path) as function:
            assert function.invoke({}).error_message is None
        assert aws.valkey.client().get("ips") == task.arn


def test_settings_can_be_overridden() -> None:
    """A value replaces or adds a variable, None takes it out."""
    with Simulator() as aws:
        service = aws.ecs.create_service("arcade", "lobby")
        plain = aws.settings(service)
        changed = aws.settings(service, key="k", RETRY_COUNT="1", REDIS_PORT="1", REDIS_KEY=None)

    assert "REDIS_SECRET_ARN" not in plain
    assert plain["HEALTH_CHECK_PORT"] == str(aws.hosts.port)
    assert (changed["RETRY_COUNT"], changed["REDIS_PORT"]) == ("1", "1")
    assert "REDIS_KEY" not in changed


def test_settings_name_the_secret_with_the_password() -> None:
    """It is in Secrets Manager, and not in the environment."""
    with Simulator() as aws:
        aws.valkey.set_password("open")
        settings = aws.settings(aws.ecs.create_service("arcade", "lobby"))
        client = boto3.client(
            "secretsmanager",
            endpoint_url=aws.url,
            region_name=settings["AWS_REGION"],
            aws_access_key_id="id",
            aws_secret_access_key="key",
        )
        secret = client.get_secret_value(SecretId=settings["REDIS_SECRET_ARN"])

    assert secret["SecretString"] == "open"
    assert "open" not in settings.values()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_runs_from_the_command_line_until_ctrl_c(ending: signal.Signals) -> None:
    """It prints the exports that a shell needs, serves, and ends at once and in peace."""
    with subprocess.Popen(
        [sys.executable, "-m", "simulator", "--tasks", "2"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or "Ctrl-C" not in lines[-1]:
            lines.append(process.stdout.readline())
        exports = dict(
            line.removeprefix("export ").rstrip().split("=", 1)
            for line in lines
            if line.startswith("export ")
        )
        listing = boto3.client(
            "ecs",
            endpoint_url=exports["AWS_ENDPOINT_URL"],
            region_name=exports["AWS_REGION"],
            aws_access_key_id="id",
            aws_secret_access_key="key",
        ).list_tasks(cluster=exports["ECS_CLUSTER_NAME"])
        process.send_signal(ending)
        assert process.wait(5) == 0

    assert len(listing["taskArns"]) == 2
    assert json.dumps(exports).count("REDIS_") == 3
