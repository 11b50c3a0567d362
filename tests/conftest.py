"""What the tests share: a pocket AWS, the function in its own process, and law 7.

The function runs as Lambda runs it, in a process of its own under the interpreter
named by --product-python, with the real SDK and Redis clients.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import pytest
from hypothesis import settings as profile
from xdist.scheduler import WorkStealingScheduling  # type: ignore[import-untyped]

from simulator import Function, Invocation, Simulator
from simulator.template import Template

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
KEY = "ecs:task:iplist"
# Whatever a test does with it, it may show up nowhere (law 7).
PASSWORD = "open-sesame-9d1c"

HANDLER = "lambda_function.lambda_handler"
IMPATIENT = "tests.recycle.impatient.lambda_handler"

Start = Callable[..., Function]

# An example may wait for the CPU: what has a bound on time says so itself.
# The same examples each time, as a landing is no lottery; `make soak` searches with others.
profile.register_profile("steady", deadline=None, derandomize=True)
profile.register_profile("search", deadline=None, max_examples=5000)
profile.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--product-python",
        default=sys.executable,
        help="the interpreter that runs the function, with requirements.txt installed",
    )
    parser.addoption(
        "--function-only",
        action="store_true",
        help="only the tests that run the function in a process of its own",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> WorkStealingScheduling:
    """A worker that is done takes over what waits behind another's long test."""
    return WorkStealingScheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--function-only"):
        items[:] = [each for each in items if "product_python" in each.fixturenames]  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def product_python(request: pytest.FixtureRequest) -> str:
    """The interpreter that runs the function."""
    named: str = request.config.getoption("--product-python")
    found = shutil.which(named)
    assert found, f"--product-python {named} is not there"
    return os.path.abspath(found)  # noqa: PTH100 (a venv's interpreter is a link: keep it one)


@pytest.fixture(scope="session")
def template(product_python: str) -> Iterator[Template]:
    """A process that has imported what lambda_function imports, to fork the function from.

    It has not imported lambda_function itself: each process does that, with its own environment.
    """
    tree = ast.parse((ROOT / "lambda_function.py").read_text(encoding="utf-8"))
    modules = [
        f"{node.module}.{alias.name}" if node.module == "discovery" else f"{node.module}"
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and f"{node.module}".startswith("discovery")
        for alias in node.names
    ]
    with Template(product_python, ROOT, sorted(set(modules))) as template:
        yield template


@pytest.fixture
def aws() -> Iterator[Simulator]:
    """A pocket AWS of the test's own, with a Valkey that wants no password."""
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def _law_7(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In every test all that a function says is searched for the password."""
    said: list[Invocation] = []
    invoke = Function._invoke

    def watched(function: Function, *args: Any) -> Invocation:
        said.append(invoke(function, *args))
        return said[-1]

    monkeypatch.setattr(Function, "_invoke", watched)
    yield
    for each in said:
        assert PASSWORD not in json.dumps([each.answer, each.log]), "law 7 is broken"
        assert PASSWORD not in f"{each.error_type}{each.error_message}{each.trace}"


@pytest.fixture
def start(template: Template) -> Iterator[Start]:
    """Starts environments of the function: start(settings, timeout=30.0) -> Function.

    IMPATIENT as its `handler` is for a recycle whose pace does not matter.
    """
    with ExitStack() as started:

        def start(
            settings: dict[str, str], timeout: float = 30.0, handler: str = HANDLER
        ) -> Function:
            function = Function(
                settings, root=ROOT, timeout=timeout, handler=handler, start=template.start
            )
            return started.enter_context(function)

        yield start


def listed(aws: Simulator, key: str = KEY) -> list[str] | None:
    """The addresses that a reader of the key gets; None: there is no list."""
    text = aws.valkey.client().get(key)
    return None if text is None else [item["ip"] for item in json.loads(text)]
