"""`diagnose`: of one service or many, with a list or without, and what its exit code says."""

from __future__ import annotations

import argparse
import json
import re
from typing import TYPE_CHECKING

import pytest
from commands import run
from conftest import PASSWORD
from redis_helpers import quick

from discovery.cli import aws as cli_aws
from discovery.cli.options import PROGRAM
from discovery.cli.parser import parse, parser
from simulator.ecs.definitions import ContainerDefinition
from simulator.faults import denied

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator import Service, Simulator

NO_REDIS: dict[str, str | None] = {"REDIS_HOST": None, "REDIS_KEY": None}


def healthy(aws: Simulator, name: str = "lobby", desired: int = 2) -> Service:
    """A service whose tasks run, listen and log."""
    aws.ecs.definitions.register(name, ContainerDefinition("app", memory=512), memory="1024")
    service = aws.ecs.create_service("arcade", name, desired=desired, steady=True)
    for task in service.tasks:
        aws.log(task, "ready")
    return service


def out_of_memory(aws: Simulator, service: Service) -> None:
    task = service.running[0]
    aws.log(task, "token=s3cr3t-4711", "java.lang.OutOfMemoryError: Java heap space")
    task.run_out_of_memory("app")


def test_the_exit_code_is_the_verdict(aws: Simulator) -> None:
    """Healthy is 0, with the list; degraded is 1 and names the cause; secrets are masked."""
    service = healthy(aws)
    env = quick(aws, service)
    assert 0 == run(env, "sync", "--quiet").code
    well = run(env, "diagnose")
    assert (0, "lobby: healthy") == (well.code, well.out.splitlines()[0])

    out_of_memory(aws, service)
    ill = run(env, "diagnose", "--json")

    answer = json.loads(ill.out)
    assert (1, "diagnosed", "out_of_memory") == (
        ill.code, answer["outcome"], answer["cause"]["kind"],
    )  # fmt: skip
    assert "token=*** | java.lang.OutOfMemoryError" in answer["cause"]["text"]
    assert "s3cr3t" not in ill.out


def test_it_needs_no_redis(aws: Simulator) -> None:
    """Without one a service can be healthy, and that is said; one that is away is unknown."""
    service = healthy(aws)
    env: dict[str, str | None] = {**quick(aws, service)}
    without = run(env | NO_REDIS, "diagnose")
    assert 0 == without.code
    assert "was not looked at: REDIS_HOST and REDIS_KEY are not set" in without.out

    aws.valkey.close()
    away = run(env, "diagnose", "lobby")
    assert (2, "lobby: unknown") == (away.code, away.out.splitlines()[0])
    assert "cannot be reached" in away.out
    assert "2 of 2 running" in away.out


def test_of_many_services_the_logs_of_those_that_are_not_well_are_read(aws: Simulator) -> None:
    """Services are found by themselves. A healthy one costs no FilterLogEvents."""
    service, other = healthy(aws), healthy(aws, "shop")
    out_of_memory(aws, other)
    env = quick(aws, service, ECS_SERVICE_NAME=None, REDIS_HOST=None)

    done = run(env, "diagnose")

    assert 1 == done.code
    assert ["lobby", "healthy", "2/2"] == done.out.splitlines()[1].split()
    assert ["shop", "degraded", "1/2"] == done.out.splitlines()[2].split()[:3]
    assert "OutOfMemoryError: Java heap space" in done.out
    read = [call.parameters for call in aws.calls if call.operation == "FilterLogEvents"]
    assert {"/ecs/shop"} == {each["logGroupName"] for each in read}
    quiet = run(env, "diagnose", "all", "--quiet", "--skip", "logs,list")
    assert ["lobby: healthy", "shop: degraded"] == [
        ": ".join(line.split(": ")[:2]) for line in quiet.out.splitlines()
    ]


def test_a_service_or_a_permission_that_is_not_there_is_unknown(aws: Simulator) -> None:
    """It is said once, by action and resource; without ListServices nothing can be found."""
    service = healthy(aws)
    env = quick(aws, service)
    missing = run(env, "diagnose", "nobody")
    assert (2, "nobody: unknown") == (missing.code, missing.out.splitlines()[0])
    assert "service nobody of cluster arcade found no such service" in missing.out
    assert 1 == missing.out.count("ServiceNotFoundException")  # two calls failed with it
    for operation in ("ListServices", "DescribeServices"):
        aws.faults.set(operation, denied)
    refused = run(env, "diagnose", "all")
    assert (2, "") == (refused.code, refused.out)
    assert refused.err.startswith("error: ecs:ListServices for arn:aws:ecs:us-east-1:*:cluster/arc")


@pytest.mark.parametrize(
    ("change", "words", "said"),
    [
        ({"ECS_CLUSTER_NAME": "a b", "REDIS_PORT": "x"}, "status", "ECS_CLUSTER_NAME='a b'"),
        ({"ECS_CLUSTER_NAME": None}, "diagnose", "ECS_CLUSTER_NAME is not set"),
        ({"AWS_REGION": None, "AWS_DEFAULT_REGION": None}, "diagnose", "There is no Region"),
        ({}, "diagnose --minutes 0", "minutes is 0, expected a whole number from 1 to 10080"),
    ],
)
def test_a_wrong_setting_is_an_error(
    aws: Simulator, change: dict[str, str | None], words: str, said: str
) -> None:
    """It exits with 2, names what is wrong, and prints nothing else."""
    service = aws.ecs.create_service("arcade", "lobby")
    done = run(quick(aws, service) | change, *words.split())
    assert (2, "") == (done.code, done.out)
    assert said in done.err
    assert [] == list(aws.calls)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("diagnose --only logs,dreams", "'dreams' is none of tasks, targets"),
        ("diagnose --skip tasks,targets,list,endpoints,logs", "leaves nothing to look at"),
        ("diagnose lobby --function f", "--function and SERVICE exclude each other"),
        ("diagnose --only logs --function f", "--function and --only exclude each other"),
        ("logs pull --function f", "--function and logs pull exclude each other"),
        ("list --watch --function f", "--function and --watch exclude each other"),
        ("status --timeout 0", "0 is not between 1 and 86400 seconds"),
        ("dance", "invalid choice: 'dance'"),
    ],
)
def test_a_wrong_option_is_an_error(
    capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    """It is named, and the exit code is that of a command that failed."""
    with pytest.raises(SystemExit) as ended:
        parse(words.split())
    assert 2 == ended.value.code
    assert said in capsys.readouterr().err


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Every command of the parser that has none below it."""
    below = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    for each in below:
        for command in each.choices.values():
            yield from commands(command)
    if not below:
        yield parser


def test_the_help_has_examples_that_work() -> None:
    """Each command has a description, defaults, and an example that is parsed."""
    found = list(commands(parser()))
    assert 14 == len(found)
    for each in found:
        shown = each.format_help()
        examples = re.findall(rf"^  {PROGRAM} ([^|\n]+)", each.epilog or "", re.MULTILINE)
        assert examples, shown
        for example in examples:
            assert each.prog.split()[3:] == example.split()[: len(each.prog.split()) - 3]
            parse(example.split())
        assert (each.description or "").split(".")[0]
        assert "(default: 300)" in " ".join(shown.split())


def test_all_pages_of_services_are_listed(aws: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of ListServices holds 100 services; none is missed."""
    names = [f"s{number:03}" for number in range(101)]
    for name in names:
        service = aws.ecs.create_service("arcade", name)
    for name, value in aws.settings(service).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    assert names == cli_aws.services("arcade")


def test_the_password_is_fetched_and_shown_nowhere(aws: Simulator) -> None:
    """Law 7, with the log of --verbose too."""
    service = healthy(aws)
    aws.valkey.set_password(PASSWORD)
    done = run(quick(aws, service), "status", "--verbose")
    assert (1, True) == (done.code, "never been published" in done.out)
