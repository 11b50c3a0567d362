"""Passwords in URLs, masked: pure. A word is read once, however long and odd it is."""

from __future__ import annotations

import re

from discovery.diagnose.secret_names import MASK

_WORD = re.compile(r"[^\s\"'<>]+")
_AT = re.compile(r"@(?=[\w.\[%-])")
# `user:` in a URL. `host:80/` is none, but in that of a database a password may look like it.
_USER = re.compile(r"://[^/?#@]*:(?!\d{1,5}[/?#])")
_OF_DATABASE = re.compile(
    r"(?:postgres(?:ql)?|cockroachdb|mysql|mariadb|mssql|sqlserver|clickhouse|mongodb|redis|rediss"
    r"|valkey|valkeys|amqps?|nats|ldaps?|smtps?|ftps?|sftp)"
    r"(?:\+\w{1,20})?(?P<user>://[^/?#@]*:\d{1,5}[/#][^?]*)"
)
_TOKEN = re.compile(r"://[^/?#@:]{16,}@(?=[\w.\[%-])")
# Go's MySQL driver: user:password@tcp(host:port)/name.
_OF_GO = re.compile(r"@(?:tcp|unix)\(")
_USER_OF_GO = re.compile(r"(?<![\w/.-])[\w.-]+:(?!@(?:tcp|unix)\()")


def mask_urls(text: str) -> str:
    """The text with `***@` for each `user:password@`; what could not be reached stays."""
    return _WORD.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    word = found[0]
    if "@" not in word:
        return word
    if "://" in word:
        word = _without_user(word)
    last = max((go.start() for go in _OF_GO.finditer(word)), default=0)
    user = _USER_OF_GO.search(word, 0, last)
    return word[: user.start()] + MASK + word[last:] if user else word


def _without_user(word: str) -> str:
    """A password may have an @ of its own: the host is behind the last."""
    if user := _USER.search(word):
        start, end = user.start(), len(word)
    elif user := _OF_DATABASE.search(word):
        start, end = user.span("user")
    elif user := _TOKEN.search(word):
        start, end = user.span()
    else:
        return word
    ats = [at.start() for at in _AT.finditer(word, start)]
    last = max((at for at in ats if at < end), default=None)
    return word if last is None else word[: start + len("://")] + MASK + word[last:]
