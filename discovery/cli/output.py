"""Standard output and standard error: what they are, and what is written to them."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

from discovery.cli import exits
from discovery.cli.progress import Progress
from discovery.cli.safe import masked
from discovery.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterable


def prepare() -> None:
    """Have both, whatever the shell gave, and print every character."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed: `>&-`
            # This takes its number, too; otherwise the next socket would.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def finish(code: int) -> int:
    """Write what is not yet written; the exit code, which is another one if that fails."""
    try:
        lost = _flush(sys.stdout)
        if lost and code != exits.UNSEEN:
            complain(f"The output was not written: {lost}.")
        _flush(sys.stderr)
    except BrokenPipeError:
        return exits.PIPE_CLOSED
    return exits.UNSEEN if lost else code


def _flush(stream: Any) -> str:
    """Why the rest was not written; "": it was. Raises BrokenPipeError."""
    try:
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        return f"{error.strerror}"
    return ""


def log_to_stderr(options: Any) -> None:
    """With --verbose all that is logged; otherwise warnings, but for what ends the command."""
    logger = logging.getLogger("discovery")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    shown = logging.StreamHandler(sys.stderr)
    shown.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    shown.setLevel(logging.INFO if options.verbose else logging.WARNING)
    shown.addFilter(lambda record: record.funcName != "lambda_handler")
    logger.addHandler(logging.NullHandler() if options.quiet else shown)


def complain(text: str) -> None:
    """Say what went wrong. Raises BrokenPipeError; the exit code is left if nothing can be said."""
    try:
        for line in text.splitlines():
            print(f"error: {masked(line)}", file=sys.stderr)
    except BrokenPipeError:
        raise
    except OSError:
        return


def on_terminal(stream: Any) -> bool:
    return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


def terminal() -> Terminal:
    """What standard output is. https://no-color.org"""
    if not sys.stdout.isatty():
        return Terminal()
    colour = on_terminal(sys.stdout) and not os.environ.get("NO_COLOR")
    return Terminal(shutil.get_terminal_size().columns, colour)


def progress(options: Any, shown: bool = True) -> Progress:
    quiet = options.quiet or options.verbose or not shown
    return Progress(sys.stderr, on_terminal(sys.stderr) and not quiet)


def print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def print_json(answer: Any) -> None:
    print(json.dumps(answer, indent=2))
