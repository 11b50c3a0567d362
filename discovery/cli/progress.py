"""Progress: one line on a terminal, which appears after a second and disappears at the end."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from typing import TYPE_CHECKING

from discovery.cli.terminal import cut
from discovery.text import one_line

if TYPE_CHECKING:
    from typing import TextIO

PATIENCE = 1.0  # seconds before the first sight of it
PERIOD = 0.2  # seconds between two
_CLEAR = "\r\x1b[K"


class Progress(logging.Handler):
    """Shows the last message of the log and how long it has taken."""

    def __init__(self, stream: TextIO, shown: bool) -> None:
        super().__init__(logging.INFO)
        self._stream, self._shown = stream, shown
        self._doing = "working"
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)

    def emit(self, record: logging.LogRecord) -> None:
        self._doing = one_line(record.getMessage())

    def __enter__(self) -> Progress:  # noqa: PYI034 (Self came after Python 3.9)
        logging.getLogger("discovery").addHandler(self)
        if self._shown:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("discovery").removeHandler(self)
        self._done.set()
        if self._shown:
            self._thread.join()

    def _show(self) -> None:
        started, wait = time.monotonic(), PATIENCE
        while not self._done.wait(wait):
            wait = PERIOD
            line = f"{self._doing} ({time.monotonic() - started:.0f} s)"
            width = shutil.get_terminal_size().columns
            self._write(_CLEAR + cut(line, max(1, width - 1)))
        if wait == PERIOD:
            self._write(_CLEAR)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
