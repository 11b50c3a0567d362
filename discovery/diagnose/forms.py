"""The forms of lines that belong to a traceback, in the notation of each language: pure."""

from __future__ import annotations

import re

# What kind of event its first line begins; it says which lines may follow.
PLAIN, PYTHON, STACK, GO, RUST, SOURCE, MICROSOFT, BANNER, JVM, JUL = range(10)

FRAME = re.compile(
    r"\s+at [\w$.<(\[`@/\\_]|\s*\.{3} \d+ (?:more|common frames omitted)|\s+[|+]?\s*File \""
    r"|\s+from \S+:\d+:in "
    r"|\t/?\S+\.go:\d+|\t\S+: \S|\s*\d+: +(?:0x[0-9a-f]+ - )?[\w<{]\S*$|#\d+ |\s*--- End of "
    r"|\s+\d+: \[?0x"
    r"|\S+\.rb:\d+:in |(?:/\S+|[\w./-]+)\.go:\d+ \(0x|\s*[~^]+\s*$|\s+[|]\s+(?:[+-]|File )"
)
# A line without indentation that never begins an event while there is one to continue.
FOLLOWS = re.compile(
    r"Caused by: |Suppressed: |Wrapped by: |During handling of the above exception"
    r"|The above exception was"
    r"|\.\.\. \d+ more|--- End of |goroutine \d+ \[|created by \S|exit status \d|\[signal "
    r"|Stack trace:"
    r"|#\d+ [/{\[\w]|note: (?:run with|Some details)|stack backtrace:|Node\.js v\d|Emitted '"
    r"|Require stack:"
    r"|Trying again in [\d.]+ |\[SQL: |\[parameters: |\(Background on this error"
    r"|Current thread 0x|runtime stack:"
)
TRACEBACK = re.compile(r"\s*(?:[|+] *)?(?:Exception Group )?Traceback \(most recent call last\)")
# The line of an exception: its name first, with or without a message.
HEAD = re.compile(
    r"\s*(?:[|+] +)?(?:Caused by: |Suppressed: |---> |Unhandled exception\. |Uncaught )*"
    r"(?:[\w$]+(?:\.|::|\$))*(?:Error\b(?=:)|[A-Za-z_]\w*(?:Error|Exception|Exit|Interrupt"
    r"|Throwable|Warning|Group))"
    r"(?: \[\w+\]| \(\w+\))?(?::(?!:)|\s*$| \()"
)
DOTTED = re.compile(r"\s*(?:[a-z_]\w*\.)+\w+(?::|\s*$)|\s*[A-Z]\w+(?:::[A-Z]\w+)+(?::|\s*$| \()")
THREAD = re.compile(r"Exception in thread |Unhandled exception\. |\S*:\d+:in .*\(\w+\)$")
MICROSOFT_HEAD = re.compile(r"(?:trce|dbug|info|warn|fail|crit): \S+\[\d+\]$")
SOURCE_LINE = re.compile(r"(?:node:[\w/.@-]+|(?:file://)?[\w.@-]*/[\w/.@-]+):\d+$")
GO_PANIC = re.compile(
    r"panic: |fatal error: |(?:\S+ )*http: panic serving|goroutine \d+ \[|SIG[A-Z]+: |panic\("
    r"|.*panic recovered"
)
GO_FOLLOWS = re.compile(
    r"\S+\(.*\)$|[\w/.-]+\.go:\d+|runtime error: |PC=0x|r\w{1,2} +0x|[A-Z][\w-]*: |[A-Z]+ \S+ HTTP/"
)
RUST_PANIC = re.compile(r"(?:.*\s)?thread '[^']*'(?: \(\d+\))? panicked at ")
POSTGRES = re.compile(r".{0,90}?\b(?:DETAIL|HINT|STATEMENT|CONTEXT|QUERY|LOCATION):  ")
RAILS = re.compile(r"F, \[[^\]]*\] FATAL -- : ?(\[[\w-]+\] ?)?")
PREFIXED = re.compile(r"[\[{<]|\d{1,4}[-/:]\d\d|[A-Z]+[ :]")

ANNOUNCES = re.compile(
    r"(?i:exception|error|task exception|future: |internal server error|unhandled|uncaught"
    r"|.*\braised\b)"
    r"|.*[Ee]xception.*:$"
)
_EXCEPTIONS = ("rror", "xcept", "Exit")


def kind_of(text: str) -> int:
    """The kind of the event that begins with this line."""
    first = text[:1]
    if first == "{" or (first.isdigit() and "panic" not in text):
        return PLAIN
    if "Traceback (most" in text and TRACEBACK.match(text):
        return PYTHON
    if "panic" in text or "fatal error" in text or first in "gS":
        if RUST_PANIC.match(text):
            return RUST
        if GO_PANIC.match(text):
            return GO
    return _of_dotnet_or_jvm(text) if not first.isdigit() else PLAIN


def _of_dotnet_or_jvm(text: str) -> int:
    if text.endswith("]") and MICROSOFT_HEAD.match(text):
        return MICROSOFT
    if text in ("#", "# "):
        return JVM
    if text[-1:].isdigit() and SOURCE_LINE.match(text):
        return SOURCE
    if any(part in text for part in _EXCEPTIONS) and (HEAD.match(text) or THREAD.match(text)):
        return STACK
    # java.util.logging puts the level on the next line.
    return JUL if " AM " in text[:30] or " PM " in text[:30] else PLAIN
