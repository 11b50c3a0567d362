"""The level that a logger gave to its line: pure."""

from __future__ import annotations

import re
from typing import Any, Optional

# How grave a level is. None stands for a line without a level.
CALM, WARN, ERROR, FATAL, PANIC = range(5)
Level = Optional[int]

_NAMES = {
    CALM: "trace trac trce trc verbose vrb debug debu dbug dbg info information inf config fine"
    " finer finest notice default log hint",
    WARN: "warning warn wrn warni",
    ERROR: "error erro err eror fail severe",
    FATAL: "fatal fata ftl critical crit alert emergency emerg",
    PANIC: "panic pani pnc dpanic",
}
_BY_NAME = {name: level for level, names in _NAMES.items() for name in names.split()}
# Numbers, by their range: syslog (GELF) to 7, pino and bunyan from 10, Monolog from 100, log4j from
# 10,000. https://github.com/pinojs/pino/blob/main/docs/api.md#level-string,
# https://docs.graylog.org/docs/gelf, https://seldaek.github.io/monolog/doc/01-usage.html#log-levels
_NUMBERS = (
    (50_000, FATAL),
    (40_000, ERROR),
    (30_000, WARN),
    (1_000, CALM),
    (500, FATAL),
    (400, ERROR),
    (300, WARN),
    (100, CALM),
    (60, FATAL),
    (50, ERROR),
    (40, WARN),
    (8, CALM),
    (5, CALM),
    (4, WARN),
    (3, ERROR),
    (0, FATAL),
)

_HEAD = 160  # characters in which a level is looked for: behind them comes the message
# A word in capitals that stands by itself: `ERROR `, `[ERROR]`, `ERROR:`, `ERROR/Worker`.
_CAPITALS = re.compile(r"[\s\[<|:.\-]([A-Z]{3,9})(?=[\s\]>|):/,\[]|$)")
# In small letters: in brackets, between tabs or bars, or first and before a colon.
_SMALL = re.compile(
    r"[\[<(|\t:]([A-Za-z][a-z]{2,10})(?=\s*[\]>)|\t])|(?:^ |- |\d )([A-Za-z][a-z]{2,10})(?=: |\])"
)
# Behind the time, in any letters: `2016-09-28 04:30:31, Info  CBS`.
_BEHIND_TIME = re.compile(r"\d[\d:.,/TZ+ \t-]{7,40}\s([A-Za-z]{3,11})(?=\s)")
_IN_SMALL = frozenset(
    [
        "trace",
        "debug",
        "info",
        "information",
        "notice",
        "warning",
        "warn",
        "error",
        "err",
        "severe",
        "critical",
        "crit",
        "fatal",
        "alert",
        "emergency",
        "emerg",
        "panic",
        "verbose",
    ]
)
# Formats in which the level is no word.
_MICROSOFT = re.compile(r"(trce|dbug|info|warn|fail|crit): ")
_GLOG = re.compile(r"([DIWEF])\d{4} \d\d:\d\d:\d\d\.\d+ ")
_RUBY = re.compile(r"([DIWEFA]), \[")
_REDIS = re.compile(r"\d+:[XCSM] \d\d \w{3} \d{4} [\d:.]+ ([.\-*#]) ")
_LETTER = {"D": CALM, "I": CALM, "W": WARN, "E": ERROR, "F": FATAL, "A": None}
_PYTHON_WARNING = re.compile(
    r"(?:^|[\s(])(?:[A-Z]\w*)?Warning: |^npm (?:WARN|warn) |^PHP (?:Notice|Deprecated|Warning): "
)
_NPM_ERROR = re.compile(r"npm (?:ERR!|error) ")
# PHP-FPM hands on what PHP said, under a level of its own.
_HANDED_ON = re.compile(
    r'^.*?(?:NOTICE: PHP message: |said into stderr: ")(?:NOTICE: PHP message: )?'
)


_DIGITS = 9  # no level has more, and int() refuses thousands


def of_name(name: Any) -> Level:
    """The level that a field of a structured line names: a word or a number."""
    if isinstance(name, dict):  # loguru, log4js
        name = name.get("name") or name.get("levelStr")
    word = _COLOUR.sub("", name).strip().lower() if isinstance(name, str) else ""
    if word.isdecimal() and len(word) <= _DIGITS:
        name = int(word)
    if isinstance(name, (int, float)) and not isinstance(name, bool):
        return next((level for least, level in _NUMBERS if name >= least), None)
    return _BY_NAME.get(word)


_COLOUR = re.compile(r"\x1b\[[\d;]*[A-Za-z]")


def plain(text: str) -> str:
    """The text without its terminal's colours."""
    return _COLOUR.sub("", text) if "\x1b" in text else text


def message(text: str) -> str:
    """What PHP said, where PHP-FPM hands it on; any other text as it is."""
    return (
        _HANDED_ON.sub("", text) if "PHP message: " in text or "said into stderr" in text else text
    )


def of_text(text: str) -> Level:
    """The level of a line of text; None if it has none."""
    first, head = text[:1], text[:_HEAD]
    if first in "DIWEFA" and (letter := _GLOG.match(text) or _RUBY.match(text)):
        return _LETTER[letter[1]]
    if first in "tdiwfc" and (word := _MICROSOFT.match(text)):
        return _BY_NAME[word[1]]
    if first.isdigit() and (mark := _REDIS.match(text)):
        return None if mark[1] == "#" and "Warning: " not in text else CALM
    if first == "O" and text.startswith("OpenJDK ") and " warning: " in head:
        return WARN
    level = _of_words(f" {head}")
    if level is not None:
        return level
    return _of_rest(text, first, head)


def _of_rest(text: str, first: str, head: str) -> Level:
    if first.isdigit() and (word := _BEHIND_TIME.match(head)) and word[1].lower() in _IN_SMALL:
        return _BY_NAME[word[1].lower()]
    if "arn" in head.lower() and _PYTHON_WARNING.search(head):
        return WARN
    if first == "P" and text.startswith(("PHP Notice", "PHP Deprecated")):
        return CALM
    return ERROR if first == "n" and _NPM_ERROR.match(text) else None


def _of_words(head: str) -> Level:
    """The first word that is a level where a level stands."""
    level, end = None, len(head)
    for found in _CAPITALS.finditer(head):
        level = _BY_CAPITALS.get(found[1])
        if level is not None:
            # `failed: FATAL:  ...` quotes another's level.
            if head.endswith(("failed:", "failed"), 0, found.start()):
                level = None
                continue
            end = found.start()
            break
    for found in _SMALL.finditer(head, 0, end):
        word = (found[1] or found[2]).lower()
        if word in _IN_SMALL:
            return _BY_NAME[word]
    return level


_BY_CAPITALS = {
    name.upper(): level
    for name, level in _BY_NAME.items()
    if name not in ("hint", "default", "fail")
}
