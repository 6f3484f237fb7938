"""The number of long bodies that are decoded and not yet checked.

A body of a megabyte can have a hundred thousand values, which take 8 MB and more. An invalid one
waits for its turn to be explained, so without a limit all those of hundreds of requests would be in
memory at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager

__all__ = ["LONG_BYTES", "MAX_DECODED", "BeginTurn", "decode_turn"]

LONG_BYTES = 4096
"""Size of a body that takes long to check, and much memory once it is decoded."""

MAX_DECODED = 4
"""Long bodies that may be decoded and not yet checked."""

BeginTurn = Callable[[int], Awaitable[None]]
"""Returns when a body of this size may be decoded: at once if it is short."""


@contextmanager
def decode_turn(limit: asyncio.Semaphore) -> Iterator[BeginTurn]:
    """Yield the function that begins the turn of a request to decode and check its body.

    The turn ends with the context. *limit* is common to all requests.
    """
    with ExitStack() as ends:

        async def begin(size: int) -> None:
            if size >= LONG_BYTES:
                await limit.acquire()
                ends.callback(limit.release)

        yield begin
