"""Lines that belong together: a traceback is one event, however its lines were split: pure.

A container's log driver sends each line as an event of its own. The lines of one stream arrive in
order, so what continues the line before it is known by its form. The frames of a stack say where,
not what: the first is kept for the reader, the others are dropped as they come.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from discovery.diagnose import forms, levels

# Lines of one traceback are written at once. What comes later is another event.
GAP_MS = 2_000
# An event keeps so much; what is longer is read to its end, but not kept.
MOST_LINES = 40
LONGEST_LINE = 4_000  # characters


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
    level: int | None = None  # of its first line, once it was needed
    levelled: bool = False

    @property
    def text(self) -> str:
        return self.lines[0] if len(self.lines) == 1 else "\n".join(self.lines)


def begin(at: int, task: str, text: str) -> Event:
    """The event that this line begins."""
    text = text[:LONGEST_LINE]
    return Event(at, task, at, forms.kind_of(text), [text])


def continues(event: Event, at: int, text: str) -> bool:  # noqa: PLR0911 (cheapest first)
    """Whether the line belongs to the event, which is the last one of the same stream."""
    if at - event.last > GAP_MS:
        return False
    first = text[:1]
    if not first or text.isspace():
        return True  # an empty line is no event of its own
    if first in " \t#.-/" and forms.FRAME.match(text):
        return True
    if first == "{":
        return False
    if event.kind == forms.PLAIN and not first.isspace():
        return _plain_continues(event, at, text)
    if forms.FOLLOWS.match(text):
        return True
    return _BY_KIND[event.kind](event, text) or (
        not first.isspace() and _plain_continues(event, at, text)
    )


def _plain_continues(event: Event, at: int, text: str) -> bool:  # noqa: PLR0911 (one form each)
    first = text[0]
    if first in "CSWDT.-gce[#nNERs(" and forms.FOLLOWS.match(text):
        return True
    if "Traceback (most" in text and forms.TRACEBACK.match(text):
        return _chained(event) if event.kind == forms.PYTHON else _grave(event)
    if first == "*" and text.startswith("****") and _grave(event):
        return True
    if first == "F" and (rails := forms.RAILS.match(text)):
        before = forms.RAILS.match(event.lines[0])
        return before is not None and before[1] == rails[1] and at - event.last < GAP_MS // 10
    if ":  " in text and forms.POSTGRES.match(text):
        return True
    if first.isdigit() or event.kind == forms.PYTHON:
        return False
    # The logger wrote a message, and below it the exception that it was given.
    if forms.HEAD.match(text) or forms.DOTTED.match(text):
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
        return forms.ANNOUNCES.match(event.lines[-1]) is not None
    return level > levels.CALM


def _debug(event: Event) -> bool:
    return (
        _level(event) == levels.CALM
        and re.search(r"\b(?:DEBUG|TRACE)\b", event.lines[0][:160]) is not None
    )


def _chained(event: Event) -> bool:
    """Whether Python has said that another traceback of the same error follows."""
    return (
        event.lines[-1].startswith(("During handling", "The above exception"))
        or event.lines[-1][:1] in "|+"
    )


def _python(event: Event, text: str) -> bool:
    if text[0].isspace() or text[0] in "|+":
        return True  # the frames, their source, and the exceptions of a group
    if forms.TRACEBACK.match(text):
        return _chained(event)
    if event.ended:
        return text.startswith(("DETAIL:", "HINT:", "LINE "))
    return not forms.PREFIXED.match(text) or forms.HEAD.match(text) is not None


def _stack(_event: Event, text: str) -> bool:
    return text[0].isspace() or text[0] in "}])" or text.startswith(("- /", "The last packet"))


def _go(_event: Event, text: str) -> bool:
    return text[0] == "\t" or forms.GO_FOLLOWS.match(text) is not None


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
    return text[0].isspace() or (forms.HEAD.match(text) is not None and not event.ended)


def _banner(event: Event, text: str) -> bool:
    return len(event.lines) < MOST_LINES and not forms.PREFIXED.match(text)


def _jvm(_event: Event, text: str) -> bool:
    return text[0] == "#"


def _jul(event: Event, text: str) -> bool:
    return (
        len(event.lines) == 1
        and levels.of_text(text) is not None
        and text[0].isupper()
        and not text[0].isdigit()
    )


def _plain(event: Event, text: str) -> bool:
    """An indented line behind one of no particular form."""
    return (forms.HEAD.match(text) or forms.TRACEBACK.match(text)) is not None and _grave(event)


_BY_KIND = {
    forms.PLAIN: _plain,
    forms.PYTHON: _python,
    forms.STACK: _stack,
    forms.GO: _go,
    forms.RUST: _rust,
    forms.SOURCE: _source,
    forms.MICROSOFT: _microsoft,
    forms.BANNER: _banner,
    forms.JVM: _jvm,
    forms.JUL: _jul,
}


def add(event: Event, at: int, text: str) -> None:
    """Put a line to the event that it continues."""
    event.last = at
    if not text or text.isspace():
        return
    if forms.FRAME.match(text):
        _add_frame(event, text)
    elif forms.TRACEBACK.match(text):
        event.kind, event.ended = forms.PYTHON, False
        _keep(event, text.strip(" |+"))
    elif event.kind == forms.PYTHON:
        _add_to_python(event, text)
    elif event.kind != forms.GO or text[0] != "\t":
        _note(event, text)
        _keep(event, text)


def _add_frame(event: Event, text: str) -> None:
    shown = text.lstrip(" |")
    event.ended = event.ended and not shown.startswith("File ")
    if event.kind == forms.PLAIN:
        event.kind = forms.STACK
    if not event.framed and not shown.startswith(("#", "^", "~", "---", "...")):
        event.framed = True
        _keep(event, text)


def _add_to_python(event: Event, text: str) -> None:
    if text[0].isspace() and not text.lstrip().startswith("|"):
        return  # a line of source
    if not text.startswith(("During handling", "The above exception")):
        event.ended = True
    _keep(event, text)


def _note(event: Event, text: str) -> None:
    """What a line changes in what may follow it."""
    if event.kind == forms.PLAIN:
        if text.startswith("****"):
            event.kind = forms.BANNER
        elif forms.HEAD.match(text) or forms.DOTTED.match(text):
            event.kind = forms.STACK
    elif event.kind == forms.SOURCE:
        # The line of source, the caret, the error.
        event.ended = event.ended or forms.HEAD.match(text) is not None or len(event.lines) > 2  # noqa: PLR2004
    elif event.kind == forms.MICROSOFT:
        event.ended = event.ended or not text[0].isspace()


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
    """What an event says: of a traceback the exception, of any other its first line."""
    lines, kind = event.lines, event.kind
    if len(lines) == 1:
        return lines[0]
    if kind in (forms.GO, forms.RUST):
        place = lines[0].rstrip()
        return f"{place} {lines[1].strip()}" if place.endswith(":") else place
    heads = [line.strip(" |+\t") for line in lines if forms.HEAD.match(line)]
    if kind == forms.PYTHON:
        return heads[-1] if heads else lines[-1].strip()
    if heads:
        own = next((line for line in heads if not line.startswith("Caused by: ")), heads[0])
        cause = next((line for line in reversed(heads) if line.startswith("Caused by: ")), own)
        return own if cause == own else f"{own}; {cause}"
    if kind == forms.BANNER:
        return " ".join([line.strip() for line in lines if line.strip("* ")][:4])
    return f"{lines[0]} {lines[1].strip()}" if kind in (forms.MICROSOFT, forms.JUL) else lines[0]
