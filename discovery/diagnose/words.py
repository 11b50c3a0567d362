"""The class of an error by its words, whatever the format of its line: pure."""

from __future__ import annotations

import re

from discovery.diagnose import faults
from discovery.diagnose.levels import CALM, ERROR, FATAL, PANIC
from discovery.diagnose.structured import NOTHING

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

_LOGFMT_FAULT = re.compile(r'(?:^|\s)(?:err|error|exception)=("(?:[^"\\]|\\.)*"|[^\s"]+)')
_LOGFMT_LINE = re.compile(r"\w[\w.]*=")
_SUSPECT = re.compile(
    r"err|fail|excep|panic|fatal|timed|timeout|time-out|deadline|elaps|expire|refus|reset|broken"
    r"|clos"
    r"|denied|unauth|not auth|forbid|credential|invalid|memory|oom|kill|segm|segf|core dump|trace"
    r"|signal|abort|no route"
    r"|unreach|resol|known|disconnect|hang up|not found|no such|cannot|can't|could not|unable"
    r"|5\d\d|caused by"
    r"|suppressed|goroutine|terminate|uncaught|unhandled|rejection|expired|password|noauth"
    r"|wrongpass|noperm"
    r"|refused|pg_hba|must be owner|security token|signature|space left|read-only|too many open"
    r"|already in use"
    r"|providers|basic auth|lost|gone away|certificate|x509|protection fault|bus error|alert|crit"
    r"|limit"
    r"|connect|provided|eof|dial |abort",
)


def of_words(text: str, level: int, otherwise: str) -> str | None:
    """Of a line whose logger gave it a level; `otherwise` if an error names no fault."""
    if level == CALM:
        return None
    if level == PANIC:
        return "panic"
    words = faults.without_nothing(text)
    small = words.lower()
    if ("panic" in small or "runtime error" in small) and (
        faults.PANIC.search(words) or (level >= ERROR and faults.PANIC_SAID.search(words))
    ):
        return "panic"
    if level == FATAL or _fatal(words):
        return "fatal"
    return _named(words, said=True) or (otherwise if level >= ERROR else None)


def unlabelled(text: str) -> str | None:
    """Of a line without a level: what it says must say so by itself."""
    if not _SUSPECT.search(text.lower()):
        return None
    fault = _LOGFMT_FAULT.search(text) if _LOGFMT_LINE.match(text) else None
    if fault is not None and fault[1].strip('"').lower() not in NOTHING:
        return of_words(text, ERROR, "structured_error")
    words = faults.without_nothing(text)
    if words != text and not _SUSPECT.search(words.lower()):
        return None
    if (
        "anic" in words or "runtime error" in words or words.startswith("goroutine ")
    ) and faults.PANIC.search(words):
        return "panic"
    if _fatal(words):
        return "fatal"
    return _named(words, said=False) or ("error" if faults.ERROR.search(words) else None)


def _fatal(words: str) -> bool:
    return any(hint in words for hint in _FATAL_HINTS) and faults.FATAL.search(words) is not None


_FATAL_HINTS = (
    "atal",
    "FATAL",
    "egfault",
    "egmentation",
    "protection",
    "core dumped",
    "signal",
    "SIG",
    "Bus",
    "Abort",
    "CRIT",
)


def _named(words: str, said: bool) -> str | None:
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
        if (
            pattern.search(words)
            or (said and pattern_said is not None and pattern_said.search(words))
        ) and (name != "auth_error" or not faults.FILES.search(words)):
            return name
    return None


# What must stand in a line, in small letters, before its pattern is tried: patterns are slow.
_FAULTS = (
    (
        "oom",
        ("memory", "oom", "bad_alloc", "process", "heap limit", "enomem", "result of limit"),
        faults.OOM,
        None,
    ),
    (
        "timeout",
        (
            "timeout",
            "timed",
            "time-out",
            "time out",
            "time limit",
            "timelimit",
            "deadline",
            "expired",
            "elaps",
            "execution time",
            "from the pool within",
        ),
        faults.TIMEOUT,
        faults.TIMEOUT_SAID,
    ),
    (
        "connection_error",
        (
            "conn",
            "epipe",
            "ehost",
            "enet",
            "enotfound",
            "eai_",
            "pipe",
            "route",
            "unreach",
            "no such host",
            "unknownhost",
            "name or service",
            "name does not",
            "name resolution",
            "resol",
            "misbehav",
            "link failure",
            "hang up",
            "upstream",
            "closed",
            "tls",
            "ssl",
            "x509",
            "certificate",
            "eof",
            "dial",
            "socket",
            "gone away",
            "broker",
            "reach",
            "getaddrinfo",
            "gaierror",
            "nohttp",
            "actively refused",
            "down",
            "ssl",
            "handshake",
        ),
        faults.CONNECTION,
        faults.CONNECTION_SAID,
    ),
    (
        "http_5xx",
        ("50", "51", "52", "53", "54", "55", "59", "server", "feign", "gateway", "unavailable"),
        faults.HTTP_5XX,
        faults.HTTP_5XX_SAID,
    ),
    ("python_traceback", ("traceback",), faults.TRACEBACK, None),
    (
        "exception",
        (
            "Error",
            "xception",
            "Exit",
            "Interrupt",
            "Failure",
            "Caused",
            "Suppressed",
            "andled",
            "ncaught",
            "::",
            "\n",
            "terminate",
            "ERR_",
        ),
        faults.EXCEPTION,
        faults.EXCEPTION_SAID,
    ),
    (
        "auth_error",
        (
            "auth",
            "denied",
            "credential",
            "invalid",
            "permission",
            "expired",
            "token",
            "password",
            "login",
            "noperm",
            "wrongpass",
            "signature",
            "pg_hba",
            "owner of",
            "forbidden",
            "401",
            "403",
            "provider",
            "imds",
            "access",
            "jwt",
        ),
        faults.AUTH,
        faults.AUTH_SAID,
    ),
)
