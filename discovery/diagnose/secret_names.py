"""Secrets that are known by the name beside them, masked: pure.

A pattern finds the name and what leads into its value; where the value ends is read from there.
The names are looked for in small letters: Python's `re` is several times slower with IGNORECASE.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Callable, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    # Of the text, what led to a value in small letters, and where the value begins.
    EndOf = Callable[[str, re.Match[str], int], int]

MASK = "***"

# What a secret is called, as a field, a variable or a parameter; also at the end of a longer name.
# Each begins with a letter, so that `re` skips to the letters that may begin one.
NAME = (
    r"(?:pass(?<!compass)(?<!bypass)(?:words?|wds?|phrases?|codes?)?|pwds?"
    r"|secret(?:[_-]?(?:access[_-]?)?keys?|[_-]?string|[_-]?id|s)?"
    r"|tokens?|api[_-]?keys?|access[_-]?key(?:[_-]?id|s)?|account[_-]?keys?"
    r"|shared[_-]?access[_-]?key"
    r"|private[_-]?keys?|encryption[_-]?keys?|signing[_-]?keys?|master[_-]?keys?|auth[_-]?keys?"
    r"|client[_-]?keys?"
    r"|credentials?|session[_-]?id|signatures?|jsessionid|phpsessid|otp|pin[_-]?code|cvv"
    r"|sig(?<![a-z]sig)|sid(?<![a-z]sid)|sas(?<![a-z]sas)|jwts?(?<![a-z]jwt)(?<![a-z]jwts)"
    # ECS writes `unable to pull secrets or registry auth: The task cannot ...`.
    r"|auth(?<![a-z]auth)(?<!registry auth)(?:orization)?|cookies?(?<![a-z]cookie)(?<![a-z]cookies)"
    r"|dsn(?<![a-z]dsn))(?:[_-]?\d+)?"
)
HEADER = (
    r"(?:(?:proxy-)?authorization|(?:set-)?cookie[2s]?|x-amz-security-token"
    r"|x-(?:[a-z]+-)?api-key|x-auth-token"
    r"|x-(?:csrf|xsrf|access|session|vault)-token|x-goog-iam-\w+)"
)
# A text without any of these has no such name.
NAMES = (
    *("pass", "pwd", "secret", "token", "key", "credential", "session", "sessid", "otp", "pin"),
    *("cvv", "sig", "sid", "sas", "jwt", "auth", "cookie", "dsn"),
)
HEADERS = ("authorization", "cookie", "x-amz-security-token", "api-key", "-token", "x-goog-iam")

_TO = r"\\*[\"']?\]?\s*(?:=>|:=|=|:|%3d)\s*"
# The same in a URL, perhaps encoded twice.
_ENCODED = r"(?:%(?:25)*22)?%(?:25)*3[ad](?:%(?:25)*20)*"
_NAMES_SECRET = re.compile(rf"(?:{HEADER}|{NAME})$")
_NAMED = re.compile(rf"(?P<name>{NAME})(?P<to>{_TO}|{_ENCODED})")
_INNER = re.compile(rf"[\w.-]{{0,40}}?{_NAMED.pattern}")
_HEADED = re.compile(rf"(?<![\w-])(?P<name>{HEADER})(?P<to>\\*[\"']?\s*[:=]\s*)")
# ("name", "value") as pairs are written. In a list only a header counts: others may be names alone.
_PAIRED = re.compile(
    rf"\(\s*[bu]?\\*[\"'][\w.-]{{0,40}}?(?P<name>{HEADER}|{NAME})\\*[\"'](?P<to>\s*,\s*)"
)
_LISTED = re.compile(rf"[\"'](?P<name>{HEADER})\\*[\"'](?P<to>\s*,\s*)")
# {"name": "DB_PASSWORD", "value": "..."}, and what AWS' APIs have in between.
_VALUED = re.compile(
    r"(?:name|key|field|property|header)\\*[\"']?\s*[:=]\s*[bu]?\\*[\"']?[\w./-]{0,80}?"
    rf"(?P<name>{HEADER}|{NAME})(?![\w./-])[^{{}}]{{0,200}}?(?P<to>value\\*[\"']?\s*[:=]\s*)"
)
_OPTION = re.compile(
    rf"(?<![\w-])--?[\w.-]{{0,40}}?(?P<name>{NAME})(?P<to>\s+|\\*[\"']\s*,\s*)(?!--)"
)

_QUOTED = re.compile(
    r"(?:[bBuUrRfF]{1,2}(?=\\*[\"']))?(?P<escape>\\*)(?P<quote>[\"'])"
    r"(?:[^\r\n]*?(?<!\\)(?P=escape)(?P=quote)|[^\r\n]*)"  # without an end: to the line's
)
_OPENING = re.compile(r"[&$]?(?:[A-Za-z_][\w.:]{0,40})?[\[({]")
_BRACKET = re.compile(
    r"(?<=[\[({,:=\s])[bu]?(?P<escape>\\{0,15})(?P<quote>[\"'])[^\r\n]*?(?<!\\)(?P=escape)(?P=quote)"
    r"|[\[({\])}\r\n]"
)
_URL_QUOTED = re.compile(r"%(?:25)*22(?:(?!%(?:25)*22)[^\s&\"'])*")
# To the next blank or separator; a comma within it belongs to it.
_BARE = re.compile(r"(?:[^\s,;&\"']|,(?!\s|[\w.-]+[=:]))+")
_AFTER_BRACKET = re.compile(rf"(?=[\w!@#$%^*+~?/=-]){_BARE.pattern}")
_WORD = re.compile(r"[^\s\"']+")
_LINE = re.compile(r"[^\r\n]*")

_MASKED = re.compile(r"\*\*\*|(?:yes|no)\)")  # MySQL's "(using password: YES)"
_COUNTED = ("tokens", "secrets", "keys", "cookies")
_COUNT = re.compile(r"\d{1,9}(?:\.\d{1,9})?(?![\w.-]*\w)")
_REVISION = re.compile(r"(\d{1,5})[.,;:)]?(?=[\s\"'\])}]|$)")
_SHORT = ("pass", "pwd", "otp", "pin", "cvv")  # a secret of this kind may be a short number
_FEW, _MANY = 2, 5  # digits of a revision
_OF_ARN = re.compile(r"arn:aws[\w-]*:(?:secretsmanager|ssm|ecs|logs):[\w-]*:[\d*]*:[\w:/.*$@+-]*")
_LONGEST_ARN = 300
_LONGEST_NAME = 60
_TELLS = re.compile(r"[\s=\d]")


def small(text: str) -> str:
    """The text in small letters, each where it was: only this capital becomes two characters."""
    return text.replace("İ", "i").lower()


def names_secret(name: str) -> bool:
    """Whether a field of this name holds a secret."""
    return _names_secret(name[-_LONGEST_NAME:])


@lru_cache(maxsize=1_000)  # lines of a log have the same fields again and again
def _names_secret(name: str) -> bool:
    return _NAMES_SECRET.search(small(name)) is not None


def mask(text: str, rules: Sequence[Rule]) -> str:
    """The text without the values that the rules find, one rule after the other."""
    lowered = small(text)
    for needle, lead, end_of in rules:
        if needle in lowered and (spans := list(_spans(text, lowered, lead, end_of))):
            parts, last = [], 0
            for start, end in spans:
                parts += [text[last:start], MASK]
                last = end
            text = "".join([*parts, text[last:]])
            lowered = small(text)
    return text


def _spans(
    text: str, lowered: str, lead: re.Pattern[str], end_of: EndOf
) -> Iterator[tuple[int, int]]:
    """Where the values are that this leads to; `end_of` says where one ends."""
    at = 0
    while found := lead.search(lowered, at):
        at = found.end()
        if _stays(lowered, found, at):
            continue
        end = end_of(text, found, at)
        if end > at:
            yield at, end
            at = end


def _stays(lowered: str, found: re.Match[str], at: int) -> bool:
    """Whether what follows is no secret, whatever the name before it."""
    if _MASKED.match(lowered, at):
        return True
    name = found["name"]
    if name.endswith(_COUNTED) and _COUNT.match(lowered, at):
        return True  # `tokens: 512`
    if found["to"] != ":":
        return False
    revision = _REVISION.match(lowered, at)  # of a task definition: `user-auth:12`
    if revision and len(revision[1]) <= (_FEW if name.startswith(_SHORT) else _MANY):
        return True
    # Of an ARN: `arn:aws:secretsmanager:...:secret:name`.
    start = lowered.rfind("arn:aws", max(0, found.start() - _LONGEST_ARN), found.start())
    return start >= 0 and _OF_ARN.fullmatch(lowered, start, found.start()) is not None


def _value(text: str, found: re.Match[str], at: int) -> int:
    while inner := _INNER.match(found.string, at):
        at = inner.end()  # `token: password: ...`
    if quoted := _QUOTED.match(text, at):
        return quoted.end()
    if opening := _OPENING.match(text, at):
        spans_lines = found["to"].lstrip("\\")[:1] in ("'", '"')  # JSON, and no line of source
        end = _closing(text, opening.end() - 1, spans_lines)
        return _end(_AFTER_BRACKET, text, end)
    if encoded := _URL_QUOTED.match(text, at):
        return encoded.end()
    end = _end(_BARE, text, at)
    leads = text[at:end].rstrip("\\")  # `credentials: user="..."`
    quoted = _QUOTED.match(text, at + len(leads)) if leads.endswith(("=", ":")) else None
    return quoted.end() if quoted else end


def _header(text: str, found: re.Match[str], at: int) -> int:
    if (quoted := _QUOTED.match(text, at)) and found["to"].strip()[-1] in ":=":
        return quoted.end()
    if text[at : at + 1] in ("[", "{"):
        return _closing(text, at, False)
    name, to = found["name"], found["to"]
    if "=" in to and not name.endswith(("authorization", "cookie")):
        return at  # `x-api-key=...` ends as other values do
    before = text[found.start() - 1 : found.start()]
    if before in ("'", '"') and to[:1] not in ("'", '"', "\\"):
        end = text.find(before, at, _end(_LINE, text, at))
        if end >= 0:
            return end
    return _end(_LINE, text, at)


def _quoted(text: str, found: re.Match[str], at: int) -> int:  # noqa: ARG001 (as the others)
    quoted = _QUOTED.match(text, at)
    if quoted is None and text[at : at + 1] in ("[", "{"):
        return _closing(text, at, False)
    return quoted.end() if quoted else at


def _telling(text: str, found: re.Match[str], at: int) -> int:
    """A list of names has no value: only what has a digit, a blank or a `=` is one."""
    end = _quoted(text, found, at)
    return end if _TELLS.search(text, at, end) else at


def _word(text: str, found: re.Match[str], at: int) -> int:  # noqa: ARG001 (as the others)
    quoted = _QUOTED.match(text, at)
    return quoted.end() if quoted else _end(_WORD, text, at)


def _closing(text: str, at: int, spans_lines: bool) -> int:
    """Behind the bracket that closes the one here; without one, the end of the line."""
    depth = 0
    for found in _BRACKET.finditer(text, at):
        mark = found[0]
        if mark in "[({":
            depth += 1
        elif mark in "])}":
            depth -= 1
            if not depth:
                return found.end()
        elif mark in "\r\n" and not spans_lines:
            return found.start()
    return len(text)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


class Rule(NamedTuple):
    """What leads into a value, and where the value ends."""

    needle: str  # a text has it in small letters if it may match
    lead: re.Pattern[str]
    end_of: EndOf


OF_HEADERS = (
    # A quoted string, a list, or to the quote before the name, or the whole line.
    Rule("", _HEADED, _header),
    # ["header", "value"].
    Rule("", _LISTED, _telling),
)
OF_NAMES = (
    # {"name": "a secret's", "value": "..."}.
    Rule("value", _VALUED, _value),
    # ("name", "value").
    Rule("", _PAIRED, _quoted),
    # name=value, "name": "value", name: value and the like.
    Rule("", _NAMED, _value),
    # --name value.
    Rule("", _OPTION, _word),
)
