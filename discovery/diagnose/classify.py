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
        return _of_request(request, CALM, "")
    text = levels.message(text)
    if ("level=" in text or "lvl=" in text or "severity=" in text) and (named := _LOGFMT.search(text)):
        level = levels.of_name(named[1])
        if level is not None:
            return Verdict(_of_words(text, level, "structured_error"))
    level = levels.of_text(text)
    if level is None:
        return Verdict(_unlabelled(text))
    if len(text) < 20 and not faults.without_nothing(text).strip():  # noqa: PLR2004 (`error: none`)
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
    words = faults.without_nothing(text)
    small = words.lower()
    if ("panic" in small or "runtime error" in small) and (faults.PANIC.search(words) or (level >= ERROR and faults.PANIC_SAID.search(words))):
        return "panic"
    if level == FATAL or _fatal(words):
        return "fatal"
    return _named(words, said=True) or (otherwise if level >= ERROR else None)


def _unlabelled(text: str) -> Optional[str]:
    """Of a line without a level: what it says must say so by itself."""
    if not _SUSPECT.search(text.lower()):
        return None
    if _LOGFMT_LINE.match(text) and (fault := _LOGFMT_FAULT.search(text)):
        if fault[1].strip('"').lower() not in ("", "nil", "<nil>", "null", "none", "false", "0", "[]", "{}"):
            return _of_words(text, ERROR, "structured_error")
    words = faults.without_nothing(text)
    if words != text and not _SUSPECT.search(words.lower()):
        return None
    if ("anic" in words or "runtime error" in words or words.startswith("goroutine ")) and faults.PANIC.search(words):
        return "panic"
    if _fatal(words):
        return "fatal"
    return _named(words, said=False) or ("error" if faults.ERROR.search(words) else None)


def _fatal(words: str) -> bool:
    return any(hint in words for hint in _FATAL_HINTS) and faults.FATAL.search(words) is not None


_FATAL_HINTS = ("atal", "FATAL", "egfault", "egmentation", "protection", "core dumped", "signal", "SIG", "Bus", "Abort", "CRIT")


def _named(words: str, said: bool) -> Optional[str]:
    """The fault that the words name; `said`: a logger has called it one."""
    small = words.lower()
    for name, hints, pattern, pattern_said in _FAULTS:
        # Exceptions are known by their capitals: `ERROR` and `error` are levels.
        text = words if name == "exception" else small
        for hint in hints:
            if hint in text:
                break
        else:
            continue
        if pattern.search(words) or (said and pattern_said is not None and pattern_said.search(words)):
            if name != "auth_error" or not faults.FILES.search(words):
                return name
    return None


# What must stand in a line, in small letters, before its pattern is tried: patterns are slow.
_FAULTS = (
    ("oom", ("memory", "oom", "bad_alloc", "process", "heap limit", "enomem", "result of limit"), faults.OOM, None),
    ("timeout", ("timeout", "timed", "time-out", "time out", "time limit", "timelimit", "deadline", "expired", "elaps", "execution time", "from the pool within"), faults.TIMEOUT, faults.TIMEOUT_SAID),
    (
        "connection_error",
        (
            "conn", "epipe", "ehost", "enet", "enotfound", "eai_", "pipe", "route", "unreach",
            "no such host", "unknownhost", "name or service", "name does not",
            "name resolution", "resol", "misbehav", "link failure", "hang up", "upstream",
            "closed", "tls", "ssl", "x509", "certificate", "eof", "dial", "socket",
            "gone away", "broker", "reach", "getaddrinfo", "gaierror", "nohttp", "actively refused", "down", "ssl", "handshake",
        ),
        faults.CONNECTION,
        faults.CONNECTION_SAID,
    ),
    ("http_5xx", ("50", "51", "52", "53", "54", "55", "59", "server", "feign", "gateway", "unavailable"), faults.HTTP_5XX, faults.HTTP_5XX_SAID),
    ("python_traceback", ("traceback",), faults.TRACEBACK, None),
    (
        "exception",
        ("Error", "xception", "Exit", "Interrupt", "Failure", "Caused", "Suppressed", "andled", "ncaught", "::",
         "\n", "terminate", "ERR_"),
        faults.EXCEPTION,
        faults.EXCEPTION_SAID,
    ),
    (
        "auth_error",
        ("auth", "denied", "credential", "invalid", "permission", "expired", "token", "password", "login",
         "noperm", "wrongpass", "signature", "pg_hba", "owner of", "forbidden", "401", "403", "provider",
         "imds", "access", "jwt"),
        faults.AUTH,
        faults.AUTH_SAID,
    ),
)
