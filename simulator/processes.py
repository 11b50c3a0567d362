"""Stopping, continuing and awaiting a child process."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import Protocol


class Process(Protocol):
    """A child process; subprocess.Popen says what each of these does."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self) -> int: ...

    def send_signal(self, number: int, /) -> None: ...

    def kill(self) -> None: ...


def suspend(process: Process) -> None:
    """Send SIGSTOP and return when the process has stopped; one that has ended stays so."""
    process.send_signal(signal.SIGSTOP)
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


def resume(process: Process) -> None:
    """Send SIGCONT."""
    process.send_signal(signal.SIGCONT)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    """Try a condition until it holds; raises TimeoutError when it doesn't within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s in vain until {what}")
        time.sleep(0.002)
