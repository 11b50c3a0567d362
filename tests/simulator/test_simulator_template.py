"""A template: what its processes share, and what they may not."""

from __future__ import annotations

import os
import sys
import textwrap
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Callable

import pytest

from simulator import Function
from simulator.template import Forked, Template

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Deploy = Callable[..., Function]
# What a process has of its own, and what it has found.
HANDLER = """
    import os, random, sys, time, uuid
    import shared
    name = os.environ.get("NAME")
    def lambda_handler(event, context):
        shared.seen.append(event)
        return {
            "name": name,
            "home": os.environ.get("HOME"),
            "seen": shared.seen,
            "imported_by": shared.process,
            "pid": os.getpid(),
            "parent": os.getppid(),
            "random": [random.random(), str(uuid.uuid4())],
            "hour": time.localtime(0).tm_hour,
            "program": sys.modules["__main__"].__file__,
            "arguments": sys.argv[:3],
        }
"""


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Deploy]:
    """Starts functions from one template: deploy(**env)."""
    (tmp_path / "shared.py").write_text("import os\nseen = []\nprocess = os.getpid()\n")
    (tmp_path / "lambda_function.py").write_text(textwrap.dedent(HANDLER))
    with ExitStack() as started:
        template = started.enter_context(Template(sys.executable, tmp_path, ["shared"]))

        def deploy(**env: str) -> Function:
            return started.enter_context(Function(env, tmp_path, start=template.start))

        yield deploy


def test_each_process_has_its_own_state(deploy: Deploy) -> None:
    """The module is imported once for all, by the template; what one keeps there, no other sees."""
    one, other = deploy(), deploy()

    first, second = one.invoke("first").answer, one.invoke("second").answer
    beside = other.invoke("beside").answer

    assert ["first"] == first["seen"]
    assert ["first", "second"] == second["seen"]
    assert ["beside"] == beside["seen"]
    assert first["imported_by"] == beside["imported_by"]
    assert 3 == len({first["imported_by"], first["pid"], beside["pid"]})


def test_each_process_has_its_own_environment(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handler's module reads it at its import; the time zone follows it. Nothing of the
    template's environment is in it."""
    monkeypatch.delenv("HOME")
    named, nameless = deploy(NAME="one", TZ="Etc/GMT-9"), deploy(TZ="Etc/GMT-2")

    one, other = named.invoke(0).answer, nameless.invoke(0).answer

    assert ("one", 9, None) == (one["name"], one["hour"], one["home"])
    assert (None, 2, None) == (other["name"], other["hour"], other["home"])


def test_each_process_draws_its_own_random_numbers(deploy: Deploy) -> None:
    """Two processes that started alike would retry at the same moments, with the same lease."""
    answers = [deploy().invoke(0).answer["random"] for _ in range(2)]

    assert 4 == len({each for answer in answers for each in answer})


def test_a_process_is_a_child_as_if_it_had_been_started_here(deploy: Deploy) -> None:
    """It runs environment.py with the arguments of a new interpreter, and its end is awaited."""
    function = deploy()
    answer = function.invoke(0).answer

    assert os.getpid() == answer["parent"]
    assert function.pid == answer["pid"]
    assert answer["program"] == answer["arguments"][0]
    assert answer["program"].endswith("/simulator/environment.py")
    assert "lambda_function.lambda_handler" == answer["arguments"][2]
    function.close()
    with pytest.raises(ProcessLookupError):
        os.kill(answer["pid"], 0)


def test_a_signal_goes_to_no_other_process_than_the_child() -> None:
    """Not when it has ended, and its id may be another's."""
    child = os.fork()
    if child == 0:
        os._exit(3)
    process = Forked(child)

    assert 3 == process.wait() == process.poll()
    process.kill()
    assert 3 == process.wait()


def start(folder: Path, env: dict[str, str], modules: tuple[str, ...] = ()) -> Any:
    (folder / "lambda_function.py").write_text("lambda_handler = print")
    with Template(sys.executable, folder, modules) as template:
        return Function(env, folder, start=template.start)


def test_what_only_a_new_interpreter_reads_is_refused(tmp_path: Path) -> None:
    """The template's own is under way, so the variable would do nothing."""
    with pytest.raises(ValueError, match="only a new interpreter reads PYTHONOPTIMIZE"):
        start(tmp_path, {"PYTHONOPTIMIZE": "1"})


def test_a_function_of_another_folder_is_refused(tmp_path: Path) -> None:
    """It could get modules of the template's folder."""
    (tmp_path / "elsewhere").mkdir()
    with (
        Template(sys.executable, tmp_path, []) as template,
        pytest.raises(ValueError, match=r"not from .*elsewhere"),
    ):
        Function({}, tmp_path / "elsewhere", start=template.start)


def test_a_template_with_threads_does_not_fork(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A fork has only the thread that forks: a lock that another holds would stay locked."""
    (tmp_path / "busy.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )

    with pytest.raises(RuntimeError, match="the template ended with 1"):
        start(tmp_path, {}, ("busy",))

    assert "the template has 2 threads" in capfd.readouterr().err


def test_what_the_template_cannot_import_is_reported(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """By the first start, with the error on standard error."""
    with pytest.raises(RuntimeError, match="the template ended with 1"):
        start(tmp_path, {}, ("nowhere",))

    assert "No module named 'nowhere'" in capfd.readouterr().err
