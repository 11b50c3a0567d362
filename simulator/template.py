"""A process that has imported the function's modules, and that is forked for each environment.

A new interpreter spends 0.2 s of CPU on these imports, which are the same each time. Whatever
measures a start, or looks at what a start imports, needs a new interpreter (sandbox.py).
"""

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

_PROGRAM = Path(__file__).with_name("template_process.py")
_SECONDS = 60.0  # for the template's own start
# What an interpreter reads before the first line of a program.
_READ_AT_START = ("PYTHON", "LD_", "LC_", "LANG", "MALLOC_", "GLIBC_")

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
_adopting = threading.Lock()


class Template:
    """Forks processes that have imported these modules under an interpreter.

    `start` is a way to start the process of a Function. Each process has a state, random
    numbers and an environment of its own; it shares with the others what the modules hold after
    their import, and the seed of str hashes. Needs Linux.
    """

    def __init__(self, python: str, root: Path, modules: Sequence[str]) -> None:
        self._root = root.resolve()
        self._lock = threading.Lock()
        self._requests, theirs = socket.socketpair()
        self._requests.settimeout(_SECONDS)
        with theirs:
            self._process = subprocess.Popen(
                [python, _PROGRAM, self._root, *modules],
                cwd=root,
                stdin=theirs.fileno(),
                env=_least(),
            )

    def start(self, env: Mapping[str, str], root: Path, handler: str, descriptor: int) -> "Forked":
        """Fork a process that serves a handler over a socket; raises ValueError if it can't."""
        if root.resolve() != self._root:
            raise ValueError(f"this template has imported from {self._root}, not from {root}")
        late = [name for name in env if name.startswith(_READ_AT_START)]
        if late:
            raise ValueError(f"only a new interpreter reads {', '.join(late)}")
        request = json.dumps({"env": dict(env), "handler": handler}).encode()
        with self._lock, _adopt():
            answer = self._answer(request, descriptor)
        if not answer:
            raise RuntimeError(f"the template ended with {self._process.wait()}")
        return Forked(json.loads(answer))

    def close(self) -> None:
        """End the template; the processes that it forked live on."""
        self._requests.close()
        self._process.wait()

    def _answer(self, request: bytes, descriptor: int) -> bytes:
        with contextlib.suppress(ConnectionError):
            socket.send_fds(self._requests, [request], [descriptor])
            return self._requests.recv(64)
        return b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Forked:
    """A child process that subprocess did not start, with what its Popen offers."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None
        self._lock = threading.Lock()  # no signal goes to a process that has just been awaited

    def poll(self) -> int | None:
        """Its exit status, or minus the signal that ended it; None while it runs."""
        with self._lock:
            if self._code is None:
                ended, status = os.waitpid(self.pid, os.WNOHANG)
                if ended:
                    self._code = os.waitstatus_to_exitcode(status)
            return self._code

    def wait(self) -> int:
        """Wait for its end; the result is that of poll()."""
        with contextlib.suppress(ChildProcessError):  # another thread has seen it end
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        self.poll()
        with self._lock:
            if self._code is None:
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _least() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


@contextlib.contextmanager
def _adopt() -> Iterator[None]:
    """Become the parent of a descendant whose own parent ends meanwhile."""
    prctl: Callable[..., int] = ctypes.CDLL(None, use_errno=True).prctl
    with _adopting:
        if prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
        try:
            yield
        finally:
            prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
