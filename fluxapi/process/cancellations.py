"""The cancellation of very many tasks: the end of each takes its time."""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["Cancellations"]

_MAX_PER_PASS = 32
"""Tasks that are canceled in one pass of the event loop: their ends take about a millisecond."""


class Cancellations:
    """Cancels tasks, a few of them in each pass of the event loop."""

    def __init__(self) -> None:
        self._left = _MAX_PER_PASS
        self._waiting: deque[asyncio.Task[None]] = deque()
        self._ending: set[asyncio.Task[None]] = set()

    def add(self, task: asyncio.Task[None]) -> None:
        """Cancel a task: at once unless there are many, else in one of the next passes."""
        if task.done():
            return
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        if self._left:
            self._cancel(task)
        else:
            self._waiting.append(task)

    async def wait(self) -> None:
        """Wait until all of them have ended."""
        while self._ending:
            await asyncio.wait(self._ending)

    def _cancel(self, task: asyncio.Task[None]) -> None:
        if self._left == _MAX_PER_PASS:
            asyncio.get_running_loop().call_soon(self._renew)
        self._left -= 1
        task.cancel()

    def _renew(self) -> None:
        self._left = _MAX_PER_PASS
        while self._waiting and self._left:
            task = self._waiting.popleft()
            if not task.done():
                self._cancel(task)
