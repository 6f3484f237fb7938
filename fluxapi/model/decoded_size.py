"""The memory of decoded JSON, which may be thirty times the length of its text."""

from __future__ import annotations

from typing import Any

__all__ = ["decoded_bytes"]

_POINTER_BYTES, _NUMBER_BYTES, _TEXT_BYTES = 8, 24, 56
_LIST_BYTES, _EMPTY_OBJECT_BYTES, _OBJECT_BYTES = 72, 80, 200
_MEMBER_BYTES = 48
"""Memory of a member of an object besides its name and its value."""

_MAX_CHARACTER_BYTES = 4


def decoded_bytes(value: Any, most: float = float("inf")) -> int:
    """Return about how many bytes *value* takes; the count ends above *most*."""
    total = 0
    waiting = [value]
    while waiting and total <= most:
        item = waiting.pop()
        if isinstance(item, str):
            width = 1 if item.isascii() else _MAX_CHARACTER_BYTES
            total += _TEXT_BYTES + len(item) * width
        elif isinstance(item, dict):
            total += _OBJECT_BYTES if item else _EMPTY_OBJECT_BYTES
            total += sum(_MEMBER_BYTES + _TEXT_BYTES + len(name) for name in item)
            waiting += item.values()
        elif isinstance(item, list):
            total += _LIST_BYTES + _POINTER_BYTES * len(item)
            waiting += item
        else:
            total += _NUMBER_BYTES
    return total
