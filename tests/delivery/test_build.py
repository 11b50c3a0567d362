"""build.sh: the same bytes from anywhere, and one clear line when it stops."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from typing import TYPE_CHECKING

import pytest
from conftest import ROOT
from zipped import build, built, cloned

from simulator.emulator import VERSION

if TYPE_CHECKING:
    from pathlib import Path

# A build takes seconds of its own when the machine is busy.
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone that was built."""
    return built(tmp_path_factory)


@pytest.fixture
def clone(source: Path, tmp_path: Path) -> Path:
    """A clone to be built."""
    return cloned(source, tmp_path / "somewhere else")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.stack
def test_two_builds_give_the_same_bytes(source: Path, clone: Path) -> None:
    """Another folder, file times, umask, time zone, language and hash seed change nothing."""
    for path in clone.rglob("*"):
        os.utime(path, (0, 1_000_000_000))
    umask = os.umask(0o077)
    try:
        env = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "USER": "nobody"}
        done = build(clone, **env)
    finally:
        os.umask(umask)

    assert (0, "") == (done.returncode, done.stderr)
    assert digest(source / "build" / "lambda.zip") == digest(clone / "build" / "lambda.zip")


def refused(clone: Path, **env: str) -> str:
    """The one line of a build that stops."""
    done = build(clone, **env)
    assert (1, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert not (clone / "build" / "lambda.zip").exists()
    return done.stderr


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert re.search(old, text, re.MULTILINE)
    path.write_text(re.sub(old, new, text, flags=re.MULTILINE))


def test_a_runtime_out_of_range_stops_the_build(clone: Path) -> None:
    """Lambda has 3.9 to 3.14; the line says which one was wanted, and none is left to deploy."""
    (clone / "build").mkdir()
    (clone / "build" / "lambda.zip").write_text("of yesterday")
    assert "PYTHON_VERSION is '3.8'" in refused(clone, PYTHON_VERSION="3.8")


def test_a_python_that_is_not_here_stops_the_build(clone: Path, tmp_path: Path) -> None:
    """Bytecode of another version would be compiled again at each cold start."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "dirname", "cksum", "grep", "rm", "sed"):
        (tools / name).symlink_to(shutil.which(name) or name)
    said = refused(clone, PATH=str(tools))
    assert f"there is no Python {VERSION} here" in said


def test_a_download_that_differs_stops_the_build(clone: Path) -> None:
    """The line names the package and both hashes."""
    edit(
        clone / "requirements.lock",
        r"(?s)^(jmespath==\S+ .*?--hash=sha256:)\w{8}",
        r"\g<1>00000000",
    )
    edit(
        clone / "requirements.lock",
        r"(?s)^(jmespath==.*?--hash.*?--hash=sha256:)\w{8}",
        r"\g<1>00000000",
    )
    said = refused(clone)
    assert "jmespath" in said
    assert "Expected sha256 00000000" in said


def test_a_package_that_is_missing_stops_the_build(clone: Path) -> None:
    """One that another needs and the lock file lacks is named, as nothing is guessed."""
    edit(clone / "requirements.lock", r"(?s)^jmespath==.*?(?=^[a-z])", "")
    assert "jmespath" in refused(clone)


def test_an_outdated_lock_stops_the_build(clone: Path) -> None:
    """A requirement that changed after the lock was made would not be in the zip."""
    with (clone / "requirements.txt").open("a") as requirements:
        requirements.write("simplejson==4.3.0\n")
    assert "make lock" in refused(clone)


@pytest.mark.stack  # a whole build
def test_a_zip_that_is_too_large_stops_the_build(clone: Path) -> None:
    """The line has both sizes and both limits, and the zip is gone."""
    edit(clone / "packaging" / "bundle.py", r"^ZIP_LIMIT, .*", "ZIP_LIMIT, UNZIPPED_LIMIT = 7, 9")
    assert "more than the 7 and 9 that" in refused(clone)


def test_the_lock_names_no_place() -> None:
    """Hashes for everything, and no index, host or path of the machine that made it."""
    lock = (ROOT / "requirements.lock").read_text()
    assert [] == re.findall(r"--(?:index|extra|find|trusted).*|https?:.*|file:.*|/\S+", lock)
    assert lock.count("==") > 10
    assert all(
        "--hash=sha256:" in each for each in re.split(r"^(?=[a-z])", lock, flags=re.MULTILINE)[1:]
    )
