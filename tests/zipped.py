"""The built zip, and a way to run it as Lambda does: AWS's runtime client under its emulator."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import zipfile
from typing import TYPE_CHECKING

from conftest import PASSWORD, ROOT

from simulator import emulator
from simulator.emulator import OFFLINE

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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


class Emulator(emulator.Emulator):
    """The same, and law 7: all that it has said is searched for the password."""

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        assert PASSWORD not in self.said, "law 7 is broken"
