"""The process of one Lambda execution environment, and the socket to it."""

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from simulator.processes import Process

_PROGRAM = Path(__file__).with_name("environment.py")
_INIT_SECONDS = 30.0  # Lambda itself allows 10, on a machine that it does not share


# Starts a process that serves a handler: env, root, handler and the descriptor of a socket.
Start = Callable[[Mapping[str, str], Path, str, int], Process]


def interpreter(python: str) -> Start:
    """Starts a new interpreter each time, as Lambda does."""

    def start(
        env: Mapping[str, str], root: Path, handler: str, descriptor: int
    ) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [python, _PROGRAM, root.resolve(), handler, str(descriptor)],
            env=dict(env),
            cwd=root,
            pass_fds=[descriptor],
            stdin=subprocess.DEVNULL,
        )

    return start


class Sandbox:
    """Runs environment.py in a process of its own, in the folder of the handler."""

    def __init__(self, env: Mapping[str, str], root: Path, start: Start, handler: str) -> None:
        self._socket, theirs = socket.socketpair()
        self._received = b""
        self._log: list[str] = []
        self._init: dict[str, Any] | None = None
        with theirs:
            try:
                self.process = start(env, root, handler, theirs.fileno())
            except BaseException:
                self._socket.close()
                raise

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    def init_failure(self) -> dict[str, str] | None:
        """Wait until the handler is imported; the error if it can't be."""
        if self._init is None:
            self._init = self.receive(time.monotonic() + _INIT_SECONDS)
        return self._init.get("error")

    def send(self, **message: Any) -> None:
        """Send a message; a process that has ended is noticed when it doesn't answer."""
        line = json.dumps(message).encode() + b"\n"
        self._socket.settimeout(None)
        with contextlib.suppress(OSError):
            self._socket.sendall(line)

    def receive(self, deadline: float) -> dict[str, Any]:
        """The next message that is no log entry; raises TimeoutError after the deadline."""
        while True:
            while b"\n" not in self._received:
                more = self._more(deadline)
                if not more:
                    return {"error": self._exit()}
                self._received += more
            line, _, self._received = self._received.partition(b"\n")
            message: dict[str, Any] = json.loads(line)
            if "log" not in message:
                return message
            self._log.append(message["log"])

    def take_log(self) -> list[str]:
        """The log entries that have come and were not taken before."""
        taken, self._log = self._log, []
        return taken

    def kill(self) -> None:
        """Kill the process and wait for its end."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Kill the process and close the socket."""
        self.kill()
        self._socket.close()

    def _more(self, deadline: float) -> bytes:
        self._socket.settimeout(max(deadline - time.monotonic(), 1e-6))
        try:
            return self._socket.recv(1 << 16)
        except ConnectionError:
            return b""

    def _exit(self) -> dict[str, str]:
        code = self.process.wait()
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        message = f"Error: Runtime exited with error: {how}"
        return {"type": "Runtime.ExitError", "message": message, "trace": ""}
