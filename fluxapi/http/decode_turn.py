"""The number of long bodies that are decoded and not yet checked.

A body of a megabyte can have a hundred thousand values, which take 8 MB and more. An invalid one
waits for its turn to be explained, so without a limit all those of hundreds of requests would be in
memory at the same time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["LONG_BYTES", "MAX_DECODED", "DecodeTurn"]

LONG_BYTES = 4096
"""Size of a body that takes long to check, and much memory once it is decoded."""

MAX_DECODED = 4
"""Long bodies that may be decoded and not yet checked."""


class DecodeTurn:
    """The turn of one request to decode and check its body; it ends with the context.

    Args:
        limit: The limit of turns, common to all requests.
    """

    __slots__ = ("_has_begun", "_limit")

    def __init__(self, limit: asyncio.Semaphore) -> None:
        self._limit = limit
        self._has_begun = False

    def __enter__(self) -> DecodeTurn:  # noqa: PYI034 - Self is not in 3.10
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._has_begun:
            self._limit.release()

    async def begin(self, size: int) -> None:
        """Return when a body of *size* bytes may be decoded: at once if it is short."""
        if size >= LONG_BYTES:
            await self._limit.acquire()
            self._has_begun = True
