"""`make test-redis`: the servers that it finds, or none."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from conftest import ROOT
from zipped import cloned

if TYPE_CHECKING:
    from pathlib import Path


def test_servers_that_cannot_be_found_fail_it(tmp_path: Path) -> None:
    """Or it would pass without having run a test."""
    clone = cloned(ROOT, tmp_path / "clone")
    (clone / "packaging" / "redis-servers.sh").write_text("#!/bin/sh\necho none >&2; exit 3\n")
    (clone / "requirements-dev.txt").touch()
    for name in (".venv", ".venv-redis"):  # as if set up
        (clone / name).mkdir()
        (clone / name / "ready").touch()
    done = subprocess.run(
        ["make", "--no-print-directory", "-C", clone, "test-redis"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("none\n")
