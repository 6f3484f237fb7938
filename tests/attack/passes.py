"""Counts what is done in each pass of the event loop."""

from __future__ import annotations

import asyncio
from collections import Counter

__all__ = ["Passes"]


class Passes:
    """Counts the passes of the event loop, and what is done in each."""

    def __init__(self) -> None:
        self.done: Counter[int] = Counter()
        self._number = 0
        self._task = asyncio.create_task(self._count())

    async def _count(self) -> None:
        while True:
            self._number += 1
            await asyncio.sleep(0)

    def note(self, *_: object) -> None:
        self.done[self._number] += 1

    @property
    def most(self) -> int:
        """Return how much was done in one pass, and stop counting."""
        self._task.cancel()
        return max(self.done.values())
