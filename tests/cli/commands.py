"""The command line as a person runs it: a process, on a pipe or on a terminal."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING, NamedTuple

from conftest import PASSWORD, ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

ESCAPE = "\x1b"
COLOUR = re.compile(r"\x1b\[[\d;]*m")


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str = ""


def environment(env: Mapping[str, str | None]) -> dict[str, str]:
    """Only these variables, and a PATH; None leaves one out."""
    given = {name: value for name, value in env.items() if value is not None}
    return {"PATH": os.environ["PATH"], **given}


def start(env: Mapping[str, str | None], *words: str) -> subprocess.Popen[str]:
    """A command that goes on, on pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", "discovery", *words],
        cwd=ROOT, env=environment(env), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def run(env: Mapping[str, str | None], *words: str) -> Done:
    """A command on pipes, to its end. Law 7: the password is nowhere in it."""
    process = start(env, *words)
    out, err = process.communicate(timeout=50)
    assert PASSWORD not in out + err, "law 7 is broken"
    assert "Traceback" not in err, err
    return Done(process.returncode, out, err)


def redirected(env: Mapping[str, str | None], how: str, *words: str) -> Done:
    """A command that a shell starts with such a redirection, as in `>&-`."""
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {how}', "sh", sys.executable, "-m", "discovery", *words],
        cwd=ROOT, env=environment(env), text=True, timeout=50, check=False,
        stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def on_terminal(env: Mapping[str, str | None], *words: str, columns: int = 100) -> Done:
    """A command on a terminal of so many columns, which shows both outputs."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "discovery", *words],
        cwd=ROOT, env=environment({"TERM": "xterm-256color"} | dict(env)),
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while more := os.read(ours, 65_536):
            shown += more
    except OSError as error:  # how Linux says that the other side is closed
        if error.errno != errno.EIO:
            raise
    finally:
        os.close(ours)
    return Done(process.wait(timeout=50), shown.decode().replace("\r\n", "\n"))
