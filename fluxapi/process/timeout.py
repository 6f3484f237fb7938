"""A time limit that loses no cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

__all__ = ["within"]

T = TypeVar("T")


async def within(seconds: float | None, work: Awaitable[T]) -> T:
    """Await *work* for at most *seconds*; ``None`` is without limit.

    Before Python 3.12, ``asyncio.wait_for`` drops a cancellation that comes when the work has just
    finished, so a task that repeats such a wait never ends.

    Raises:
        asyncio.TimeoutError: The work did not finish in time, and was canceled.
    """
    task = asyncio.ensure_future(work)
    is_wanted = is_late = False
    try:
        await asyncio.wait({task}, timeout=seconds)
        is_wanted = True
    finally:
        is_late = not task.done()
        if is_late:
            task.cancel()
            await asyncio.wait({task})
        if (is_late or not is_wanted) and not task.cancelled():
            task.exception()  # Nobody else retrieves it.
    if is_late:
        raise asyncio.TimeoutError
    return task.result()
