"""The house rules, checked by reading the source: which room may import which, and what is pure."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "discovery"


def dotted(path: Path) -> str:
    """A module's whole name, as two rooms may have a module of the same stem."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def parsed(*paths: Path) -> dict[str, ast.Module]:
    return {dotted(path): ast.parse(path.read_text(encoding="utf-8"), path.name) for path in paths}


FILES = [ROOT / "lambda_function.py", *sorted(PACKAGE.rglob("*.py"))]
MODULES = parsed(*FILES)
each_module = pytest.mark.parametrize("name", MODULES)
each_file = pytest.mark.parametrize(
    "path",
    [*FILES, *sorted(PACKAGE.rglob("*.lua"))],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)

# The command line may use everything, and nothing uses it.
COMMAND_LINE = {
    name for name in MODULES if name.startswith(("discovery.cli", "discovery.__main__"))
}
# The rooms, and which others each may use beside the ground. Only these compose the rest.
COMPOSERS = {
    *COMMAND_LINE,
    "lambda_function",
    "discovery.wiring.diagnose",
    "discovery.wiring.history",
    "discovery.wiring.messages",
    "discovery.wiring.recycle",
}
ADAPTERS = {"aws", "store", "probe", "telemetry"}
CAPABILITIES = {"sync", "recycle", "diagnose", "history", "wiring"}

# The ground, from the bottom up: each module may use those before it.
GROUND = [
    "errors",
    "text",
    "lenient",
    "model",
    "service",
    "addresses",
    "deadline",
    "inspection",
    "settings",
    "events",
    "routing",
    "interfaces",
    "stop_codes",
    "stop_rules",
    "task_record",
    "stops",
]

# Packages from outside the standard library, and the modules that may import them.
PACKAGES = {
    "discovery.aws.clients": {"boto3", "botocore"},
    "discovery.aws.errors": {"botocore"},
    "discovery.aws.snapstart": {"snapshot_restore_py"},
    "discovery.aws.unseen": {"botocore"},
    "discovery.cli.aws": {"boto3", "botocore"},
    "discovery.cli.watch": {"redis"},
    "discovery.store.client": {"redis"},
    "discovery.aws.service_writer": {"botocore"},
    "discovery.telemetry.notifications": {"botocore"},
    "discovery.store.credentials": {"redis"},
}

# What thinks does no input or output. Each with the modules of the standard library that it may
# use; addresses needs socket for inet_pton, which is arithmetic.
PURE: dict[str, set[str]] = {
    "discovery": set(),
    "discovery.model": set(),
    "discovery.errors": set(),
    "discovery.text": {"datetime", "re"},
    "discovery.addresses": {"socket"},
    "discovery.events": {"datetime", "re", "reprlib"},
    "discovery.routing": set(),
    "discovery.settings": {"ipaddress", "math", "re"},
    "discovery.interfaces": set(),
    "discovery.aws.task_parser": set(),
    "discovery.cli.environment": set(),
    "discovery.cli.exits": set(),
    "discovery.cli.options": {"argparse"},
    "discovery.cli.parser": {"argparse"},
    "discovery.cli.safe": {"re"},
    "discovery.cli.show_diagnosis": set(),
    "discovery.cli.show_history": set(),
    "discovery.cli.show_list": set(),
    "discovery.cli.show_logs": {"datetime"},
    "discovery.cli.show_recycle": set(),
    "discovery.cli.table": set(),
    "discovery.cli.terminal": {"unicodedata"},
    "discovery.store.codec": {"datetime", "json"},
    "discovery.sync.decide": set(),
    "discovery.sync.report": set(),
    "discovery.sync.rounds": set(),
    "discovery.telemetry.metrics": {"json"},
    "discovery.telemetry.messages": {"datetime"},
    "discovery.inspection": set(),
    "discovery.diagnose.access": {"re"},
    "discovery.diagnose.classify": {"re"},
    "discovery.diagnose.checks": {"re"},
    "discovery.diagnose.correlate": set(),
    "discovery.diagnose.facts": set(),
    "discovery.diagnose.findings": set(),
    "discovery.diagnose.interfaces": set(),
    "discovery.diagnose.log_checks": set(),
    "discovery.diagnose.outside": set(),
    "discovery.diagnose.render": {"datetime", "json"},
    "discovery.diagnose.request": set(),
    "discovery.diagnose.restarts": {"math"},
    "discovery.diagnose.faults": {"re"},
    "discovery.diagnose.forms": {"re"},
    "discovery.diagnose.levels": {"re"},
    "discovery.diagnose.redact": {"re"},
    "discovery.diagnose.secret_forms": {"re"},
    "discovery.diagnose.secret_names": {"re"},
    "discovery.diagnose.secret_urls": {"re"},
    "discovery.diagnose.shapes": {"re"},
    "discovery.diagnose.structured": {"re", "json"},
    "discovery.diagnose.summary": set(),
    "discovery.diagnose.traces": {"re"},
    "discovery.diagnose.words": {"re"},
    "discovery.history.interfaces": set(),
    "discovery.history.records": {"re"},
    "discovery.history.report": {"datetime", "json"},
    "discovery.history.request": {"math"},
    "discovery.lenient": {"datetime", "json", "math", "re"},
    "discovery.service": set(),
    "discovery.stop_codes": set(),
    "discovery.stop_rules": {"re"},
    "discovery.stops": set(),
    "discovery.task_record": {"json"},
    "discovery.recycle.acts": set(),
    "discovery.recycle.facts": set(),
    "discovery.recycle.judge": set(),
    "discovery.recycle.machine": set(),
    "discovery.recycle.record": {"json"},
    "discovery.recycle.restore": set(),
    "discovery.recycle.request": {"datetime", "math", "re"},
    "discovery.recycle.start": {"math"},
}
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


def imported(
    name: str, running: bool = True, among: Mapping[str, ast.Module] = MODULES
) -> set[str]:
    """Dotted names that a module imports when it runs, or only for its annotations."""
    unrun, found = hints(among[name]), set()
    for node in ast.walk(among[name]):
        if (node in unrun) is running:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def ours(name: str, among: Mapping[str, ast.Module] = MODULES) -> set[str]:
    """The modules among these that a module imports, also those for its annotations."""
    dotted_names = imported(name, True, among) | imported(name, False, among)
    return {
        module
        for each in dotted_names
        for module in (each, each.rpartition(".")[0])
        if module in among and (module == each or each not in among)
    } - {name}


def room(name: str) -> str:
    """aws for discovery.aws.errors; "" for the ground."""
    parts = name.split(".")
    return parts[1] if len(parts) > 2 or (PACKAGE / parts[-1]).is_dir() else ""


def standard(name: str) -> set[str]:
    return {each.split(".")[0] for each in imported(name)} & sys.stdlib_module_names


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_every_module_has_its_place() -> None:
    """A new module belongs to a known room, or to the ground at a known height."""
    ground = {"discovery", *(f"discovery.{name}" for name in GROUND)}
    outside = {
        name
        for name in MODULES.keys() - COMPOSERS - ground
        if room(name) not in ADAPTERS | CAPABILITIES
    }
    assert set() == outside
    assert ground <= MODULES.keys()


@each_module
def test_imports_go_one_way(name: str) -> None:
    """The ground uses only what lies below it; a room uses itself and the ground."""
    used = ours(name) - {"discovery"}
    if name in COMPOSERS:
        return
    if not room(name):
        height = GROUND.index(name.removeprefix("discovery.")) if name != "discovery" else 0
        assert set() == used - {f"discovery.{each}" for each in GROUND[:height]}
    else:
        assert set() == {each for each in used if room(each) not in ("", room(name))}


@each_module
def test_only_the_composition_root_sees_all_rooms(name: str) -> None:
    """Only the command line imports lambda_function; nothing imports the command line.

    Only these two import what puts a capability together.
    """
    if name in COMMAND_LINE:
        return
    others = {"lambda_function", *COMMAND_LINE}
    assert not ours(name) & (others if name in COMPOSERS else COMPOSERS)


def test_imports_form_no_circle() -> None:
    """Not even through annotations, so that the modules can be read from the bottom up."""
    left = {name: ours(name) for name in MODULES}
    while left:
        lowest = {name for name, needs in left.items() if not needs & left.keys()}
        assert lowest, f"a circle among {sorted(left)}"
        left = {name: needs for name, needs in left.items() if name not in lowest}


@each_module
def test_the_runtime_has_three_packages(name: str) -> None:
    """boto3, botocore and redis, each where it belongs; all else is the standard library."""
    tops = {each.split(".")[0] for each in imported(name)}
    foreign = tops - sys.stdlib_module_names - {"discovery", "lambda_function"}
    assert set() == foreign - PACKAGES.get(name, set())


@each_module
def test_only_the_composition_root_reads_the_environment_and_prints(name: str) -> None:
    """No other module sees os or subprocess, so whatever it needs is passed in."""
    if name not in COMPOSERS:
        tops = {each.split(".")[0] for each in imported(name)}
        assert set() == tops & {"os", "subprocess"}
        assert "print" not in {called for called, _ in calls(name)}


@each_module
def test_time_and_sleep_are_passed_in(name: str) -> None:
    """A clock may be a default; only the composition root looks at one by itself."""
    if name not in COMPOSERS:
        clocks = ("time.", "datetime.now", "datetime.utcnow", "sleep", "monotonic")
        assert [] == [called for called, _ in calls(name) if called.startswith(clocks)]


@pytest.mark.parametrize("name", PURE)
def test_what_thinks_does_no_input_or_output(name: str) -> None:
    """A pure module gets all that it needs as arguments."""
    assert set() == standard(name) - HARMLESS - PURE[name]
    assert set() == {"open", "input", "exec", "eval"} & {called for called, _ in calls(name)}


@pytest.mark.parametrize("name", [name for name in PURE if room(name)])
def test_what_thinks_uses_only_what_thinks(name: str) -> None:
    """A pure module of a room imports no module that does input or output."""
    used = {each for each in ours(name) if each in imported_modules(name)}
    assert set() == used - PURE.keys()


def imported_modules(name: str) -> set[str]:
    """The modules that it imports when it runs."""
    return {
        module
        for each in imported(name)
        for module in (each, each.rpartition(".")[0])
        if module in MODULES
    }


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
