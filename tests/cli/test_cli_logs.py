"""`logs`: lines as they come, errors, restarts and figures, with the exit codes."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from commands import run, start
from redis_helpers import quick

from discovery.cli.safe import Masker
from simulator.ecs.definitions import ContainerDefinition
from simulator.faults import denied
from simulator.logs.store import Row

if TYPE_CHECKING:
    from simulator import Service, Simulator


@pytest.fixture
def service(aws: Simulator) -> Service:
    """Two tasks, each with a container that logs."""
    aws.ecs.definitions.register("lobby", ContainerDefinition("app", memory=512), memory="1024")
    return aws.ecs.create_service("arcade", "lobby", desired=2, steady=True)


def put(aws: Simulator, service: Service, count: int) -> None:
    """So many lines of the first task in the last minutes, a millisecond apart."""
    begin = int(aws.clock.now() * 1000) - count
    stream = f"ecs/app/{service.tasks[0].id}"
    rows = [Row(begin + number, stream, f"line {number}") for number in range(count)]
    aws.logs.serve("/ecs/lobby", stream, rows)


def test_lines_are_pulled_oldest_first_whole_and_masked(aws: Simulator, service: Service) -> None:
    """Indentation stays; secrets and what steers a terminal do not. No Redis is needed."""
    aws.log(service.tasks[0], "Traceback (most recent call last):", '  File "a.py", line 1, in f')
    aws.log(service.tasks[1], "password=hunter2 \x1b[2Jcleared", "two\nlines")
    env = quick(aws, service, REDIS_HOST=None, REDIS_KEY=None)

    done = run(env, "logs", "pull", "lobby")

    one, two = (each.id[:8] for each in service.tasks)
    shown = [line.split(" ", 1) for line in done.out.splitlines()]
    assert 0 == done.code, done.err
    assert [
        f"{one} app Traceback (most recent call last):",
        f'{one} app   File "a.py", line 1, in f',
        f"{two} app password=***  [2Jcleared",
        f"{two} app two",
        f"{two} app lines",
    ] == [text for _, text in shown]
    assert sorted(at for at, _ in shown) == [at for at, _ in shown]
    (first, *_) = run(env, "logs", "pull", "--json").out.splitlines()
    assert {
        "at": shown[0][0], "service": "lobby", "task": service.tasks[0].id, "container": "app",
        "text": "Traceback (most recent call last):",
    } == json.loads(first)  # fmt: skip


def test_lines_stream_and_a_closed_pipe_ends_it(aws: Simulator, service: Service) -> None:
    """`| head -n 1` of 60,000 lines reads a page or two, and prints no traceback."""
    put(aws, service, 60_000)
    process = start(quick(aws, service), "logs", "pull")
    assert process.stdout is not None
    assert process.stderr is not None
    first = process.stdout.readline()
    process.stdout.close()
    assert (141, "") == (process.wait(timeout=50), process.stderr.read())
    process.stderr.close()
    assert first.endswith("app line 0\n")
    assert len([each for each in aws.calls if each.operation == "FilterLogEvents"]) <= 2


def test_errors_restarts_and_figures(aws: Simulator, service: Service) -> None:
    """Groups with their counts, stops with their last lines, HTTP answers; each exits with 1."""
    aws.log(service.tasks[0], *["ERROR cannot connect to 10.0.0.1:5432"] * 3)
    aws.log(service.tasks[0], '10.0.0.9 - - [24/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 503 12')
    env = quick(aws, service)
    well = run(env, "logs", "restarts")
    assert (0, True) == (well.code, "stopped tasks: 0" in well.out)
    service.tasks[0].run_out_of_memory("app")

    errors, stops = run(env, "logs", "errors"), run(env, "logs", "restarts", "all")
    summary = run(env, "logs", "summary", "--verbose")

    assert (1, 1, 1) == (errors.code, stops.code, summary.code)
    assert any(["3", "connection_error"] == line.split()[:2] for line in errors.out.splitlines()), (
        errors.out
    )
    assert "Container app ran out of memory (exit code 137)." in stops.out
    assert "| ERROR cannot connect to 10.0.0.1:5432" in stops.out
    assert any(["503", "1"] == line.split() for line in summary.out.splitlines()), summary.out
    assert "INFO reading the logs of the last 60 minutes" in summary.err


def test_what_cannot_be_read_is_unknown(aws: Simulator, service: Service) -> None:
    """A permission that lacks is named, and is never "no errors"."""
    aws.log(service.tasks[0], "ready")
    env = quick(aws, service)
    aws.faults.set("FilterLogEvents", denied)
    errors, pull = run(env, "logs", "errors"), run(env, "logs", "pull")
    assert (2, 2) == (errors.code, pull.code)
    assert "not seen: logs:FilterLogEvents" in errors.out
    for what, part in (("errors", "logs"), ("summary", "logs"), ("restarts", "restarts")):
        answer = json.loads(run(env, "logs", what, "--json").out)
        assert {part, "findings"} == answer.keys()
        said = [each["what"] for each in answer["findings"] if each["severity"] == "unknown"]
        assert (what != "restarts") == any("logs:FilterLogEvents" in each for each in said)
    assert "error: logs:FilterLogEvents" in pull.err


def test_a_region_that_there_is_not_is_unknown(aws: Simulator) -> None:
    """A template that nobody expanded: the lines of the other containers are printed."""
    shape = {"awslogs-group": "/ecs/odd", "awslogs-stream-prefix": "ecs"}
    aws.ecs.definitions.register("odd", *(
        ContainerDefinition(
            name, log={"logDriver": "awslogs", "options": shape | {"awslogs-region": region}}
        )
        for name, region in (("app", "us-east-1"), ("other", "${AWS_REGION}"))
    ))  # fmt: skip
    service = aws.ecs.create_service("arcade", "odd", desired=1, steady=True)
    aws.logs.put("/ecs/odd", f"ecs/app/{service.tasks[0].id}", ["ready"])
    pull = run(quick(aws, service), "logs", "pull")
    assert (2, True) == (pull.code, pull.out.endswith(" app ready\n"))
    assert "/ecs/odd in the Region ${AWS_REGION}" in pull.err


def test_the_name_of_a_stream_steers_no_terminal(aws: Simulator) -> None:
    """Whoever may write a log may name its streams."""
    elsewhere = ContainerDefinition("app", log={"logDriver": "awsfirelens"})
    aws.ecs.definitions.register("odd", elsewhere)
    service = aws.ecs.create_service("arcade", "odd", desired=1, steady=True)
    aws.logs.put("/apps/odd", "\x1b]0;a\x07/\x1b[2J\nb/\x1b[2Jtask", ["ready"])
    done = run(quick(aws, service), "logs", "pull", "--log-pattern", "/apps/{service}")
    assert (0, 1) == (done.code, len(done.out.splitlines())), done.err
    assert done.out.endswith("  [2Jtask  [2J b ready\n"), done.out
    assert done.out[:-1].isprintable()


def test_quiet_prints_no_line(aws: Simulator, service: Service) -> None:
    """The exit code alone, which needs all lines."""
    aws.log(service.tasks[0], "ready")
    env = quick(aws, service)
    assert (0, "", "") == run(env, "logs", "pull", "--quiet")
    aws.faults.set("FilterLogEvents", denied)
    assert 2 == run(env, "logs", "pull", "--quiet").code


def test_a_private_key_over_many_lines_is_masked() -> None:
    """From BEGIN to END of one stream; the other streams and what follows are shown."""
    masker = Masker()
    begin = "-----BEGIN RSA PRIVATE KEY-----"
    lines = [("a", begin), ("b", "hello there"), ("a", "MIIEow"), ("a", "Proc-Type: 4,ENCRYPTED")]
    lines += [("a", "-----END RSA PRIVATE KEY----- done"), ("a", "MIIE is shown")]
    assert ["***", "hello there", "***", "***", "*** done", "MIIE is shown"] == [
        each for stream, text in lines for each in masker.lines(stream, text)
    ]
    assert ["***", "***", "***", "after"] == masker.lines("c", f"{begin}\nMII\n-----END x\nafter")


def test_a_stream_that_begins_within_a_private_key_shows_none_of_it() -> None:
    """The window begins there: its lines are known by their form, and the last by the one above."""
    masker = Masker()
    key = "MIIEpQIBAAKCAQEAv5example/fZ0kExampleQ8xExample+hExampleExample1"
    lines = ["ready", key, "hello there", key, key, "short/Examples==", "-----END PRIVATE KEY-----"]
    assert ["ready", "***", "hello there", "***", "***", "***", "***", "done"] == [
        each for text in [*lines, "done"] for each in masker.lines("a", text)
    ]
    assert ["before", "***", "***", "after"] == masker.lines("a", f"before\n{key}\nabc=\nafter")
    assert ["***", "after"] == masker.lines("a", "abcd\n-----END RSA PRIVATE KEY-----\nafter")


def test_a_long_line_is_masked_whole_in_proportion_to_its_length() -> None:
    """An event may have 256 kB: no line of a hostile program holds up the others."""

    def cost(length: int) -> float:
        text = "https://a:@!token:['b'] " * (length // 24)

        def once() -> float:
            began = time.process_time()
            shown = Masker().lines("a", f"{text} the end")
            assert shown[0].endswith("the end")
            return time.process_time() - began

        return min(once() for _ in range(3))

    assert cost(256_000) < 18 * cost(32_000)  # 8 is proportional, 64 is quadratic
