"""The structure of a JSON text, counted before any of its values exists.

A body of 32 MiB can hold ten million empty lists, and decoding them takes seconds and a gigabyte.
The functions read a text in pieces and yield after each, so that a caller can run other tasks.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

from fluxapi.errors import ValidationFailed

from .limits import MAX_DEPTH, MAX_VALUES

__all__ = ["check_entries", "check_values"]

_PIECE_BYTES = 256 << 10
"""Bytes that are read at once, in about a millisecond."""

_OPENING, _CLOSING = b"[{", b"]}"
_OTHER = bytes(set(range(256)) - set(b'",[]{}'))

_SMALL = re.compile(rb"\{,{0,200}\}|\[,{0,200}\]")
"""A list or object of few members, none of them a list or object."""

_COLLAPSES = 4
"""Levels of small lists and objects that are left out before entries are counted."""

_TOKENS_AT_ONCE = 4096

_ENTRY_DEPTH = 2
"""Levels of the entries of a list that is a member of the document."""

_ENTRY_TOKENS = 5
"""Commas and brackets of an entry, about; with fewer, all entries are quickly decoded."""


def check_values(raw: bytes, limit: int = MAX_VALUES) -> Iterator[None]:
    """Raise ``ValidationFailed`` if *raw* holds more than *limit* values.

    An empty list or object counts as two.
    """
    if len(raw) <= limit or not (yield from _may_exceed(raw, limit)):
        return
    values = 0
    for piece in _structure(raw):
        values += len(piece) - piece.count(b"]") - piece.count(b"}")
        if values > limit:
            raise _refusal(f"holds more than {limit} values.")
        yield


def check_entries(raw: bytes, limit: int) -> Iterator[None]:
    """Raise ``ValidationFailed`` if a member of *raw* is a list of more than *limit* entries.

    The number of members is limited, too, and how deep they are nested.
    """
    if not (yield from _may_exceed(raw, limit * _ENTRY_TOKENS)):
        return
    depth = entries = 0
    for token in _uncollapsed(raw):
        if not token:
            yield
        elif token in _OPENING:
            depth += 1
        elif token in _CLOSING:
            depth -= 1
        elif depth <= _ENTRY_DEPTH:
            entries += 1
        if entries > limit:
            raise _refusal(f"holds more than {limit} entries.")
        if depth > MAX_DEPTH:
            raise _refusal(f"is nested deeper than {MAX_DEPTH} levels.")


def _uncollapsed(raw: bytes) -> Iterator[int]:
    """Yield the commas and brackets of *raw*, without those in small lists and objects.

    Yield 0 after each few thousand.
    """
    for piece in _structure(raw):
        rest = piece
        for _ in range(_COLLAPSES):
            rest = _SMALL.sub(b"", rest)
        for at in range(0, len(rest), _TOKENS_AT_ONCE):
            yield from rest[at : at + _TOKENS_AT_ONCE]
            yield 0
        yield 0


def _may_exceed(raw: bytes, limit: int) -> Generator[None, None, bool]:
    """Return whether *raw* may hold more than *limit* values, if its texts hold none of them."""
    found = 0
    for at in range(0, len(raw), _PIECE_BYTES):
        piece = raw[at : at + _PIECE_BYTES]
        found += len(piece) - len(piece.translate(None, b",[{"))
        yield
    return found > limit


def _structure(raw: bytes) -> Iterator[bytes]:
    """Yield the commas and brackets of *raw* outside of its strings, in pieces."""
    at = quotes = 0
    while at < len(raw):
        piece = raw[at : at + _PIECE_BYTES]
        if (len(piece) - len(piece.rstrip(b"\\"))) % 2 and len(piece) > 1:
            # An escape is not cut.
            piece = piece[:-1]
        at += len(piece)
        plain = piece.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _OTHER)
        parts = plain.split(b'"')
        yield b"".join(parts[quotes % 2 :: 2])
        quotes += len(parts) - 1


def _refusal(detail: str) -> ValidationFailed:
    return ValidationFailed([{"pointer": "", "detail": detail}])
