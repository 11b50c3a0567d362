"""One line of a log: the class of its error, and the HTTP status that it counts for: pure."""

from __future__ import annotations

import re
from typing import NamedTuple, Optional

from discovery.diagnose import access, faults, levels, structured
from discovery.diagnose.access import Request
from discovery.diagnose.levels import CALM, ERROR, FATAL, PANIC, WARN, Level

# First that fits. The order is the answer's, too.
CLASSES = (
    "panic",
    "fatal",
    "oom",
    "timeout",
    "connection_error",
    "http_5xx",
    "python_traceback",
    "exception",
    "auth_error",
    "structured_error",
    "error",
)


class Verdict(NamedTuple):
    """What a line says."""

    error: Optional[str]  # one of CLASSES; None: no error
    request: Optional[Request] = None  # that was answered
    status: Optional[int] = None  # for the figures; a health check that passes is in none


_NONE = Verdict(None)
_LOGFMT = re.compile(r'(?<![\w"?&.-])(?:level|lvl|severity|log_?level)="?([A-Za-z]+)\b')
_LOGFMT_FAULT = re.compile(r'(?:^|\s)(?:err|error|exception)=("(?:[^"\\]|\\.)*"|[^\s"]+)')
_LOGFMT_LINE = re.compile(r"\w[\w.]*=")
_SUSPECT = re.compile(
    r"err|fail|excep|panic|fatal|timed|timeout|time-out|deadline|elaps|expire|refus|reset|broken|clos"
    r"|denied|unauth|not auth|forbid|credential|invalid|memory|oom|kill|segm|segf|core dump|trace|signal|abort|no route"
    r"|unreach|resol|known|disconnect|hang up|not found|no such|cannot|can't|could not|unable|5\d\d|caused by"
    r"|suppressed|goroutine|terminate|uncaught|unhandled|rejection|expired|password|noauth|wrongpass|noperm"
    r"|refused|pg_hba|must be owner|security token|signature|space left|read-only|too many open|already in use"
    r"|providers|basic auth|lost|gone away|certificate|x509|protection fault|bus error|alert|crit|limit"
    r"|connect|provided|eof|dial |abort",
)


def classify(line: str) -> Optional[str]:
    """The class of a line's error, one of CLASSES; None if it is none.

    A line may be several, those of one traceback.
    """
    return examine(line).error


def examine(line: str) -> Verdict:
    """The class of a line's error and the HTTP status that it counts for."""
    if line[:1] == "{":
        entry = structured.parse(line)
        if entry is not None:
            return _of_entry(entry)
    text = levels.plain(line)
    request = access.of_text(text)
    if request is not None:
        return _of_request(request, levels.of_text(text) or CALM, "")
    text = levels.message(text)
    if "=" in text and (named := _LOGFMT.search(text)):
        level = levels.of_name(named[1])
        if level is not None:
            return Verdict(_of_words(text, level, "structured_error"))
    level = levels.of_text(text)
    if level is None:
        return Verdict(_unlabelled(text))
    if faults.NOTHING.fullmatch(text):  # `error: none`
        return _NONE
    if level == CALM:
        # An answer with 5xx is what the logger of an HTTP client calls information.
        return Verdict("http_5xx") if '"HTTP/' in text and _answered_5xx(text) else _NONE
    return Verdict(_of_words(text, level, "error"))


def _answered_5xx(text: str) -> bool:
    return re.search(r'"HTTP/[\d.]+ 5\d\d', text) is not None


def _of_request(request: Request, level: int, words: str) -> Verdict:
    """Of a line that reports a request: its status decides, unless it names a graver fault."""
    status = request.status
    if request.health and status < 400:  # noqa: PLR2004
        return Verdict(None, request)
    graver = _of_words(words, level, "error") if words and level > CALM else None
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
            return Verdict(_of_words(words, entry.level or ERROR, "structured_error"), request, request.status)
        return verdict
    if entry.level is not None:
        return Verdict(_of_words(words, entry.level, "structured_error"))
    if entry.fault:
        return Verdict(_of_words(words, ERROR, "structured_error"))
    found = _unlabelled(entry.message)
    return Verdict("structured_error" if found == "error" else found)


def _of_words(text: str, level: int, otherwise: str) -> Optional[str]:
    """Of a line whose logger gave it a level; `otherwise` if an error names no fault."""
    if level == CALM:
        return None
    if level == PANIC:
        return "panic"
    words = faults.NOTHING.sub(" ", text)
    if faults.PANIC.search(words) or (level >= ERROR and faults.PANIC_SAID.search(words)):
        return "panic"
    if level == FATAL or faults.FATAL.search(words):
        return "fatal"
    return _named(words, said=True) or (otherwise if level >= ERROR else None)


def _unlabelled(text: str) -> Optional[str]:
    """Of a line without a level: what it says must say so by itself."""
    if not _SUSPECT.search(text.lower()):
        return None
    if _LOGFMT_LINE.match(text) and (fault := _LOGFMT_FAULT.search(text)):
        if fault[1].strip('"').lower() not in ("", "nil", "<nil>", "null", "none", "false", "0", "[]", "{}"):
            return _of_words(text, ERROR, "structured_error")
    words = faults.NOTHING.sub(" ", text)
    if faults.PANIC.search(words):
        return "panic"
    if faults.FATAL.search(words):
        return "fatal"
    return _named(words, said=False) or ("error" if faults.ERROR.search(words) else None)


def _named(words: str, said: bool) -> Optional[str]:
    """The fault that the words name; `said`: a logger has called it one."""
    if faults.OOM.search(words):
        return "oom"
    if faults.TIMEOUT.search(words) or (said and faults.TIMEOUT_SAID.search(words)):
        return "timeout"
    if faults.CONNECTION.search(words) or (said and faults.CONNECTION_SAID.search(words)):
        return "connection_error"
    if faults.HTTP_5XX.search(words):
        return "http_5xx"
    if faults.TRACEBACK.search(words):
        return "python_traceback"
    if faults.EXCEPTION.search(words) or (said and faults.EXCEPTION_SAID.search(words)):
        return "exception"
    if not faults.FILES.search(words) and (
        faults.AUTH.search(words) or (said and faults.AUTH_SAID.search(words))
    ):
        return "auth_error"
    return None
