"""What the documents promise, held against the code, the template and a real run."""

from __future__ import annotations

import json
import re
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import pytest
from conftest import KEY, ROOT
from documents import (
    CHANGELOG,
    CONTRACT,
    DEPLOY,
    DESIGN,
    DOCUMENTS,
    OPERATIONS,
    README,
    blocks,
    code,
    name,
    shown_commands,
    spans,
    table,
    text,
)

import discovery
from discovery import errors, settings
from discovery.model import Outcome, Probe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from conftest import Start

    from simulator import Invocation, Simulator

PACKAGE = ROOT / "discovery"
TEMPLATE = text(ROOT / "template.yaml")

VERSION: str | None = getattr(discovery, "__version__", None)


def variables() -> dict[str, str | None]:
    """The default of each environment variable that is a setting; None: it is required."""
    held = [each for each in vars(settings).values() if isinstance(each, type)]
    return {
        field.metadata["name"]: field.metadata["default"]
        for kind in held
        if is_dataclass(kind)
        for field in fields(kind)
        if "name" in field.metadata
    }


def parameters() -> dict[str, str | None]:
    """The default of each parameter of the template; None: it is required."""
    (body,) = re.findall(r"^Parameters:\n(.*?)^\w", TEMPLATE, re.DOTALL | re.MULTILINE)
    names = re.split(r"^  (\w+):", body, flags=re.MULTILINE)[1:]
    defaults = {}
    for parameter, described in zip(names[::2], names[1::2], strict=True):
        found = re.search(r'\bDefault: ("[^"]*"|[^,}\n]+)', described)
        defaults[parameter] = found[1].strip(' "') if found else None
    return defaults


def shown(default: str | None) -> str:
    """A default as the tables show it."""
    return "required" if default is None else default or "none"


def test_the_settings_are_those_of_the_code() -> None:
    """The table has each variable that the function reads, with its default, and no other."""
    documented = {variable: default for variable, default, _ in table(CONTRACT, "Settings")}
    assert {each: shown(default) for each, default in variables().items()} == documented


def test_the_parameters_are_those_of_the_template() -> None:
    """A setting is a parameter with the same default; a table has the others."""
    allowed = ("RECYCLE", "HISTORY", "DIAGNOSE")
    renamed = {name: f"Allow{name.title()}" for name in allowed}
    documented = {
        renamed.get(name) or "".join(word.title() for word in name.split("_")): shown(default)
        for name, default in variables().items()
    }
    others = {code(cell)[0]: default for cell, default, _ in table(DEPLOY, "Parameters")}
    assert {} == {each: others[each] for each in others if each in documented}
    assert {each: shown(default) for each, default in parameters().items()} == documented | others


def test_the_alarms_and_the_rules_are_those_of_the_template() -> None:
    """The tables name them as the template does."""
    alarms = re.findall(r"^  (\w+):\n    Type: AWS::CloudWatch::Alarm", TEMPLATE, re.MULTILINE)
    assert sorted(alarms) == sorted(code(row[0])[0] for row in table(OPERATIONS, "Alarms"))
    rules = re.findall(r"^  Function(\w+):\n    Type: AWS::Events::Rule", TEMPLATE, re.MULTILINE)
    assert rules == [code(row[0])[0] for row in table(DEPLOY, "What runs it")]


def test_the_role_is_that_of_the_template() -> None:
    """The table has each action that the role allows, and no other."""
    (role,) = re.findall(r"^  Role:\n(.*?)^  \w", TEMPLATE, re.DOTALL | re.MULTILINE)
    services = r"(?:application-autoscaling|ec2|ecs|elasticloadbalancing|kms|logs"
    services += r"|secretsmanager|sns|sqs)"
    allowed = set(re.findall(rf"(?:Action: \[?|, |- )({services}:\w+)", role))
    documented = re.findall(
        rf"\b{services}:\w+", " ".join(row[1] for row in table(DEPLOY, "The role"))
    )
    assert allowed == set(documented)


def test_the_outcomes_and_the_errors_are_those_of_the_code() -> None:
    """The tables are complete."""
    outcomes = [each for row in table(CONTRACT, "Answers") for each in code(row[0])]
    assert sorted(outcome.value for outcome in Outcome) == sorted(outcomes)
    kinds = {
        each.__name__
        for each in errors.DiscoveryError.__subclasses__()
        if each.__module__ == errors.__name__
    }
    assert kinds == {code(row[0])[0] for row in table(CONTRACT, "Errors")}


def test_the_reasons_are_those_of_the_code() -> None:
    """Each reason is one that an answer gives, and every result of a probe is explained."""
    documented = [code(row[0])[0] for row in table(OPERATIONS, "A task is not listed")]
    probes = [probe.value for probe in Probe if probe is not Probe.OPEN]
    assert probes == documented[: len(probes)]
    (decide,) = PACKAGE.glob("**/decide.py")
    for reason in documented[len(probes) :]:
        fixed = re.split(r" …|PENDING", reason)[0]
        assert f'"{fixed}' in text(decide), reason


def examples() -> dict[str, dict[str, Any]]:
    """The answers that the contract shows, by outcome."""
    held = [json.loads(block.text) for block in blocks("json")]
    return {each["outcome"]: each for each in held if "outcome" in each}


@pytest.fixture
def a_run(aws: Simulator, start: Start) -> Mapping[str, Invocation]:
    """A sync of three tasks, one of which refuses; the stop of another; and a look at it all."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(2)
    service.start_task(port="closed")
    aws.events.take()
    settings = aws.settings(service, KEY, RETRY_COUNT="1", HEALTH_CHECK_TIMEOUT="0.2")
    function = start(settings | {"HISTORY": "true"})
    published = function.invoke({})
    service.tasks[0].stop()
    (event,) = aws.events.take()
    stopped = function.invoke(event)
    return {
        "published": published,
        "stopped": stopped,
        "status": function.invoke({"action": "status"}),
    }


def test_answers_look_like_the_examples(a_run: Mapping[str, Invocation]) -> None:
    """They have the same fields in the same order, and so have the tasks in them."""
    shown, real = examples()["published"], a_run["published"].answer
    assert list(shown) == list(real)
    assert list(shown["excluded"][0]) == list(real["excluded"][0])
    (listing,) = (each.text for each in blocks("console") if each.where.startswith("README"))
    item = json.loads(listing.partition("\n")[2])[0]
    assert list(item) == list(a_run["status"].answer["tasks"][0])


def test_status_looks_like_the_example(a_run: Mapping[str, Invocation]) -> None:
    """It has the same fields in the same order."""
    assert list(examples()["status"]) == list(a_run["status"].answer)


def test_a_change_looks_like_the_example(aws: Simulator, start: Start) -> None:
    """The message on the channel has these fields."""
    (shown,) = (json.loads(b.text) for b in blocks("json") if '"added"' in b.text[:60])
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task()
    channel: Any = aws.valkey.client().pubsub()  # type: ignore[no-untyped-call]
    channel.subscribe(KEY)
    assert "subscribe" == channel.get_message(timeout=5)["type"]
    start(aws.settings(service, KEY)).invoke({})
    assert list(shown) == list(json.loads(channel.get_message(timeout=5)["data"]))


def test_the_metrics_are_those_of_a_run(a_run: Mapping[str, Invocation]) -> None:
    """The line that a run prints has the documented metrics, but for the other outcomes."""
    documented = {each for row in table(CONTRACT, "Metrics") for each in code(row[0])}
    (line,) = (line for line in a_run["stopped"].log if line.startswith('{"_aws"'))
    (directive,) = json.loads(line)["_aws"]["CloudWatchMetrics"]
    others = {"Kept", "Coalesced", "Superseded", "Failed"}
    assert {each["Name"] for each in directive["Metrics"]} == documented - others


def test_the_keys_are_those_of_a_run(aws: Simulator, a_run: Mapping[str, Invocation]) -> None:
    """A run leaves the documented keys and fields, and the command that deletes them leaves none.

    The lease and the rate limit may be gone by then; nothing is draining, reinstated, recycled or
    stopped.
    """
    assert "published" == a_run["stopped"].answer["outcome"]
    client: Any = aws.valkey.client()
    rows = table(CONTRACT, "Redis")
    keys = [code(row[0])[0].replace("S:", f"{{{KEY}}}:") for row in rows if row[1] != "pub/sub"]
    keys = [KEY if each == "K" else each for each in keys]
    found = set(client.keys())
    assert set() == found - set(keys)
    passing = (":lease", ":ratelimit", ":draining", ":recycle", ":instances", ":stopped")
    assert {each for each in keys if not each.endswith(passing)} <= found
    (state,) = (row[2] for row in rows if "S:state" in row[0])
    assert {*client.hgetall(f"{{{KEY}}}:state"), "reinstated"} == set(code(state))
    (delete,) = (words for _, words in shown_commands() if words[:2] == ["redis-cli", "DEL"])
    assert keys == delete[2:]
    client.delete(*delete[2:])
    assert [] == client.keys()


def test_messages_that_name_a_document_name_one_that_is_there() -> None:
    """An error that sends its reader to a page sends her to the right one."""
    sources = [*PACKAGE.rglob("*.py"), *(ROOT / "packaging").glob("*.sh")]
    ours = r"(?<![\w/.-])docs/[\w.#-]+"  # not a part of an address
    named = {each for path in sources for each in re.findall(ours, text(path))}
    assert [] == [each for each in named if not (ROOT / each.partition("#")[0]).is_file()]


@pytest.mark.parametrize("path", [p for p in DOCUMENTS if p != CHANGELOG], ids=name)
def test_every_file_that_is_named_is_there(path: Path) -> None:
    """From the root, or from discovery/ as its own files name each other."""
    drawn = " ".join(block.text for block in blocks("text") if block.where.startswith(name(path)))
    words = f"{' '.join(spans(path))} {drawn}".split()
    suffixes = (".py", ".lua", ".sh", ".md", ".json", ".yaml")
    named = {word.strip("[],;:()") for word in words}
    named = {word for word in named if word.endswith(suffixes) and "://" not in word}
    roots = (ROOT, PACKAGE, PACKAGE / "store", ROOT / "benchmarks", path.parent)
    assert [] == sorted(each for each in named if not any((root / each).exists() for root in roots))


def test_the_map_of_the_rooms_is_complete() -> None:
    """It names each module of the package, in its room, and no other."""
    (drawn,) = (block.text for block in blocks("text") if block.where.startswith(name(DESIGN)))
    (inside,) = re.findall(r"^discovery/\n(.*?)^\w", drawn, re.DOTALL | re.MULTILINE)
    named = set()
    for line in inside.splitlines():
        room, listed = re.fullmatch(r"  (?:(\w+)/)? *(.*?)(?:   .*)?", line).groups()  # type: ignore[union-attr]
        named |= {f"{room}/{each}" if room else each for each in listed.split(", ")}
    modules = {
        str(path.relative_to(PACKAGE).with_suffix(".lua" if path.suffix == ".lua" else ""))
        for path in PACKAGE.rglob("*")
        if path.suffix in {".py", ".lua"} and path.stem != "__init__"
    }
    assert sorted(modules) == sorted(named)


def test_the_changelog_has_the_version() -> None:
    """Its newest release is the version that the function answers with."""
    releases = re.findall(r"^## \[([\d.]+)\] - (\d{4}-\d\d-\d\d)$", text(CHANGELOG), re.MULTILINE)
    assert VERSION == releases[0][0]
    assert examples()["status"]["version"] == releases[0][0]


def test_the_seven_laws_are_the_same_everywhere() -> None:
    """The README, the design and the changelog name them with the same words."""
    short = re.findall(r"^\d\. \*\*(.+?)\*\*", text(README), re.MULTILINE)
    long = re.findall(r"^### (\d)\. (.+)$", text(DESIGN), re.MULTILINE)
    assert list("1234567") == [number for number, _ in long]
    changes = " ".join(text(CHANGELOG).lower().split())
    for (_, heading), each in zip(long, short, strict=True):
        assert heading == each.rstrip(".:")
        assert heading.lower() in changes
