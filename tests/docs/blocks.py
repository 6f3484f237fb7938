"""The fenced blocks of the documents, and what the comment before each says of it.

A comment directly before a block steers the tests:

``<!-- not run: REASON -->``
    It is only parsed. The reason is shown to readers on the server.
``<!-- run with: auth -->`` or ``flux``
    The service in front of which it runs; else one with the embedded instance, without auth.
``<!-- run until: TEXT -->``
    It goes on for good: it is interrupted once its output holds the text, while jobs come and go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

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

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return f"{self.document}:{self.line}"


def name_of(path: Path) -> str:
    """A document's path below the root."""
    return path.relative_to(ROOT).as_posix()


def blocks_of(path: Path) -> Iterator[Block]:
    """The fenced blocks of a document, in order."""
    said: dict[str, str] = {}
    for token in MarkdownIt("commonmark").parse(path.read_text(encoding="utf-8")):
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
            )
        said = {}


BLOCKS = [block for path in DOCUMENTS for block in blocks_of(path)]
