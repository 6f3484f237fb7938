"""Rows of jobs as one JSON text, or as parts of it if they are too long.

A row has at most some ten kilobytes, and an answer has thousands of them. Hundreds of clients may
ask for the longest and read nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import NamedTuple

__all__ = ["PIECE_BYTES", "RowText", "text_of"]

PIECE_BYTES = 64 << 10
"""Size at which rows are handed on, though there are more."""

_MAX_WHOLE_BYTES = 1 << 20
"""Size of rows beyond which the rest is made while it is sent."""


class RowText(NamedTuple):
    """A text, and the parts that follow it, if it is not complete."""

    text: bytes
    rest: AsyncGenerator[bytes, None] | None = None


async def text_of(
    begin: bytes, lists: AsyncGenerator[Sequence[bytes], None], end: Callable[[], bytes]
) -> RowText:
    """Return rows between ``begin`` and ``end``, which is called after the last row."""
    found: list[bytes] = []
    size = 0
    async for rows in lists:
        found += rows
        size += sum(map(len, rows))
        if size > _MAX_WHOLE_BYTES:
            found[0] = begin + found[0]
            return RowText(b",".join(found), _rest(lists, end))
    if not found:
        return RowText(begin + end())
    # The rows are most of the text, so they are copied only once.
    found[0] = begin + found[0]
    found[-1] += end()
    return RowText(b",".join(found))


async def _rest(
    lists: AsyncGenerator[Sequence[bytes], None], end: Callable[[], bytes]
) -> AsyncGenerator[bytes, None]:
    async for rows in lists:
        if rows:
            yield b"," + b",".join(rows)
    yield end()
