"""JSON that is nested deeper than code can walk, made shallow.

Flux takes a memo of some two thousand levels from any user with a job. It must not keep the others'
events from being read, so what lies too deep is left out, as ``null``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

__all__ = ["DEEPEST", "decode", "shallow"]

DEEPEST = 128
"""Levels that are kept: far more than anybody means, far less than any decoder takes."""

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
"""A string without an end reaches to the end of the payload, so no place is looked at twice."""


Decoded = TypeVar("Decoded")


def decode(read: Callable[[bytes], Decoded], payload: str | bytes) -> Decoded:
    """What ``read`` makes of the payload or, if that is nested too deep, of its upper levels."""
    raw = payload.encode() if isinstance(payload, str) else payload
    try:
        return read(raw)
    except RecursionError:
        return read(shallow(raw))


def shallow(payload: bytes) -> bytes:
    """The payload with every object and list below :data:`DEEPEST` levels as ``null``."""
    parts: list[bytes] = []
    depth = kept = 0
    for token in _TOKEN.finditer(payload):
        first = token[0][:1]
        if first in b"[{":
            depth += 1
            if depth == DEEPEST + 1:
                parts += [payload[kept : token.start()], b"null"]
        elif first in b"]}":
            if depth == DEEPEST + 1:
                kept = token.end()
            depth -= 1
    parts.append(payload[kept:])
    return b"".join(parts)
