"""The documents: every link leads somewhere, every command exists, every example works."""

from __future__ import annotations

import json
import os
import re
import subprocess
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from botocore import xform_name
from botocore.session import get_session
from conftest import KEY, ROOT, listed
from documents import (
    DOCUMENTS,
    README,
    anchors,
    blocks,
    commands,
    links,
    name,
    prose,
    shown_commands,
    spans,
    text,
    variables,
)

from benchmarks.__main__ import SECTIONS
from discovery.cli.parser import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from botocore.model import ServiceModel
    from conftest import Start

    from simulator import Service, Simulator

each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=name)

# Commands of the AWS CLI that botocore does not know, and their options.
CLI_ALONE = {("s3", "rm"): {"recursive"}}
CLI_OPTIONS = {"cli-binary-format", "output", "profile", "query", "region"}


@each_document
def test_every_link_leads_somewhere(path: Path) -> None:
    """A relative link names a file that exists, and its anchor a heading of that file."""
    broken = []
    for link in links(path):
        if link.startswith(("https://", "http://")):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert [] == broken


@each_document
def test_code_stands_in_fences_that_name_their_language(path: Path) -> None:
    """Only such blocks are checked, so there are no others."""
    fences = re.findall(r"^ *```(\w*)", text(path), re.MULTILINE)
    assert {"sh", "console", "python", "json", "text"} >= set(fences[::2])
    assert {""} >= set(fences[1::2])
    assert [] == re.findall(r"(?:^|\n) *\n {4,}\S.*", prose(path))


def test_the_readme_is_short() -> None:
    """A newcomer reads it in a few minutes."""
    assert len(text(README).splitlines()) <= 140


# Commands


def make_targets() -> set[str]:
    (phony,) = re.findall(r"^\.PHONY: (.+)$", text(ROOT / "Makefile"), re.MULTILINE)
    return set(phony.split())


def make(words: list[str]) -> None:
    """Its targets are in the Makefile, and its variables are read by it or by what it runs."""
    scripts = (ROOT / "Makefile", ROOT / "build.sh", ROOT / "packaging" / "deploy.sh")
    read = "\n".join(map(text, scripts))
    given: dict[str, str] = {}
    targets: set[str] = set()
    for word in words[1:]:
        one, _ = variables([word])
        given |= one
        targets |= set() if one else {word}
    assert make_targets() >= targets, words
    for variable in given:
        assert re.search(rf"\b{variable}\b", read), variable
    assert given.get("BENCH", "cold") in SECTIONS
    parameters = [each.partition("=")[0] for each in given.get("PARAMETERS", "").split()]
    template = text(ROOT / "template.yaml")
    assert [] == [each for each in parameters if f"\n  {each}:" not in template]


def python(words: list[str]) -> None:
    """It runs a module that exists; the command line takes these options."""
    assert "-m" == words[1], words
    assert find_spec(words[2]), words
    if words[2] == "discovery" and words[3:]:
        parse(words[3:])


@lru_cache
def model(service: str) -> ServiceModel:
    return get_session().get_service_model(service)


def aws_cli(words: list[str]) -> None:
    """Service and operation exist, and so do the options; those that are required are given."""
    _, service, command, *rest = words
    options = {word[2:] for word in rest if word.startswith("--")}
    if (service, command) in CLI_ALONE:
        assert CLI_ALONE[service, command] >= options
        return
    operations = {xform_name(each, "-"): each for each in model(service).operation_names}
    assert command in operations, words
    shape: Any = model(service).operation_model(operations[command]).input_shape
    assert {xform_name(each, "-") for each in shape.members} | CLI_OPTIONS >= options, words
    assert {xform_name(each, "-") for each in shape.required_members} <= options, words


def git(words: list[str]) -> None:
    assert words[1] in {"checkout", "clone"}, words


def grep(words: list[str]) -> None:
    """It finds something."""
    found = subprocess.run(words, cwd=ROOT, capture_output=True, check=False)
    assert 0 == found.returncode, words


def redis_cli(words: list[str]) -> None:
    """The server sees to it, in a test of its own."""
    assert words[1:], words


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "make": make,
    "python": python,
    ".venv/bin/python": python,
    "aws": aws_cli,
    "git": git,
    "grep": grep,
    "redis-cli": redis_cli,
}


def check(words: list[str]) -> None:
    given, command = variables(words)
    if command[0].startswith("."):
        script = ROOT / command[0]
        if script.is_file() and len(command) == 1:
            assert os.access(script, os.X_OK), words
            return
    assert command[0] in CHECKS, words
    # `PYTHON_VERSION=3.12 make` and `make PYTHON_VERSION=3.12` are the same.
    joined = [f"{each}={value}" for each, value in given.items()] if command[0] == "make" else []
    CHECKS[command[0]]([*command, *joined])


@pytest.mark.parametrize(
    ("where", "words"), shown_commands(), ids=lambda each: each if isinstance(each, str) else ""
)
def test_every_command_in_a_block_exists(where: str, words: list[str]) -> None:
    """It is one of those that are checked here, with arguments that its program takes."""
    assert where
    check(words)


@each_document
def test_every_command_in_a_sentence_exists(path: Path) -> None:
    """The same holds for code that begins like one of these commands."""
    starts = (*(f"{each} " for each in CHECKS), "./", ".ci/", "PYTHON_VERSION=")
    for span in spans(path):
        if span.startswith(starts):
            for words in commands(span):
                check(words)


def test_the_server_knows_every_command_for_it(aws: Simulator) -> None:
    """Each has the number of arguments that the server wants."""
    known: Any = aws.valkey.client().command()
    shown = [words[1:] for _, words in shown_commands() if words[0] == "redis-cli"]
    assert shown
    for words in shown:
        # https://redis.io/docs/latest/develop/reference/command-arity/
        arity = known[words[0].lower()]["arity"]
        assert len(words) == arity or len(words) >= -arity > 0, words


# Examples


def a_service(aws: Simulator) -> tuple[Service, dict[str, str]]:
    service = aws.ecs.create_service("arcade", "lobby", desired=2, steady=True)
    aws.events.take()
    return service, aws.settings(service, KEY, RETRY_COUNT="1", HEALTH_CHECK_TIMEOUT="0.2")


def manual_events() -> list[Any]:
    """What the documents send by hand."""
    found = []
    for _, words in shown_commands():
        given, _ = variables([word for word in words if word.startswith("EVENT=")])
        payload = words[words.index("--payload") + 1] if "--payload" in words else None
        found += [each for each in (given.get("EVENT"), payload) if each]
    shown = [span for path in DOCUMENTS for span in spans(path)]
    found += [span for span in shown if re.match(r'\{("action"|"dry_run"|\})', span)]
    return [json.loads(each) for each in dict.fromkeys(found)]


def test_the_function_answers_every_event_that_is_shown(aws: Simulator, start: Start) -> None:
    """None of them is invalid. Each finds a service of which nothing was recycled yet."""
    service, settings = a_service(aws)
    function = start(settings | {"RECYCLE": "true", "HISTORY": "true", "DIAGNOSE": "true"})
    events = manual_events()
    assert {"action": "status"} in events
    assert {"dry_run": True} in events
    for event in events:
        aws.valkey.flush()
        service.tags.clear()
        service.scale(2)
        assert (event, None) == (event, function.invoke(event).error_message)


@pytest.mark.parametrize("block", blocks("json"), ids=lambda block: block.where)
def test_json_examples_are_json(block: Any) -> None:
    """A reader can paste them."""
    json.loads(block.text)


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.where)
def test_python_examples_compile(block: Any) -> None:
    """A reader can paste them."""
    compile(block.text, block.where, "exec")


def python_example(part: str) -> str:
    (found,) = (block.text for block in blocks("python") if part in block.text)
    return found


def test_the_readers_example_reads_the_list(aws: Simulator, start: Start) -> None:
    """Run against a real server, it has the addresses of the tasks; before, it has none."""
    service, settings = a_service(aws)
    ours = f'"127.0.0.1", {aws.valkey.port}'
    example = python_example("redis.Redis(").replace('"my-redis"', ours)
    before: dict[str, Any] = {}
    exec(example, before)
    assert [] == before["addresses"]
    start(settings).invoke({})
    after: dict[str, Any] = {}
    exec(example, after)
    assert [task.ip for task in service.tasks] == after["addresses"]


def test_the_example_that_follows_changes_sees_them(aws: Simulator, start: Start) -> None:
    """It yields the list at once, and again as soon as a task has left it."""
    service, settings = a_service(aws)
    function = start(settings)
    function.invoke({})
    namespace: dict[str, Any] = {}
    exec(python_example("def lists("), namespace)
    lists: Iterator[list[dict[str, str]]] = namespace["lists"](aws.valkey.client())
    assert listed(aws) == [item["ip"] for item in next(lists)]
    next(lists)  # the answer to the subscription
    service.tasks[0].stop()
    (stopped,) = aws.events.take()
    function.invoke(stopped)
    assert [service.tasks[1].ip] == [item["ip"] for item in next(lists)]
