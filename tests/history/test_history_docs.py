"""What docs/history.md says, held against the function and the code."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from conftest import KEY, ROOT
from redis_helpers import quick

from discovery.history.reconcile import LOOK_UPS
from discovery.history.report import LIMIT
from discovery.history.request import DAY
from discovery.task_record import LARGEST

if TYPE_CHECKING:
    from conftest import Start

    from simulator import Simulator

PAGE = (ROOT / "docs" / "history.md").read_text(encoding="utf-8")
SCRIPT = (ROOT / "discovery" / "store" / "history.lua").read_text(encoding="utf-8")


def shape(value: Any) -> Any:
    """The names of the fields, in their order, all the way down."""
    if isinstance(value, dict):
        return [(name, shape(inner)) for name, inner in value.items()]
    return [shape(inner) for inner in value] if isinstance(value, list) else None


def test_an_answer_looks_like_the_example(aws: Simulator, start: Start) -> None:
    """The same fields in the same order, in a task that ran out of memory and in an instance."""
    (example,) = (json.loads(each) for each in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
    service = aws.ecs.create_service("arcade", "lobby")
    task = service.start_task()
    task.run_out_of_memory()
    aws.ecs.add_instance("arcade").drain()
    function = start(quick(aws, service, HISTORY="true"))
    for event in aws.events.take():
        assert function.invoke(event).error_message is None
    answer = function.invoke({"action": "history"}).answer
    assert shape(example) == shape(answer)
    ours = ("stop_code", "stopped_reason", "kind", "fault", "text", "remedy")
    shown = [each["tasks"][0]["stop"] for each in (example, answer)]
    assert [tuple(stop) for stop in shown] == [ours, ours]
    assert (shown[0]["kind"], shown[0]["remedy"]) == (shown[1]["kind"], shown[1]["remedy"])


def test_the_figures_are_those_of_the_code() -> None:
    """Each limit that the page names."""
    for limit, words in (
        (LOOK_UPS == 100, "100 tasks a run at most"),
        (LIMIT == 5_500_000, "An answer holds 5.5 MB"),
        (DAY == 1440, "1,440 at most"),
        (LARGEST == 1000, "A record has 1,000 bytes at most"),
        ("KEPT_FOR, KEPT = 86400, 2000 " in SCRIPT, "goes after a day**, or when 2,000 others"),
        ("PAGE = 500 " in SCRIPT, "a page of 500 records"),
    ):
        assert (True, words) == (limit, words)
        assert words in " ".join(PAGE.split())


def test_the_commands_are_those_that_the_user_needs() -> None:
    """Beside those of a deployment without the history: no more, no less."""
    contract = " ".join((ROOT / "docs" / "contract.md").read_text(encoding="utf-8").split())
    (rules,) = re.findall(r"An ACL user needs `(.+?)`", contract)
    (more,) = re.findall(r"With HISTORY an ACL user also needs `(.+?)`", contract)
    assert f"for an ACL user: `{more}`" in " ".join(PAGE.split())
    called = {word.lower() for word in re.findall(r"redis\.call\('(\w+)'", SCRIPT)}
    allowed = {each.lstrip("+") for each in f"{rules} {more}".split() if each.startswith("+")}
    assert set() == called - allowed
    assert {each.lstrip("+") for each in more.split()} <= called
    assert KEY in rules.replace("<key>", KEY)
