"""What a terminal gets and a pipe does not: colours, a width, progress."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from commands import COLOUR, ESCAPE, on_terminal, run
from redis_helpers import quick

from discovery.cli.table import Cell, table
from discovery.cli.terminal import Terminal, columns, cut
from simulator.faults import slow

if TYPE_CHECKING:
    from simulator import Service, Simulator


def service(aws: Simulator) -> Service:
    return aws.ecs.create_service("arcade", "lobby", desired=2, steady=True)


@pytest.fixture
def env(aws: Simulator) -> dict[str, str]:
    """A service that fails to run one of its tasks, for a long reason."""
    lobby = service(aws)
    aws.log(lobby.tasks[0], "ERROR " + "cannot connect to the database " * 20)
    lobby.tasks[0].run_out_of_memory()
    return quick(aws, lobby, REDIS_HOST=None)


def test_colours_are_for_terminals_alone(aws: Simulator) -> None:
    """And not with NO_COLOR, nor on a dumb one."""
    env = quick(aws, service(aws))
    assert COLOUR.search(on_terminal(env, "status").out)
    assert ESCAPE not in on_terminal(env | {"NO_COLOR": "1"}, "status").out
    assert ESCAPE not in on_terminal(env | {"TERM": "dumb"}, "status").out
    assert ESCAPE not in run(env, "status").out


def test_lines_fit_the_terminal(env: dict[str, str]) -> None:
    """Whatever its width; a pipe gets them whole."""
    plain = env | {"NO_COLOR": "1"}
    for words in ("diagnose", "logs errors"):
        shown = on_terminal(plain, *words.split(), columns=60).out
        assert "ERROR cannot" in shown
        assert [] == [line for line in shown.splitlines() if len(line) > 60]
    assert max(map(len, run(env, "logs", "errors").out.splitlines())) > 400


def test_progress_is_shown_while_it_takes_long(aws: Simulator) -> None:
    """After a second, on one line that is cleared; not with --quiet. No services: exit code 2."""
    aws.ecs.create_cluster("empty")
    env = {name: value for name, value in quick(aws, service(aws)).items() if "ECS" not in name}
    aws.faults.set("ListServices", slow(1.5))
    done = on_terminal(env, "diagnose", "--cluster", "empty")
    progress = re.findall(r"\r\x1b\[K(listing the services of empty \(1 s\))", done.out)
    assert progress, done
    after = done.out[done.out.rindex(progress[-1]) :]
    assert after.endswith("\r\x1b[Kerror: The cluster empty has no services: name another one.\n")
    assert 2 == done.code
    quiet = on_terminal(env, "diagnose", "--cluster", "empty", "--quiet")
    assert (2, False) == (quiet.code, ESCAPE in quiet.out)


@pytest.mark.parametrize("width", [20, 33, None])
def test_a_paragraph_fits(width: int | None) -> None:
    """No word is lost, and each line has its indent; what is longer than a line is broken."""
    text = f"a few words, an arn:{'x' * 70} and 日本語のログ行です 日本語 to the end"
    lines = Terminal(width).paragraph(text, "    ", "- ")
    assert [] == [line for line in lines if width and columns(line) > width]
    assert ["- a", *["    "] * (len(lines) - 1)] == [
        line[: 3 if number == 0 else 4] for number, line in enumerate(lines)
    ]
    assert text.replace(" ", "") == "".join("".join(lines).split())[1:]


@pytest.mark.parametrize("width", [20, 30, 45, 80, None])
def test_a_table_fits(width: int | None) -> None:
    """The widest columns are cut, numbers stand right, wide characters count twice."""
    rows = [("a" * 60, 7, Cell("failing", "failing")), ("日本語" * 8, 12345, Cell("ok", ""))]
    lines = table(("NAME", "COUNT", "STATE"), rows, Terminal(width))
    assert [] == [line for line in lines if width and columns(line) > width]
    if width is None or width >= 45:
        assert ["COUNT", "7", "12345"] == [re.split(" {2,}", line)[1].strip() for line in lines]
        assert 1 == len({columns(line[: line.index(word)]) + len(word) for line, word in
                         zip(lines, ("COUNT", "7", "12345"), strict=True)})  # fmt: skip
    assert "日本…" == cut("日本語日本語", 5)
