"""The documents as a test reads them: links, anchors, code blocks, commands and tables.

It covers the Markdown that these documents use, and `test_docs` refuses the rest.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

README, CHANGELOG = ROOT / "README.md", ROOT / "CHANGELOG.md"
CONTRACT, DEPLOY, DESIGN, OPERATIONS, PERFORMANCE, RECYCLE = (
    ROOT / "docs" / f"{name}.md"
    for name in ("contract", "deploy", "design", "operations", "performance", "recycle")
)
DOCUMENTS = [README, CHANGELOG, *sorted((ROOT / "docs").glob("*.md"))]

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)*)`")
_OPERATORS = "&|;"


class Block(NamedTuple):
    """A fenced block of code."""

    where: str
    language: str
    text: str


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(*languages: str) -> list[Block]:
    """The code blocks of all documents, or those in these languages."""
    return [
        Block(f"{name(path)}:{text(path)[: found.start()].count(chr(10)) + 1}", found[1], found[2])
        for path in DOCUMENTS
        for found in _FENCED.finditer(text(path))
        if not languages or found[1] in languages
    ]


def prose(path: Path) -> str:
    """The document without its code blocks."""
    return _FENCED.sub("", text(path))


def spans(path: Path) -> list[str]:
    """The code within sentences."""
    return [" ".join(each.split()) for each in _CODE.findall(prose(path))]


def links(path: Path) -> list[str]:
    """The targets of links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", _CODE.sub("", prose(path)))


def anchors(path: Path) -> set[str]:
    """What GitHub makes of the headings.

    https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links
    """
    made: set[str] = set()
    seen: Counter[str] = Counter()
    for heading in re.findall(r"^#+ +(.+?)\s*$", prose(path), re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
        anchor = re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")
        made.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return made


def section(path: Path, heading: str) -> str:
    """What is below a heading, up to the next heading."""
    found = re.search(
        rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", prose(path), re.DOTALL | re.MULTILINE
    )
    assert found, f"{name(path)} has no section {heading}"
    return found[1]


def table(path: Path, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without its head."""
    rows: list[list[str]] = []
    for line in section(path, heading).splitlines():
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            break
    assert rows, f"{name(path)} has no table below {heading}"
    return rows[2:]


def code(cell: str) -> list[str]:
    """The code in a cell of a table."""
    return _CODE.findall(cell)


def shell(block: Block) -> str:
    """What a person types: all of a script, the lines behind a prompt of a session."""
    if block.language == "sh":
        return block.text
    return "\n".join(line[2:] for line in block.text.splitlines() if line.startswith("$ "))


def commands(script: str) -> Iterator[list[str]]:
    """Each command's words."""
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=_OPERATORS)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in lexer:
            if set(word) <= set(_OPERATORS):
                yield words
                words = []
            else:
                words.append(word)
        if words:
            yield words


def shown_commands() -> list[tuple[str, list[str]]]:
    """The commands in the blocks, each with its place."""
    return [
        (block.where, words)
        for block in blocks("sh", "console")
        for words in commands(shell(block))
    ]


def variables(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """The variables set before a command, and the command."""
    known = {}
    while words and (found := re.fullmatch(r"([A-Z_]+)=(.*)", words[0], re.DOTALL)):
        known[found[1]] = found[2]
        words = words[1:]
    return known, words
