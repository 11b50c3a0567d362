"""The simulator's imports go one way, those for annotations alone included."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "simulator").glob("**/*.py"))
}


def imported(path: Path) -> set[str]:
    """The modules that a file imports, at any place in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from simulator import wire` is the module simulator.wire.
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & FILES.keys() or {node.module}
    return found


def test_no_import_circle() -> None:
    """The map can be read downwards: some module needs no other, the next needs only that, ..."""
    left = {name: imported(path) & FILES.keys() for name, path in FILES.items()}
    while left:
        lowest = {name for name, needs in left.items() if not needs & left.keys()}
        assert lowest, f"a circle among {sorted(left)}"
        left = {name: needs for name, needs in left.items() if name not in lowest}


def test_it_knows_nothing_of_the_product() -> None:
    """It plays AWS for any function: it never imports the one that it is used for."""
    for path in FILES.values():
        tops = {name.split(".")[0] for name in imported(path)}
        assert set() == tops & {"discovery", "lambda_function", "tests", "benchmarks"}


def test_a_file_has_300_lines_at_most() -> None:
    """It can be read in one sitting."""
    lengths = {name: path.read_text(encoding="utf-8").count("\n") for name, path in FILES.items()}
    assert {} == {name: lines for name, lines in lengths.items() if lines > 300}
