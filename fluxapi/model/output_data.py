"""The bytes of a ``data`` entry of an output eventlog (RFC 24)."""

from __future__ import annotations

import base64
from typing import Any

__all__ = ["data_context", "incomplete_tail"]

_UTF8_LEADS = ((0xC0, 0xE0, 2), (0xE0, 0xF0, 3), (0xF0, 0xF8, 4))
_UTF8_MAX = 4


def incomplete_tail(data: bytes) -> int:
    """Return the number of bytes of an incomplete UTF-8 character at the end of *data*."""
    for back in range(1, min(_UTF8_MAX, len(data) + 1)):
        byte = data[-back]
        if byte < 0x80:  # noqa: PLR2004 - ASCII
            return 0
        for low, high, length in _UTF8_LEADS:
            if low <= byte < high:
                return back if back < length else 0
    return 0


def data_context(stream: str, rank: int | str, data: bytes) -> dict[str, Any]:
    """Return the context of a ``data`` entry, in base64 if the bytes are not UTF-8."""
    context: dict[str, Any] = {"stream": stream, "rank": str(rank)}
    try:
        context["data"] = data.decode()
    except UnicodeDecodeError:
        context["encoding"] = "base64"
        context["data"] = base64.b64encode(data).decode()
    return context
