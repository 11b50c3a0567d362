"""docs/recycle.md held against the code and a real recycle."""

from __future__ import annotations

import json
import math
import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from conftest import KEY, ROOT
from documents import CONTRACT, RECYCLE, blocks, code, name, section, shown_commands, table

from discovery.recycle import record, report
from discovery.recycle.request import COMMANDS, request
from discovery.service import Scaling, Suspended
from discovery.telemetry.mail import parse_mail_secret
from simulator import Delays
from simulator.events import scheduled
from simulator.processes import wait_until

if TYPE_CHECKING:
    from conftest import Start

    from simulator import Simulator

NOW = 1_800_000_000.0
PHASES = (record.PREPARING, record.SURGING, record.RECYCLING, record.RESTORING)
STEPS = (record.DRAIN, record.STOP, record.REPLACE, record.SETTLE)


def ours(language: str, part: str) -> str:
    """The one block of the page that has this part."""
    (found,) = (
        each.text
        for each in blocks(language)
        if each.where.startswith(name(RECYCLE)) and part in each.text
    )
    return found


def test_the_fields_and_their_defaults_are_those_of_the_code() -> None:
    """The table has each field that a start takes, with its default, and no other."""
    documented = {code(row[0])[0]: row[1] for row in table(RECYCLE, "Start one")}
    assert "false" == documented.pop("dry_run")
    assert "now" == documented.pop("started_before")
    defaults = {
        each.name: str(each.default).lower().removesuffix(".0")
        for each in fields(record.Request)
        if each.name != "started_before"
    }
    assert defaults == documented
    shown = json.loads(ours("json", '"wait_time": 30'))
    assert record.Request(started_before=NOW) == request(
        {field: value for field, value in shown.items() if field != "action"}, NOW
    )


def test_the_commands_and_the_outcomes_are_those_of_the_code() -> None:
    """Each command is explained, and each outcome has a row."""
    started = section(RECYCLE, "Start one")
    assert [] == [word for word in COMMANDS if f"`{word}`" not in started and word != "status"]
    rows = table(RECYCLE, "What it answers")
    outcomes = {report.NONE, report.RECYCLING, report.PAUSED, *record.ENDS}
    assert outcomes == {code(row[0])[0] for row in rows}


def test_the_diagram_has_each_phase_and_step_in_its_order() -> None:
    """From the start to the three ends."""
    drawn = re.findall(r"\b\w+\b", ours("text", "preparing "))
    places = [drawn.index(word) for word in PHASES]
    assert sorted(places) == places
    steps = [drawn.index(word, drawn.index(record.RECYCLING)) for word in STEPS]
    assert sorted(steps) == steps
    assert set(record.ENDS) <= set(drawn)


def test_the_metrics_are_those_of_the_code() -> None:
    """The table has each metric of a recycle, and no other."""
    documented = [code(row[0])[0] for row in table(CONTRACT, "Metrics of a recycle")]
    assert list(report.figures(a_record(), NOW)) == documented


def a_record() -> record.Record:
    tag = record.parse_tag(ours("text", "raised=4").partition(" = ")[2])
    assert tag is not None
    return record.from_tag(tag, NOW)


def test_the_tag_is_as_the_code_writes_it() -> None:
    """The example can be read back, each of its words is explained, and the commands fit it."""
    shown = ours("text", "raised=4").strip()
    key, _, value = shown.partition(" = ")
    tag = record.parse_tag(value)
    assert (record.TAG, True) == (key, tag is not None)
    assert tag is not None
    scaling = Scaling(1, 3, Suspended())
    assert (3, scaling, 4, 4) == (
        tag.before.desired,
        tag.before.scaling,
        tag.raised,
        tag.raised_maximum,
    )
    words = [word.partition("=")[0] for word in value.split()]
    assert words == [code(row[0])[0] for row in table(RECYCLE, "Restore by hand")]
    made = record.tag_of(a_record())
    assert words == [word.partition("=")[0] for word in made.split()]
    typed = [words for where, words in shown_commands() if where.startswith(name(RECYCLE))]
    lines = " ".join(" ".join(words) for words in typed)
    assert f"--desired-count {tag.before.desired}" in lines
    assert f"--max-capacity {scaling.maximum}" in lines
    assert any(record.TAG in words for words in typed)


def test_the_mail_secret_is_one_that_the_function_takes() -> None:
    """A reader can paste it."""
    mail = parse_mail_secret(ours("json", '"host"'), "arn")
    assert ("smtp.example.com", 587, "[production]") == (mail.host, mail.port, mail.subject_prefix)


@pytest.mark.parametrize("row", table(RECYCLE, "How long it takes"), ids=lambda row: row[0])
def test_the_durations_follow_from_the_formula(row: list[str]) -> None:
    """R + ceil(n / batch_size) x (drain_time + R + settle_time + wait_time), with R = 60 s."""
    request, start = record.Request(), 60.0
    tasks = int(row[0].replace(",", ""))
    share = float(row[1].rstrip("%")) / 100 * tasks if "%" in row[1] else float(row[1])
    batches = math.ceil(tasks / math.ceil(share))
    each = request.drain_time + start + request.settle_time + request.wait_time
    hours, minutes = divmod(round((start + batches * each) / 60), 60)
    took = f"{hours} h {minutes} min" if hours else f"{minutes} min"
    assert [f"{batches}", took] == row[2:]


def test_a_recycle_answers_like_the_examples(aws: Simulator, start: Start) -> None:
    """The answers have the same fields in the same order, and a plan those that are named."""
    service = aws.ecs.create_service("arcade", "lobby", desired=2, steady=True)
    service.delays = Delays().times(0.02)
    aws.scaling.register(service, 1, 2)
    settings = aws.settings(service, KEY, RETRY_INTERVAL="0.1", HEALTH_CHECK_TIMEOUT="0.2")
    function = start(settings | {"RECYCLE": "true"})
    event = {"action": "recycle", "drain_time": 3, "wait_time": 0}
    plan = function.invoke(event | {"dry_run": True}).answer
    prose = " ".join(section(RECYCLE, "What it answers").split())
    named = code(prose.partition("A dry run answers `checked` with")[2])
    assert list(plan["recycle"]) == named
    aws.clock.run()
    function.invoke(event)
    real: dict[str, Any] = {}

    def in_hand() -> bool:
        nonlocal real
        function.invoke(scheduled(), 6.0)
        real = function.invoke({"action": "recycle", "command": "status"}).answer
        return bool(real["recycle"]["current"])

    wait_until(in_hand, "a task is in hand", 30)
    aws.clock.stop()
    shown = json.loads(ours("json", '"outcome": "recycling"'))
    assert shape(shown) == shape(real)
    assert real["recycle"].keys() == function.invoke({"action": "status"}).answer["recycle"].keys()
    keys: Any = aws.valkey.client()
    documented = {each for row in table(CONTRACT, "Redis") for each in code(row[0])}
    assert {"S:recycle", "S:recycle:lease"} <= documented
    held = set(keys.hgetall(f"{{{KEY}}}:recycle"))
    (cell,) = (row[2] for row in table(CONTRACT, "Redis") if code(row[0]) == ["S:recycle"])
    assert held <= set(code(cell))


def shape(value: Any) -> Any:
    """The fields of an answer, at each depth, in their order; of a list those of its first item."""
    if isinstance(value, dict):
        return [(field, shape(each)) for field, each in value.items()]
    return [shape(value[0])] if isinstance(value, list) else None


def test_each_promise_names_a_test_that_exists() -> None:
    """It ends with the name of the test, which fails when the promise is broken."""
    promises = re.findall(
        r"^\d\. (.*?)(?=^\d\. |\Z)", section(RECYCLE, "What it promises"), re.DOTALL | re.MULTILINE
    )
    named = [re.search(r"`(tests/\S+\.py)`:\s+`(test_\w+)`\s*\Z", each) for each in promises]
    assert [True] * 5 == [found is not None for found in named]
    for found in named:
        assert found
        assert f"def {found[2]}(" in (ROOT / found[1]).read_text(encoding="utf-8")
