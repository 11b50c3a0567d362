"""The zip under AWS's runtime client and runtime interface emulator, as Lambda runs it."""

import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.request import Request, urlopen

from simulator import processes
from simulator.ports import free_port

VERSION = os.environ.get("PYTHON_VERSION", "3.13")
LAMBDA = Path(__file__).parent.parent / f".venv-lambda-{VERSION}"
"""What packaging/emulator.sh makes: that Python, the emulator, and wheels to build from."""
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(LAMBDA / "wheels")}
"""The environment in which build.sh needs no network."""


class Answer(NamedTuple):
    """What Lambda answers: an error is a document, too."""

    document: Any
    error_type: str | None
    log: str  # what was logged since the last answer


class Emulator:
    """One execution environment with the unpacked zip. Use as a context manager.

    `said` is all that was logged, once it has ended.
    """

    said = ""

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
        self.said = self.log()
        self._log.close()

    def _listens(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(self.log())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0
