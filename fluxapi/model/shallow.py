"""Decodes JSON that is nested too deeply for a decoder, and tells which would take too long.

Flux accepts a memo of about two thousand levels from any user with a job. Such a memo must not
block the events of other users, so values that are too deep are replaced by ``null``.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

import msgspec

__all__ = [
    "BAD_JSON",
    "MAX_DEPTH",
    "decode",
    "decode_around",
    "is_wide",
    "require_narrow",
    "shallow",
]

BAD_JSON = (msgspec.MsgspecError, ValueError, RecursionError)
"""Errors of a decoder. One that passes over an unknown member recurses for each of its levels."""

MAX_DEPTH = 128
"""Levels that are kept: more than any real document has, fewer than any decoder accepts."""

_TOKEN = re.compile(rb'"[^"]*"?|[\[{]|[\]}]')
"""A string without escapes: with them, the expression would take 120 bytes for each character.

An unterminated string extends to the end of the payload, so no byte is scanned twice.
"""


MAX_STRUCTURE_BYTES = 512 << 10
"""Bytes outside of strings, such as commas and brackets, that a decoder reads in a moment."""

MAX_DEEP_STRUCTURE_BYTES = 128 << 10
"""Such bytes of what is nested too deeply; :func:`shallow` takes half a microsecond for each."""

_FLUX_LEVELS = 2048
"""Levels that Flux accepts (jansson, JSON_PARSER_MAX_DEPTH)."""

_lock = threading.Lock()

Decoded = TypeVar("Decoded")


def decode(read: Callable[[bytes], Decoded], payload: str | bytes) -> Decoded:
    """Decode *payload* with *read*; if it is nested too deeply, decode its upper levels.

    Raises:
        msgspec.MsgspecError: It is invalid, or nested too deeply with too many values.
    """
    raw = payload.encode() if isinstance(payload, str) else payload
    try:
        return read(raw)
    except RecursionError:
        if is_wide(raw, MAX_DEEP_STRUCTURE_BYTES):
            raise msgspec.ValidationError("it is nested too deeply") from None
        return read(shallow(raw))


def decode_around(read: Callable[[bytes], Decoded], payload: bytes) -> Decoded:
    """Decode *payload* with *read*, which passes over members that may be nested deeply.

    Those that Flux accepts may have any number of values: to pass over them takes a moment.
    """
    try:
        return read(payload)
    except RecursionError:
        with _lock:
            limit = sys.getrecursionlimit()
            # A level below the members takes one step, in little of the stack.
            sys.setrecursionlimit(limit + _FLUX_LEVELS)
            try:
                return read(payload)
            except RecursionError:
                pass
            finally:
                sys.setrecursionlimit(limit)
    return decode(read, payload)


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
