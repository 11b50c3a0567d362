"""Lines that belong together: a traceback is one event, however its lines were split: pure.

A container's log driver sends each line as an event of its own. The lines of one stream arrive in
order, so what continues the line before it is told by its form. The frames of a stack say where,
not what: the first is kept for the reader, the others are dropped as they come.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Optional

from discovery.diagnose import levels

# Lines of one traceback are written at once. What comes later is another event.
GAP_MS = 2_000
# An event keeps so much; what is longer is read to its end, but not kept.
MOST_LINES = 40
LONGEST_LINE = 4_000  # characters

_FRAME = re.compile(
    r"\s+at [\w$.<(\[`@/\\_]|\s*\.{3} \d+ (?:more|common frames omitted)|\s+[|+]?\s*File \"|\s+from \S+:\d+:in "
    r"|\t/?\S+\.go:\d+|\t\S+: \S|\s*\d+: +(?:0x[0-9a-f]+ - )?[\w<{]\S*$|#\d+ |\s*--- End of |\s+\d+: \[?0x"
    r"|\S+\.rb:\d+:in |(?:/\S+|[\w./-]+)\.go:\d+ \(0x|\s*[~^]+\s*$|\s+[|]\s+(?:[+-]|File )"
)
# A line without indentation that never begins an event while there is one to continue.
_FOLLOWS = re.compile(
    r"Caused by: |Suppressed: |Wrapped by: |During handling of the above exception|The above exception was"
    r"|\.\.\. \d+ more|--- End of |goroutine \d+ \[|created by \S|exit status \d|\[signal |Stack trace:"
    r"|#\d+ [/{\[\w]|note: (?:run with|Some details)|stack backtrace:|Node\.js v\d|Emitted '|Require stack:"
    r"|Trying again in [\d.]+ |\[SQL: |\[parameters: |\(Background on this error"
    r"|Current thread 0x|runtime stack:"
)
_TRACEBACK = re.compile(r"\s*(?:[|+] *)?(?:Exception Group )?Traceback \(most recent call last\)")
# The line of an exception: its name first, with or without a message.
_HEAD = re.compile(
    r"\s*(?:[|+] +)?(?:Caused by: |Suppressed: |---> |Unhandled exception\. |Uncaught )*"
    r"(?:[\w$]+(?:\.|::|\$))*(?:Error\b(?=:)|[A-Za-z_]\w*(?:Error|Exception|Exit|Interrupt|Throwable|Warning|Group))"
    r"(?: \[\w+\]| \(\w+\))?(?::(?!:)|\s*$| \()"
)
_DOTTED = re.compile(r"\s*(?:[a-z_]\w*\.)+\w+(?::|\s*$)|\s*[A-Z]\w+(?:::[A-Z]\w+)+(?::|\s*$| \()")
_THREAD = re.compile(r'Exception in thread |Unhandled exception\. |\S*:\d+:in .*\(\w+\)$')
_MICROSOFT = re.compile(r"(?:trce|dbug|info|warn|fail|crit): \S+\[\d+\]$")
_SOURCE = re.compile(r"(?:node:|file://)?[\w/.@-]+:\d+$")
_GO = re.compile(r"panic: |fatal error: |(?:\S+ )*http: panic serving|goroutine \d+ \[|SIG[A-Z]+: |panic\(|.*panic recovered")
_GO_FOLLOWS = re.compile(
    r"\S+\(.*\)$|[\w/.-]+\.go:\d+|runtime error: |PC=0x|r\w{1,2} +0x|[A-Z][\w-]*: |[A-Z]+ \S+ HTTP/"
)
_RUST = re.compile(r"(?:.*\s)?thread '[^']*'(?: \(\d+\))? panicked at ")
_POSTGRES = re.compile(r".{0,90}?\b(?:DETAIL|HINT|STATEMENT|CONTEXT|QUERY|LOCATION):  ")
_RAILS = re.compile(r"F, \[[^\]]*\] FATAL -- : ?(\[[\w-]+\] ?)?")
_PREFIXED = re.compile(r"[\[{<]|\d{1,4}[-/:]\d\d|[A-Z]+[ :]")

PLAIN, PYTHON, STACK, GO, RUST, SOURCE, MICROSOFT, BANNER, JVM, JUL = range(10)


@dataclass
class Event:
    """One event of a stream, perhaps still growing."""

    at: int  # ms since 1970, of its first line
    task: str
    last: int  # ms, of its last line
    kind: int
    lines: list[str] = field(default_factory=list)  # without the frames but the first
    framed: bool = False
    ended: bool = False  # the exception's line was seen
    level: Optional[int] = None  # of its first line, once it was needed
    levelled: bool = False

    @property
    def text(self) -> str:
        return self.lines[0] if len(self.lines) == 1 else "\n".join(self.lines)


def begin(at: int, task: str, text: str) -> Event:
    """The event that this line begins."""
    text = text[:LONGEST_LINE]
    return Event(at, task, at, _kind(text), [text])


def _kind(text: str) -> int:
    first = text[:1]
    if first in "{" or first.isdigit():
        if first != "{" and ("panic" in text):
            return RUST if _RUST.match(text) else GO if _GO.match(text) else PLAIN
        return PLAIN
    if "Traceback (most" in text and _TRACEBACK.match(text):
        return PYTHON
    if "panic" in text or "fatal error" in text or first in "gS":
        if _RUST.match(text):
            return RUST
        if _GO.match(text):
            return GO
    if text.endswith("]") and _MICROSOFT.match(text):
        return MICROSOFT
    if first == "#" and len(text) < 3:  # noqa: PLR2004
        return JVM
    if text[-1:].isdigit() and ":" in text and _SOURCE.match(text) and ("/" in text or text.startswith("node:")):
        return SOURCE
    if ("rror" in text or "xcept" in text or "Exit" in text) and (_HEAD.match(text) or _THREAD.match(text)):
        return STACK
    if text.endswith((" AM", " PM")) or " AM " in text[:30] or " PM " in text[:30]:
        return JUL
    return PLAIN


def continues(event: Event, at: int, text: str) -> bool:
    """Whether the line belongs to the event, which is the last one of the same stream."""
    if at - event.last > GAP_MS:
        return False
    first = text[:1]
    if not first or text.isspace():
        return True  # an empty line is no event of its own
    if first in " \t#.-/" and _FRAME.match(text):
        return True
    if first == "{":
        return False
    if event.kind == PLAIN and not first.isspace():
        return _plain_continues(event, at, text)
    if _FOLLOWS.match(text):
        return True
    return _BY_KIND[event.kind](event, text) or (not first.isspace() and _plain_continues(event, at, text))


def _plain_continues(event: Event, at: int, text: str) -> bool:
    first = text[0]
    if first in "CSWDT.-gce[#nNERs(" and _FOLLOWS.match(text):
        return True
    if "Traceback (most" in text and _TRACEBACK.match(text):
        return _chained(event) if event.kind == PYTHON else _grave(event)
    if first == "*" and text.startswith("****") and _grave(event):
        return True
    if first == "F" and (rails := _RAILS.match(text)):
        before = _RAILS.match(event.lines[0])
        return before is not None and before[1] == rails[1] and at - event.last < GAP_MS // 10
    if ":  " in text and _POSTGRES.match(text):
        return True
    if first.isdigit() or event.kind == PYTHON:
        return False
    # The logger wrote a message, and below it the exception that it was given.
    if _HEAD.match(text) or _DOTTED.match(text):
        return not event.framed and not event.ended and (_grave(event) or _debug(event))
    return False


def _level(event: Event) -> levels.Level:
    if not event.levelled:
        event.level, event.levelled = levels.of_text(levels.plain(event.lines[0])), True
    return event.level


def _grave(event: Event) -> bool:
    """A logger called it a warning or an error, or it says itself that an exception follows."""
    level = _level(event)
    if level is None:
        return _ANNOUNCES.match(event.lines[-1]) is not None
    return level > levels.CALM


_ANNOUNCES = re.compile(
    r"(?i:exception|error|task exception|future: |internal server error|unhandled|uncaught|.*\braised\b)"
    r"|.*[Ee]xception.*:$"
)


def _debug(event: Event) -> bool:
    return _level(event) == levels.CALM and re.search(r"\b(?:DEBUG|TRACE)\b", event.lines[0][:160]) is not None


def _chained(event: Event) -> bool:
    """Whether Python has said that another traceback of the same error follows."""
    return event.lines[-1].startswith(("During handling", "The above exception")) or event.lines[-1][:1] in "|+"


def _python(event: Event, text: str) -> bool:
    if text[0].isspace() or text[0] in "|+":
        return True  # the frames, their source, and the exceptions of a group
    if _TRACEBACK.match(text):
        return _chained(event)
    if event.ended:
        return text.startswith(("DETAIL:", "HINT:", "LINE "))
    return not _PREFIXED.match(text) or _HEAD.match(text) is not None


def _stack(_event: Event, text: str) -> bool:
    return text[0].isspace() or text[0] in "}])" or text.startswith(("- /", "The last packet"))


def _go(_event: Event, text: str) -> bool:
    return text[0] == "\t" or _GO_FOLLOWS.match(text) is not None


def _rust(event: Event, text: str) -> bool:
    # The message stands on a line of its own: `panicked at src/main.rs:4:5:`.
    if len(event.lines) == 1 and event.lines[0].rstrip().endswith(":"):
        return True
    return text[0].isspace()


def _source(event: Event, text: str) -> bool:
    """Node shows the line of source, a caret, and then the error."""
    if event.ended:
        return _stack(event, text)
    return len(event.lines) < 5  # noqa: PLR2004


def _microsoft(event: Event, text: str) -> bool:
    return text[0].isspace() or (_HEAD.match(text) is not None and not event.ended)


def _banner(event: Event, text: str) -> bool:
    return len(event.lines) < MOST_LINES and not _PREFIXED.match(text)


def _jvm(_event: Event, text: str) -> bool:
    return text[0] == "#"


def _jul(event: Event, text: str) -> bool:
    return len(event.lines) == 1 and levels.of_text(text) is not None and text[0].isupper() and not text[0].isdigit()


def _plain(event: Event, text: str) -> bool:
    """An indented line behind one of no particular form."""
    return (_HEAD.match(text) or _TRACEBACK.match(text)) is not None and _grave(event)


_BY_KIND = {
    PLAIN: _plain,
    PYTHON: _python,
    STACK: _stack,
    GO: _go,
    RUST: _rust,
    SOURCE: _source,
    MICROSOFT: _microsoft,
    BANNER: _banner,
    JVM: _jvm,
    JUL: _jul,
}


def add(event: Event, at: int, text: str) -> None:
    """Put a line to the event that it continues."""
    event.last = at
    if not text or text.isspace():
        return
    if _FRAME.match(text):
        event.ended = event.ended and not text.lstrip(" |").startswith("File ")
        if not event.framed and not text.lstrip().startswith(("#", "^", "~", "---", "...")):
            event.framed = True
            _keep(event, text)
        if event.kind == PLAIN:
            event.kind = STACK
        return
    if _TRACEBACK.match(text):
        event.kind, event.ended = PYTHON, False
        _keep(event, text.strip(" |+"))
        return
    if event.kind == PYTHON:
        if text[0].isspace() and not text.lstrip().startswith("|"):
            return  # a line of source
        if not event.ended and not text.startswith(("During handling", "The above exception")):
            event.ended = True
        _keep(event, text)
        return
    if event.kind == PLAIN:
        if text.startswith("****"):
            event.kind = BANNER
        elif _HEAD.match(text) or _DOTTED.match(text):
            event.kind = STACK
    elif event.kind == SOURCE and (_HEAD.match(text) or len(event.lines) > 2):  # noqa: PLR2004
        event.ended = True
    elif event.kind == MICROSOFT and not text[0].isspace():
        event.ended = True
    elif event.kind == GO and text[0] == "\t":
        return
    _keep(event, text)


def _keep(event: Event, text: str) -> None:
    if len(event.lines) < MOST_LINES:
        event.lines.append(text[:LONGEST_LINE])


def joined(text: str) -> Event:
    """The event that these lines are, if all of them belong together."""
    first, *others = text.split("\n")
    event = begin(0, "", first)
    for line in others:
        add(event, 0, line)
    return event


def message(event: Event) -> str:
    """What an event says, on one line: of a traceback the exception, of any other the first line."""
    lines = event.lines
    if len(lines) == 1:
        return lines[0]
    heads = [line.strip(" |+\t") for line in lines if _HEAD.match(line)]
    if event.kind == PYTHON:
        return heads[-1] if heads else lines[-1].strip()
    if event.kind in (GO, RUST):
        place = lines[0].rstrip()
        return f"{place} {lines[1].strip()}" if place.endswith(":") else place
    if heads:
        causes = [line for line in heads if line.startswith("Caused by: ")]
        own = next((line for line in heads if not line.startswith("Caused by: ")), heads[0])
        return f"{own}; {causes[-1]}" if causes and causes[-1] != own else own
    if event.kind == MICROSOFT or event.kind == JUL:
        return f"{lines[0]} {lines[1].strip()}"
    if event.kind == BANNER:
        said = [line.strip() for line in lines if line.strip("* ")]
        return " ".join(said[:4])
    return lines[0]
