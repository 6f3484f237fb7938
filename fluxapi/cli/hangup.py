"""A reader of standard output that goes away, noticed before the next line is there to write."""

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
    """The result of ``work``; ``BrokenPipeError`` as soon as nobody reads standard output.

    A follower of a quiet job writes nothing for hours, so it would not notice by writing that the
    ``head`` behind it has ended.
    """
    descriptor = sys.stdout.fileno()
    if not _has_reader(descriptor):
        return await work
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()

    def look() -> None:
        # Readable without a hang-up: somebody writes to us on a socket, which is not ours to read.
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
    """Whether it is a pipe or a socket: a file has no reader, a terminal sends SIGHUP."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _hung_up(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, 0)
    return bool(poll.poll(0))
