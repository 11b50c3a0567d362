"""The house rules, held by reading the product's source: who may import what, and how much."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
FILES = [ROOT / "lambda_function.py", *sorted((ROOT / "discovery").glob("**/*.py"))]
MODULES = {
    path.stem: ast.parse(path.read_text(encoding="utf-8"), path.name, feature_version=(3, 9))
    for path in FILES
}
each_module = pytest.mark.parametrize("name", MODULES)
each_file = pytest.mark.parametrize(
    "path", [*FILES, ROOT / "discovery" / "registry.lua"], ids=lambda path: path.name
)

# Imports go one way: what each module may use of the package when it runs, and what
# it may besides name in an annotation. Nobody but lambda_function sees all of it.
ADAPTERS = {"ecs", "health", "registry"}
MAY_IMPORT: dict[str, set[str]] = {
    "__init__": set(),
    "model": set(),
    "errors": set(),
    "deadline": set(),
    "metrics": set(),
    "text": set(),
    "aws": {"text"},
    "decide": {"model"},
    "described": {"model"},
    "stored": {"model"},
    "settings": {"errors"},
    "events": {"errors", "model", "text"},
    "report": {"model", "stored"},
    "health": {"model"},
    "credentials": {"aws", "errors", "text"},
    "connection": {"deadline", "errors", "text"},
    "listing": {"errors"},
    "ecs": {"aws", "described", "errors", "listing", "text"},
    "registry": {"errors", "model", "stored"},
    "observe": {"decide", "model"},
    "rounds": set(),
    "sync": {"decide", "errors", "model", "observe", "registry", "report", "rounds", "stored"}
    | {"text"},
    "lambda_function": ADAPTERS
    | {"aws", "connection", "credentials", "deadline", "errors", "events", "metrics", "model"}
    | {"report", "settings", "sync"},
}
MAY_NAME: dict[str, set[str]] = {
    "events": {"settings"},
    "health": {"deadline"},
    "listing": {"deadline", "model"},
    "ecs": {"deadline", "model"},
    "connection": {"credentials"},
    "observe": {"deadline", "ecs", "health"},
    "registry": {"connection", "deadline"},
    "rounds": {"model"},
    "sync": {"deadline", "ecs", "health"},
}

# What goes into the zip, and who may see it.
PACKAGES = {
    "lambda_function": {"boto3", "botocore"},
    "aws": {"botocore"},
    "connection": {"redis"},
    "credentials": {"redis"},
}

# The parts that think do no I/O. `stored` takes socket for inet_pton, which is arithmetic.
PURE = {
    "model": set(),
    "errors": set(),
    "decide": set(),
    "described": set(),
    "report": set(),
    "rounds": set(),
    "metrics": {"json"},
    "text": set(),
    "events": {"datetime", "re", "reprlib"},
    "settings": {"ipaddress", "math", "re"},
    "stored": {"datetime", "json", "socket"},
}
# The log analysis of the diagnosis: pure throughout, and it uses itself and text alone.
LOGS = ["access", "classify", "faults", "forms", "levels", "redact", "shapes", "structured"]
LOGS += ["summary", "traces", "words"]
MAY_IMPORT.update({name: {"diagnose", "text"} for name in LOGS})
PURE.update({name: {"json", "re"} for name in LOGS})
HARMLESS = {"__future__", "collections", "dataclasses", "enum", "functools", "itertools", "typing"}


def hints(tree: ast.Module) -> set[ast.AST]:
    """The nodes under `if TYPE_CHECKING:`, which never run."""
    return {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }


def imported(name: str, running: bool) -> Iterator[str]:
    """Dotted names that a module imports when it runs, or just for its annotations."""
    tree = MODULES[name]
    unrun = hints(tree)
    for node in ast.walk(tree):
        if (node in unrun) is running:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(name: str, running: bool) -> set[str]:
    return {each.split(".")[1] for each in imported(name, running) if each.startswith("discovery.")}


def standard(name: str) -> set[str]:
    tops = {each.split(".")[0] for each in imported(name, running=True)}
    return tops & sys.stdlib_module_names


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_every_module_has_its_rule() -> None:
    """A new file is placed in the house before it is used."""
    assert MAY_IMPORT.keys() == MODULES.keys()


@each_module
def test_imports_go_one_way(name: str) -> None:
    """A module uses what lies below it and nothing beside or above: adapters never each other."""
    assert set() == ours(name, running=True) - MAY_IMPORT[name]
    assert set() == ours(name, running=False) - MAY_IMPORT[name] - MAY_NAME.get(name, set())


def test_the_way_has_no_circle() -> None:
    """By the rules themselves, and names in annotations count: the map can be read downwards."""
    left = {name: MAY_IMPORT[name] | MAY_NAME.get(name, set()) for name in MODULES}
    while left:
        lowest = {name for name, needs in left.items() if not needs & left.keys()}
        assert lowest, f"a circle among {sorted(left)}"
        left = {name: needs for name, needs in left.items() if name not in lowest}


def test_adapters_do_not_know_each_other() -> None:
    """Of the adapters' four, none may use another, whatever else the rules above would allow."""
    for name in ADAPTERS | {"credentials"}:
        assert set() == MAY_IMPORT[name] & (ADAPTERS | {"credentials"} - {name})


@each_module
def test_the_runtime_has_three_packages(name: str) -> None:
    """boto3, botocore and redis, each where it belongs; all else is the standard library."""
    tops = {each.split(".")[0] for each in imported(name, running=True)}
    foreign = tops - sys.stdlib_module_names - {"discovery"}
    assert set() == foreign - PACKAGES.get(name, set())


@each_module
def test_only_the_composition_root_reads_the_environment_and_builds_clients(name: str) -> None:
    """No other module sees os or boto3, so whatever it needs is passed in."""
    if name != "lambda_function":
        tops = {each.split(".")[0] for each in imported(name, running=True)}
        assert set() == tops & {"os", "boto3", "subprocess"}
        assert "print" not in {called for called, _ in calls(name)}


@each_module
def test_time_and_sleep_are_passed_in(name: str) -> None:
    """A clock may be a default; nobody but the composition root looks at one by itself."""
    if name != "lambda_function":
        clocks = ("time.", "datetime.now", "datetime.utcnow", "sleep", "monotonic")
        assert [] == [called for called, _ in calls(name) if called.startswith(clocks)]


@pytest.mark.parametrize("name", PURE)
def test_what_thinks_does_no_input_or_output(name: str) -> None:
    """What decides, reads or writes down gets all it needs as arguments."""
    assert set() == standard(name) - HARMLESS - PURE[name]
    assert set() == {"open", "input", "exec", "eval"} & {called for called, _ in calls(name)}


@each_file
def test_a_file_has_300_lines_at_most(path: Path) -> None:
    """It can be read in one sitting."""
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= 300


@each_module
def test_a_function_has_50_lines_at_most(name: str) -> None:
    """It can be seen in one screen."""
    functions = [
        (node.name, (node.end_lineno or 0) - node.lineno + 1)
        for node in ast.walk(MODULES[name])
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    assert [] == [(function, lines) for function, lines in functions if lines > 50]
