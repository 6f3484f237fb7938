"""Texts and words of errors that are searched in the lines of an output.

The lines are a stranger's, so only patterns without backtracking are used: a text is searched as it
stands, and the words of errors are fixed.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

from .output_lines import OutputLine

__all__ = [
    "ErrorWords",
    "Match",
    "Needle",
    "Wanted",
    "is_remark",
    "part_of",
    "shown",
]

_SHOWN_CHARS = 400
"""Characters of a long line that are returned around a match."""

_DOTTED_I = "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}"

_BEFORE_CHARS = 80
"""Characters before a match, if the line is cut."""

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
"""The escape sequences of a terminal (ECMA-48); no part of one can match what follows it."""

_ERROR_BYTES = (
    b"error", b"exception", b"traceback", b"fatal", b"panic", b"seg", b"killed", b"abort",
    b"dumped", b"out of memory", b"allocate memory", b"no such file", b"not found",
    b"permission denied", b"failed to",
)  # fmt: skip
"""A line with one of the words below has one of these, which are faster to find."""

_ERROR = re.compile(
    r"(?<!\bno )(?<!\b0 )(?<!\bnon-)(?<!\bwithout )"
    r"(?:(?:(?<![a-z])(?:error|exception)|(?-i:Error|Exception))s?\b"
    r"(?![ \t]{0,4}[:=][ \t]{0,4}(?:0|none)\b)"
    r"|\b(?:traceback|fatal|panic|panicked|segmentation fault|segfault|segfaulted|killed|aborted"
    r"|aborting|mpi_abort|sigsegv|core dumped|out of memory"
    r"|cannot allocate memory|no such file|command not found|permission denied|failed to)\b"
    r"|\babort\(|: not found\b)",
    re.IGNORECASE,
)

_REMARK = re.compile(r"flux-shell(?:\[[0-9]{1,10}\])?: (?!FATAL|ERROR)")
"""The begin of a message of the job shell that is none of an error, whatever its words are."""


class Match(NamedTuple):
    """A part of a line as a terminal shows it, and the place of the match in it.

    ``offset`` is the number of characters of the line before ``text``.
    """

    text: str
    start: int
    end: int
    offset: int


class Wanted(Protocol):
    """A search in lines."""

    def holds(self, data: bytes) -> bool:
        """Return whether one of the lines of *data* may match; false only if none does."""

    def find(self, line: OutputLine) -> Match | None:
        """Return the first match in a line."""


class Needle:
    """A text, in any case of its letters unless *case* is set."""

    def __init__(self, text: str, *, case: bool = False) -> None:
        self._text = text if case else _lowered(text)
        self._bytes = self._text.encode("utf-8", "replace")
        self._case = case
        self._is_ascii = text.isascii()

    def holds(self, data: bytes) -> bool:
        """Return whether one of the lines of *data* may match."""
        if b"\x1b" in data or (not self._is_ascii and not self._case and not data.isascii()):
            return True
        return self._bytes in (data if self._case else data.lower())

    def find(self, line: OutputLine) -> Match | None:
        """Return the first match in a line.

        The search of a text in another takes a time that grows with the length of both only.
        """
        text = shown(line.data)
        start = (text if self._case else _lowered(text)).find(self._text)
        return None if start < 0 else part_of(text, start, start + len(self._text))


def _lowered(text: str) -> str:
    """Return *text* in lower case, each character in its place."""
    # The one character whose lower case is two.
    return _DOTTED_I.join(part.lower() for part in text.split(_DOTTED_I))


class ErrorWords:
    """Words by which programs report an error."""

    def holds(self, data: bytes) -> bool:
        """Return whether one of the lines of *data* may match."""
        lowered = data.lower()
        return b"\x1b" in data or any(word in lowered for word in _ERROR_BYTES)

    def find(self, line: OutputLine) -> Match | None:
        """Return the first match in a line."""
        text = shown(line.data)
        found = None if is_remark(text) else _ERROR.search(text)
        return None if found is None else part_of(text, *found.span())


def is_remark(text: str) -> bool:
    """Return whether a line is a message of the job shell of a level below errors."""
    return _REMARK.match(text) is not None


def shown(data: bytes) -> str:
    """Return what a terminal shows of a line: no escapes, and of what was overwritten the last."""
    text = data.decode("utf-8", "replace")
    if "\x1b" in text or "\x9b" in text:
        text = _ESCAPES.sub("", text)
    if "\r" in text:
        text = text.rstrip("\r").rpartition("\r")[2]
    return text


def part_of(text: str, start: int, end: int) -> Match:
    """Return the part of a line around a match."""
    offset = 0 if len(text) <= _SHOWN_CHARS else max(start - _BEFORE_CHARS, 0)
    part = text[offset : offset + _SHOWN_CHARS]
    return Match(part, start - offset, min(end - offset, len(part)), offset)
