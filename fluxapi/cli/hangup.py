"""Detecting that the reader of standard output is gone, before the next write."""

from __future__ import annotations

import asyncio
import os
import select
import stat
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["while_read"]

T = TypeVar("T")


async def while_read(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of *work*; raise ``BrokenPipeError`` when standard output has no reader.

    A quiet job causes no write for hours, so a write would not detect that ``head`` has ended.
    """
    descriptor = sys.stdout.fileno()
    if not _has_reader(descriptor):
        return await work
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()

    def look() -> None:
        # Without a hang-up, the peer of a socket has sent data, which nobody reads here.
        loop.remove_reader(descriptor)
        if _hung_up(descriptor):
            gone.set()

    task = asyncio.ensure_future(work)
    left = asyncio.ensure_future(gone.wait())
    loop.add_reader(descriptor, look)
    try:
        await asyncio.wait({task, left}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise BrokenPipeError
        return task.result()
    finally:
        loop.remove_reader(descriptor)
        task.cancel()
        left.cancel()
        await asyncio.gather(task, left, return_exceptions=True)


def _has_reader(descriptor: int) -> bool:
    """Return whether it is a pipe or a socket; a file has no reader, a terminal sends SIGHUP."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _hung_up(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, 0)
    return bool(poll.poll(0))
