"""Decodes JSON that is nested too deeply for a decoder, and tells which would take too long.

Flux accepts a memo of about two thousand levels from any user with a job. Such a memo must not
block the events of other users, so values that are too deep are replaced by ``null``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

__all__ = ["MAX_DEPTH", "decode", "is_wide", "require_narrow", "shallow"]

MAX_DEPTH = 128
"""Levels that are kept: more than any real document has, fewer than any decoder accepts."""

_TOKEN = re.compile(rb'"[^"]*"?|[\[{]|[\]}]')
"""A string without escapes: with them, the expression would take 120 bytes for each character.

An unterminated string extends to the end of the payload, so no byte is scanned twice.
"""


MAX_STRUCTURE_BYTES = 512 << 10
"""Bytes outside of strings, such as commas and brackets, that a decoder reads in a moment."""

Decoded = TypeVar("Decoded")


def decode(read: Callable[[bytes], Decoded], payload: str | bytes) -> Decoded:
    """Decode *payload* with *read*; if it is nested too deeply, decode its upper levels."""
    raw = payload.encode() if isinstance(payload, str) else payload
    try:
        return read(raw)
    except RecursionError:
        return read(shallow(raw))


def shallow(payload: bytes) -> bytes:
    """Replace every object and list of *payload* below :data:`MAX_DEPTH` levels by ``null``."""
    parts: list[bytes] = []
    depth = kept = 0
    # Escapes are in strings only, and each keeps its place.
    plain = payload.replace(rb"\\", b"__").replace(rb"\"", b"__")
    for token in _TOKEN.finditer(plain):
        first = token[0][:1]
        if first in b"[{":
            depth += 1
            if depth == MAX_DEPTH + 1:
                parts += [payload[kept : token.start()], b"null"]
        elif first in b"]}":
            if depth == MAX_DEPTH + 1:
                kept = token.end()
            depth -= 1
    parts.append(payload[kept:])
    return b"".join(parts)


def is_wide(payload: bytes, limit: int = MAX_STRUCTURE_BYTES) -> bool:
    """Return whether *payload* has more than *limit* bytes outside of its strings.

    A decoder makes one object of every few of them; the length of a string costs little.
    """
    if len(payload) <= limit:
        return False
    plain = payload.replace(b"\\\\", b"").replace(b'\\"', b"")
    if plain.count(b'"') > limit:
        return True
    return sum(map(len, plain.split(b'"')[::2])) > limit


def require_narrow(payload: bytes, limit: int | None) -> None:
    """Raise ``ValueError`` if *payload* has more than *limit* bytes outside of its strings."""
    if limit is not None and is_wide(payload, limit):
        raise ValueError("it has too many values")
