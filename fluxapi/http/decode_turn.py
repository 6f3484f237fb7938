"""The number of long bodies that are decoded and not yet checked.

A body of a megabyte can have a hundred thousand values, which take 8 MB and more. An invalid one
waits for its turn to be explained, so without a limit all those of hundreds of requests would be in
memory at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

__all__ = ["LONG_BYTES", "MAX_DECODED", "BeginTurn", "DecodeTurn"]

LONG_BYTES = 4096
"""Size of a body that takes long to check, and much memory once it is decoded."""

MAX_DECODED = 4
"""Long bodies that may be decoded and not yet checked."""

BeginTurn = Callable[[int], Awaitable[None]]
"""Returns when a body of this size may be decoded: at once if it is short."""


class DecodeTurn(AbstractContextManager[BeginTurn]):
    """The turn of a request to decode and check its body, which ends with the context.

    The context yields the function that begins it. *limit* is common to all requests.
    """

    __slots__ = ("_has_begun", "_limit")

    def __init__(self, limit: asyncio.Semaphore) -> None:
        self._limit = limit
        self._has_begun = False

    def __enter__(self) -> BeginTurn:
        return self._begin

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self._has_begun:
            self._limit.release()

    async def _begin(self, size: int) -> None:
        if size >= LONG_BYTES:
            await self._limit.acquire()
            self._has_begun = True
