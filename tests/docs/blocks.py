"""The fenced blocks of the documents, and what the comment before each says of it.

A block of text or JSON right below a block shows its output. A comment directly before a
block steers the tests:

``<!-- not run: REASON -->``
    It is only parsed. The reason is shown to readers on the server.
``<!-- run with: auth -->`` or ``flux``
    The service in front of which it runs; else one with the embedded instance, without auth.
``<!-- run until: TEXT -->``
    It goes on for good: it is interrupted once its output holds the text, while jobs come and go.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

SHOWN = ("text", "json")
"""Languages of what a block writes."""

_MARKDOWN = MarkdownIt("commonmark").disable("inline")
"""The blocks only: what is within them takes most of the time."""

_COMMENT = re.compile(r"<!--\s*([a-z ]+): (.*?)\s*-->", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block; ``line`` is that of its first line of code."""

    document: str
    line: int
    language: str
    text: str
    not_run: str | None
    kind: str
    until: str | None
    shows: str | None = None
    """The output that the document shows: a block of text or JSON below, maybe after some words."""

    @property
    def place(self) -> str:
        """Return the document and line, for messages."""
        return f"{self.document}:{self.line}"


def name_of(path: Path) -> str:
    """Return a document's path below the root."""
    return path.relative_to(ROOT).as_posix()


@functools.cache
def blocks_of(path: Path) -> tuple[Block, ...]:
    """Return the fenced blocks of a document, in order."""
    return tuple(_blocks(path))


def _blocks(path: Path) -> Iterator[Block]:
    said: dict[str, str] = {}
    tokens = _MARKDOWN.parse(path.read_text(encoding="utf-8"))
    fences = [token for token in tokens if token.type == "fence"]
    shown = {
        one.map[0]: other.content
        for one, other in pairwise(fences)
        if one.map and other.info in SHOWN and one.info not in SHOWN
    }
    for token in tokens:
        if token.type == "html_block":
            said = dict(_COMMENT.findall(token.content))
            continue
        if token.type == "fence":
            assert token.map is not None
            yield Block(
                document=name_of(path),
                line=token.map[0] + 2,
                language=token.info.strip(),
                text=token.content,
                not_run=said.get("not run"),
                kind=said.get("run with", "embedded"),
                until=said.get("run until"),
                shows=shown.get(token.map[0]),
            )
        said = {}


BLOCKS = [block for path in DOCUMENTS for block in blocks_of(path)]
