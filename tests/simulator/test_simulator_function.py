"""Execution environments with small handlers, as new interpreters and as a template's forks."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import sys
import textwrap
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import pytest

from simulator import Environments, Function, sandbox
from simulator.template import Template

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
Deploy = Callable[..., Function]


@pytest.fixture(params=["interpreter", "template"])
def deploy(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Deploy]:
    """Starts a function from the source of its module: deploy(source, **env)."""
    functions: list[Function] = []
    with ExitStack() as templates:
        way = sandbox.interpreter(sys.executable)
        if request.param == "template":
            way = templates.enter_context(Template(sys.executable, tmp_path, [])).start

        def deploy(source: str, timeout: float = 10, **env: str) -> Function:
            (tmp_path / "lambda_function.py").write_text(textwrap.dedent(source))
            functions.append(Function(env, root=tmp_path, timeout=timeout, start=way))
            return functions[-1]

        yield deploy

    for function in functions:
        function.close()


def eventually(condition: Callable[[], Any]) -> bool:
    deadline = time.monotonic() + 5
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def test_answers_and_stays_warm(deploy: Deploy) -> None:
    """The module is imported once; its globals live from one invocation to the next."""
    function = deploy("""
        seen = []
        def lambda_handler(event, context):
            seen.append(event["n"])
            return {"seen": seen}
    """)

    assert function.invoke({"n": 1}).answer == {"seen": [1]}
    assert function.invoke({"n": 2}).answer == {"seen": [1, 2]}


def test_has_the_environment_it_is_given(deploy: Deploy, tmp_path: Path) -> None:
    """Its variables with PATH and HOME, its folder to import from, 1,024 descriptors, and none of
    another's sockets."""
    function = deploy(
        """
        import os, resource, sys, http, secrets
        def lambda_handler(event, context):
            return {
                "names": sorted(os.environ.keys() - {"LC_CTYPE"}),
                "path": sys.path[0],
                "folder": os.getcwd(),
                "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE),
                "open": sorted(os.readlink(f"/proc/self/fd/{n}").partition(":")[0]
                               for n in os.listdir("/proc/self/fd") if n not in "012"
                               and os.path.exists(f"/proc/self/fd/{n}")),
                "input": os.readlink("/proc/self/fd/0"),
                "modules": [http.__file__, secrets.__file__],
            }
        """,
        REDIS_KEY="ips",
    )

    answer = function.invoke({}).answer

    assert answer["names"] == sorted({"REDIS_KEY", "PATH", "HOME"} & {"REDIS_KEY", *os.environ})
    assert answer["path"] == answer["folder"] == str(tmp_path)
    assert answer["descriptors"] == [1024, 1024]
    assert answer["open"] == ["socket"]
    assert answer["input"] == os.devnull
    assert not any("simulator" in module for module in answer["modules"])


def test_gets_a_context(deploy: Deploy) -> None:
    """With the time that is left, and what the function is called."""
    function = deploy("""
        def lambda_handler(event, context):
            return [context.get_remaining_time_in_millis(), context.aws_request_id,
                    context.function_name, context.memory_limit_in_mb,
                    context.invoked_function_arn, context.log_group_name, context.log_stream_name]
    """)

    left, request_id, name, memory, arn, group, stream = function.invoke({}, timeout=4).answer

    assert 3000 < left <= 4000
    assert re.fullmatch(r"[0-9a-f-]{36}", request_id)
    assert arn.endswith(f":function:{name}")
    assert group == f"/aws/lambda/{name}"
    assert int(memory)
    assert stream


def test_logs_in_the_text_format_of_lambda(deploy: Deploy) -> None:
    """Records from WARNING up, printed lines, and what was logged at the import."""
    function = deploy("""
        import logging
        print("importing")
        def lambda_handler(event, context):
            logging.getLogger("product").info("below the root's level")
            logging.getLogger("product").warning("two\\nlines")
            print('{"_aws": 1}')
            return context.aws_request_id
    """)

    first, second = function.invoke({}), function.invoke({})

    assert first.log[0] == "importing"
    record, printed = second.log
    level, when, request_id, message = record.split("\t")
    assert (level, request_id, message) == ("[WARNING]", second.answer, "two\nlines")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", when)
    assert json.loads(printed) == {"_aws": 1}


def test_an_error_has_its_type_message_and_causes(deploy: Deploy) -> None:
    """It is logged too, as Lambda does; the environment stays warm."""
    function = deploy("""
        def lambda_handler(event, context):
            try:
                1 / 0
            except ZeroDivisionError as error:
                raise RuntimeError("it failed") from error
    """)

    failed = function.invoke({})

    assert (failed.error_type, failed.error_message) == ("RuntimeError", "it failed")
    assert "ZeroDivisionError: division by zero" in failed.trace
    assert failed.log[-1].startswith("[ERROR] RuntimeError: it failed\nTraceback")
    assert failed.answer is None
    assert not failed.timed_out


def test_an_answer_must_have_a_json_form(deploy: Deploy) -> None:
    """A set has none; a tuple comes out as a list."""
    function = deploy("""
        def lambda_handler(event, context):
            return {1, 2} if event["bad"] else (1, 2)
    """)

    assert function.invoke({"bad": True}).error_type == "Runtime.MarshalError"
    assert function.invoke({"bad": False}).answer == [1, 2]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (
            "import nowhere",
            "Runtime.ImportModuleError: Unable to import module 'lambda_function': No module",
        ),
        ("def lambda_handler(", "Runtime.UserCodeSyntaxError: "),
        ("raise ValueError('no setting')", "ValueError: no setting"),
        ("import sys; sys.exit(3)", "Runtime.ExitError: Error: Runtime exited with error: exit"),
    ],
)
def test_an_error_at_import_fails_each_invocation(deploy: Deploy, source: str, error: str) -> None:
    """And init_error has it."""
    function = deploy(source)

    assert str(function.init_error).startswith(error)
    for _ in range(2):
        failed = function.invoke({})
        assert f"{failed.error_type}: {failed.error_message}".startswith(error)


def test_a_timeout_kills_the_process(deploy: Deploy) -> None:
    """What was logged until then is kept, and the next invocation starts afresh."""
    function = deploy(
        """
        import os, time
        def lambda_handler(event, context):
            print("begins")
            time.sleep(event["seconds"])
            return os.getpid()
        """,
        timeout=0.2,
    )
    before = function.invoke({"seconds": 0}).answer

    late = function.invoke({"seconds": 60})

    assert late.timed_out
    assert late.error_type == "Sandbox.Timedout"
    assert str(late.error_message).endswith("Task timed out after 0.20 seconds")
    assert late.log == ["begins"]
    assert 0.2 <= late.duration < 1
    assert function.invoke({"seconds": 0}).answer != before
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)


def test_a_kill_ends_the_invocation(deploy: Deploy, tmp_path: Path) -> None:
    """In the middle of it; the next one starts afresh."""
    function = deploy("""
        import time
        def lambda_handler(event, context):
            open("begun", "w").close()
            time.sleep(event["seconds"])
            return "done"
    """)
    under_way = function.start({"seconds": 60})
    assert eventually((tmp_path / "begun").exists)
    function.kill()

    killed = under_way.result(5)
    assert killed.error_type == "Runtime.ExitError"
    assert str(killed.error_message).endswith(f"signal {signal.SIGKILL.value}")
    assert function.invoke({"seconds": 0}).answer == "done"


def test_a_frozen_environment_does_not_run(deploy: Deploy, tmp_path: Path) -> None:
    """Not even its background threads, until it is thawed or invoked."""
    function = deploy("""
        import threading, time
        def count():
            while True:
                with open("count", "a") as file:
                    file.write(".")
                time.sleep(0.001)
        threading.Thread(target=count, daemon=True).start()
        def lambda_handler(event, context):
            return "done"
    """)
    count = tmp_path / "count"
    assert function.init_error is None
    assert eventually(lambda: count.exists() and count.stat().st_size)

    function.freeze()
    frozen = count.stat().st_size
    time.sleep(0.05)
    assert count.stat().st_size == frozen
    function.thaw()
    assert eventually(lambda: count.stat().st_size > frozen)

    function.freeze()
    assert function.invoke({}).answer == "done"


def test_invocations_queue_for_one_environment(deploy: Deploy) -> None:
    """They run one after another, in order."""
    function = deploy("""
        running = 0
        def lambda_handler(event, context):
            global running
            running += 1
            assert running == 1
            running -= 1
            return event
    """)

    futures = [function.start(n) for n in range(20)]

    assert [future.result(5).answer for future in futures] == list(range(20))


def test_it_runs_as_many_at_once_as_it_may_have_environments(tmp_path: Path) -> None:
    """Two of three invocations at once; it starts no more than it needs."""
    (tmp_path / "lambda_function.py").write_text(
        textwrap.dedent("""
        import os, time
        def lambda_handler(event, context):
            time.sleep(event)
            return os.getpid()
        """)
    )
    with Environments({}, size=2, root=tmp_path) as environments:
        assert environments.invoke(0).result(5).answer == environments.invoke(0).result(5).answer
        assert len(environments.functions) == 1

        futures = [environments.invoke(0.1) for _ in range(3)]
        answers = {future.result(5).answer for future in futures}
        assert len(answers) == len(environments.functions) == 2


def test_closing_ends_an_invocation_under_way(deploy: Deploy) -> None:
    """Nothing of it is left."""
    function = deploy("""
        import time
        def lambda_handler(event, context):
            time.sleep(60)
    """)
    under_way = function.start({})

    function.close()

    assert under_way.cancelled() or under_way.result(5).error_type == "Runtime.ExitError"


@pytest.mark.parametrize("program", ["environment.py", "template_process.py"])
def test_what_runs_in_it_is_written_for_the_oldest_python_of_lambda(program: str) -> None:
    """Python 3.9 can read it, and the standard library is all it imports."""
    source = (ROOT / "simulator" / program).read_text()
    tree = ast.parse(source, feature_version=(3, 9))

    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else name.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in node.names
    }
    assert imported <= sys.stdlib_module_names
