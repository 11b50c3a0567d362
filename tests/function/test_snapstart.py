"""What is made at the init, and anew in environments that start from one snapshot (SnapStart)."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from conftest import KEY, ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from simulator import Simulator

# Lambda's module, as far as it registers: https://pypi.org/project/snapshot-restore-py/
RUNTIME = """
hooks = []

def register_after_restore(hook, *args, **named):
    hooks.append((hook, args, named))
    return hook
"""
# Syncs, is restored with other credentials, and syncs again.
PROCESS = """
import json, os, random
import boto3
import lambda_function
import snapshot_restore_py

class Context:
    def get_remaining_time_in_millis(self):
        return 30_000

def state():
    kept.append(lambda_function._task_lister())
    return {
        "outcome": lambda_function.lambda_handler({}, Context())["outcome"],
        "owner": lambda_function._owner(),
        "redis": id(opened[-1]),
        "lister": id(kept[-1]),
        "credentials": boto3.DEFAULT_SESSION.get_credentials().access_key,
    }

opened, kept = [], []  # so that no object gets the address of one that is gone
make = lambda_function.open_client
lambda_function.open_client = lambda *args: opened.append(make(*args)) or opened[-1]
before = state()
again = state()
os.environ["AWS_ACCESS_KEY_ID"] = "AKIAAFTERTHERESTORE1"
drawn = random.getstate()
for hook, args, named in snapshot_restore_py.hooks:
    hook(*args, **named)
drawn_anew = random.getstate() != drawn
print(json.dumps([before, again, state(), drawn_anew, len(snapshot_restore_py.hooks)]))
"""


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """A folder with Lambda's module."""
    (tmp_path / "snapshot_restore_py.py").write_text(RUNTIME)
    return tmp_path


def run(python: str, program: str, env: Mapping[str, str]) -> Any:
    """What the program prints last."""
    done = subprocess.run(
        [python, "-c", program], cwd=ROOT, env=dict(env), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_a_restore_makes_anew_what_may_not_be_shared(
    aws: Simulator, product_python: str, runtime: Path
) -> None:
    """The owner of the lease, the clients of Redis and of ECS, credentials, the state of random.

    Nothing of it changes between two invocations of one environment.
    """
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(2)
    settings = aws.settings(service, KEY, PYTHONPATH=f"{ROOT}:{runtime}")
    before, again, after, drawn_anew, hooks = run(product_python, PROCESS, settings)
    assert before == again
    assert ("published", "AKIAAFTERTHERESTORE1") == (after["outcome"], after["credentials"])
    assert before["owner"] != after["owner"]
    assert before["redis"] != after["redis"]
    assert before["lister"] != after["lister"]
    assert drawn_anew
    assert hooks > 0


IN_LAMBDA = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256"}

# What there is when the handler has been imported, and after a restore.
INIT = """
import json
import boto3
made = []
make = boto3.client
boto3.client = lambda service, **named: made.append(service) or make(service, **named)
import lambda_function
import snapshot_restore_py
at_init = list(made)
for hook, args, named in snapshot_restore_py.hooks:
    hook(*args, **named)
print(json.dumps([at_init, made]))
"""


def test_the_client_of_ecs_is_made_at_the_init(
    aws: Simulator, product_python: str, runtime: Path
) -> None:
    """Lambda gives the init a whole CPU, whatever the memory; and anew after a restore."""
    service = aws.ecs.create_service("arcade", "lobby")
    settings = aws.settings(service, KEY, PYTHONPATH=f"{ROOT}:{runtime}")
    assert [["ecs"], ["ecs", "ecs"]] == run(product_python, INIT, settings | IN_LAMBDA)


def test_a_command_line_makes_no_client_at_its_import(
    aws: Simulator, product_python: str, runtime: Path
) -> None:
    """It may need none, and have no credentials."""
    service = aws.ecs.create_service("arcade", "lobby")
    settings = aws.settings(service, KEY, PYTHONPATH=f"{ROOT}:{runtime}")
    assert [[], []] == run(product_python, INIT, settings)


def test_an_init_without_a_region_does_not_fail(product_python: str, runtime: Path) -> None:
    """The first event does, with what is missing."""
    env = {"PYTHONPATH": f"{ROOT}:{runtime}", "HOME": str(runtime)}
    assert [["ecs"], ["ecs", "ecs"]] == run(product_python, INIT, env | IN_LAMBDA)
