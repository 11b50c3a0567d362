"""`list --watch`: the table follows the channel, outlives a lost connection, ends with Ctrl-C."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import commands
from commands import run
from redis_helpers import quick

from simulator import processes

if TYPE_CHECKING:
    import subprocess

    from conftest import Start

    from simulator import Simulator


def table(watching: subprocess.Popen[str], rows: int) -> list[str]:
    """The next table, with so many tasks: their addresses."""
    assert watching.stdout is not None
    lines = [watching.stdout.readline() for _ in range(rows + 2)]
    assert lines[0].startswith(f"{rows} listed"), lines
    assert ["ADDRESS", "TASK", "STATUS", "UPDATED"] == lines[1].split()
    return [line.split()[0] for line in lines[2:]]


def subscribers(aws: Simulator, key: str = "ecs:task:iplist") -> int:
    return int(dict(aws.valkey.client().pubsub_numsub(key))[key])


def test_the_table_follows_the_changes(aws: Simulator, start: Start) -> None:
    """A stop is shown as soon as it is published; nothing is shown twice."""
    service = aws.ecs.create_service("arcade", "lobby", desired=2, steady=True)
    env = quick(aws, service, RETRY_COUNT="1")
    function = start(env)
    function.invoke({})
    with commands.start(env, "list", "--watch") as watching:
        try:
            assert watching.stdout is not None
            assert [task.ip for task in service.tasks] == table(watching, 2)
            processes.wait_until(lambda: subscribers(aws) == 1, "it has subscribed")
            service.tasks[0].port("closed")
            service.tasks[1].port("closed")
            function.invoke({})
            assert [] == table(watching, 0)

            # It goes on by itself after Redis was away.
            aws.valkey.stop()
            assert watching.stderr is not None
            assert "Redis" in watching.stderr.readline()
            aws.valkey.start()
            processes.wait_until(lambda: subscribers(aws) == 1, "it has subscribed again")
            assert "The list has never been published." in watching.stdout.readline()
            assert watching.stdout.readline().startswith("ADDRESS")
            service.tasks[0].port("listens")
            function.invoke({})
            assert [service.tasks[0].ip] == table(watching, 1)
        finally:
            watching.send_signal(signal.SIGINT)
            out, _ = watching.communicate(timeout=20)
    assert (130, "") == (watching.returncode, out)


def test_an_unreachable_redis_is_an_error(aws: Simulator) -> None:
    """At the start, when nothing was shown yet; so is a user who may not subscribe."""
    service = aws.ecs.create_service("arcade", "lobby")
    env = quick(aws, service)
    client = aws.valkey.client()
    client.execute_command("ACL", "SETUSER", "default", "-subscribe")  # type: ignore[no-untyped-call]
    refused = run(env, "list", "--watch")
    assert (2, True) == (refused.code, "Grant +subscribe" in refused.err), refused
    aws.valkey.close()
    away = run(env, "list", "--watch")
    assert (2, "") == (away.code, away.out)
    assert "cannot be reached" in away.err


def test_an_unsafe_text_in_the_list_is_made_safe(aws: Simulator) -> None:
    """No escape sequence reaches the terminal, and a secret is masked."""
    service = aws.ecs.create_service("arcade", "lobby")
    held = [{"ip": "10.0.0.1", "task_name": "a\x1b[2J\npassword=hunter2"}]
    aws.valkey.client().set("ecs:task:iplist", json.dumps(held))
    env = quick(aws, service)
    shown, answer = run(env, "list"), json.loads(run(env, "list", "--json").out)
    assert (1, "a [2J password=***") == (shown.code, answer["tasks"][0]["task_name"])
    assert "\x1b" not in shown.out
    assert "hunter2" not in shown.out
