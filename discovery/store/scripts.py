"""The Lua scripts beside this file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple


class Script(NamedTuple):
    """A script, and the name that EVALSHA knows it by."""

    sha: str
    text: str


def load(*names: str) -> Script:
    """The script that these files make, in this order."""
    folder = Path(__file__).parent
    return of("".join((folder / f"{name}.lua").read_text(encoding="utf-8") for name in names))


def of(text: str) -> Script:
    return Script(hashlib.sha1(text.encode()).hexdigest(), text)  # noqa: S324 (EVALSHA's own)
