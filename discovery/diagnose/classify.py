"""One line of a log: the class of its error, and the HTTP status that it counts for: pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from discovery.diagnose import access, faults, levels, structured, traces
from discovery.diagnose.levels import CALM, ERROR
from discovery.diagnose.words import CLASSES, of_words, unlabelled

if TYPE_CHECKING:
    from discovery.diagnose.access import Request


class Verdict(NamedTuple):
    """What a line says."""

    error: str | None  # one of CLASSES; None: no error
    request: Request | None = None  # that was answered
    status: int | None = None  # for the figures; a health check that passes is in none
    said: str = ""  # an error's message, where the line is an object that has it in a field


_LOGFMT = re.compile(r'(?<![\w"?&.-])(?:level|lvl|severity|log_?level)="?([A-Za-z]+)\b')
_ANSWERED_5XX = re.compile(r'"HTTP/[\d.]+ 5\d\d')


def classify(line: str) -> str | None:
    """The class of a line's error, one of CLASSES; None if it is none.

    It may also be all the lines of one traceback.
    """
    return examine(traces.joined(line).text if "\n" in line else line).error


def examine(line: str) -> Verdict:
    """The class of a line's error and the HTTP status that it counts for."""
    if line.startswith("{"):
        entry = structured.parse(line)
        if entry is not None:
            return _of_entry(entry)
    text = levels.plain(line)
    request = access.of_text(text)
    if request is not None:
        return _of_request(request, CALM, "")
    return Verdict(_of_text(levels.message(text)))


def _of_text(text: str) -> str | None:
    if ("level=" in text or "lvl=" in text or "severity=" in text) and (
        named := _LOGFMT.search(text)
    ):
        level = levels.of_name(named[1])
        if level is not None:
            return of_words(text, level, "structured_error")
    level = levels.of_text(text)
    if level is None:
        return unlabelled(text)
    if len(text) < 20 and not faults.without_nothing(text).strip():  # noqa: PLR2004 (`error: none`)
        return None
    if level == CALM:
        # An answer with 5xx is what the logger of an HTTP client calls information.
        return "http_5xx" if '"HTTP/' in text and _ANSWERED_5XX.search(text) else None
    return of_words(text, level, "error")


def _of_request(request: Request, level: int, words: str) -> Verdict:
    """Of a line that reports a request: its status decides, unless it names a graver fault."""
    status = request.status
    if request.health and status < 400:  # noqa: PLR2004
        return Verdict(None, request)
    graver = of_words(words, level, "error") if words and level > CALM else None
    if graver is not None and CLASSES.index(graver) < CLASSES.index("http_5xx"):
        return Verdict(graver, request, status)
    if status >= 500:  # noqa: PLR2004
        return Verdict("http_5xx", request, status)
    if request.health:
        return Verdict("auth_error" if status in (401, 403) else "error", request, status)
    return Verdict(None, request, status)


def _of_entry(entry: structured.Entry) -> Verdict:
    words = f"{entry.message}\n{entry.fault}" if entry.fault else entry.message
    request = entry.request
    if request is None and '" ' in entry.message:
        request = access.of_text(entry.message)
    if request is not None:
        verdict = _of_request(request, entry.level or CALM, words)
        if verdict.error is None and (entry.level or CALM) >= ERROR and not request.health:
            return Verdict(
                of_words(words, entry.level or ERROR, "structured_error"), request, request.status
            )
        return verdict
    if entry.level is not None:
        error = of_words(words, entry.level, "structured_error")
    elif entry.fault:
        error = of_words(words, ERROR, "structured_error")
    else:
        found = unlabelled(entry.message)
        error = "structured_error" if found == "error" else found
    return Verdict(error, said=_said(entry)) if error else Verdict(None)


def _said(entry: structured.Entry) -> str:
    fault = traces.message(traces.joined(entry.fault)) if entry.fault else ""
    if not entry.message or not fault or fault in entry.message:
        return entry.message or fault
    return f"{entry.message}: {fault}"
