"""The built zip, and a way to run it as Lambda does: AWS's runtime client under its emulator."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import tempfile
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.request import Request, urlopen

from conftest import PASSWORD, ROOT

from simulator import processes
from simulator.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pytest

VERSION = os.environ.get("PYTHON_VERSION", "3.13")
LAMBDA = ROOT / f".venv-lambda-{VERSION}"  # see packaging/emulator.sh
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(LAMBDA / "wheels")}


def build(root: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run build.sh without a network, with these variables beside or in place of ours."""
    return subprocess.run(
        [str(root / "build.sh"), *arguments],
        env=os.environ | OFFLINE | env,
        capture_output=True,
        text=True,
        check=False,
    )


def cloned(source: Path, into: Path) -> Path:
    """Another folder with what a build needs."""
    into.mkdir()
    files = ("Makefile", "build.sh", "lambda_function.py", "requirements.txt", "requirements.lock")
    for name in files:
        shutil.copy(source / name, into)
    for name in ("discovery", "packaging"):
        shutil.copytree(source / name, into / name, ignore=shutil.ignore_patterns("__pycache__"))
    return into


def built(factory: pytest.TempPathFactory) -> Path:
    """A clone of this source with its build/lambda.zip; one a session, for all its workers."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    clone = shared / "clone"
    with (shared / "clone.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not clone.exists():
            done = build(cloned(ROOT, clone))
            assert (0, "") == (done.returncode, done.stderr)
    return clone


def unpacked(path: Path, into: Path) -> Path:
    with zipfile.ZipFile(path) as bundle:
        bundle.extractall(into)
    return into


class Answer(NamedTuple):
    """What Lambda answers: an error is a document, too."""

    document: Any
    error_type: str | None
    log: str  # what was logged since the last answer


class Emulator:
    """One execution environment with the unpacked zip. Use as a context manager."""

    def __init__(self, task_root: Path, env: Mapping[str, str]) -> None:
        self._port = free_port()
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (open as long as the process)
        self._read = 0
        address = f"127.0.0.1:{self._port}"
        api = f"127.0.0.1:{free_port()}"
        handler = "lambda_function.lambda_handler"
        self._process = subprocess.Popen(
            [
                LAMBDA / "rie",
                *("--runtime-interface-emulator-address", address),
                *("--runtime-api-address", api),
                *(LAMBDA / "bin" / "python", "-m", "awslambdaric", handler),
            ],
            cwd=task_root,
            env={"PATH": os.environ["PATH"], "LAMBDA_TASK_ROOT": str(task_root), **env},
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def invoke(self, event: Any) -> Answer:
        """Invoke and wait. One at a time: the emulator takes no more."""
        url = f"http://127.0.0.1:{self._port}/2015-03-31/functions/function/invocations"
        request = Request(url, json.dumps(event).encode())
        with urlopen(request, timeout=30) as response:
            document = json.load(response)
        error = document.get("errorType") if isinstance(document, dict) else None
        return Answer(document, error, self.log())

    def log(self) -> str:
        """What came since the last look."""
        self._log.seek(self._read)
        text = self._log.read()
        self._read = self._log.tell()
        return text

    def __enter__(self) -> Self:
        processes.wait_until(self._listens, "the emulator listens")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._read = 0
        everything = self.log()
        self._log.close()
        assert PASSWORD not in everything, "law 7 is broken"

    def _listens(self) -> bool:
        assert self._process.poll() is None, self.log()
        return listens(self._port)


def listens(port: int) -> bool:
    """Does anybody accept connections there?"""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
