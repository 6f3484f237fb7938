"""Turns for work whose memory is in proportion to its size."""

from __future__ import annotations

import asyncio
from collections import deque

from fluxapi.errors import TooManyRequests

__all__ = ["WorkTurns"]

_RETRY_AFTER_S = 2


class WorkTurns:
    """Lets work begin in the order in which it arrives, as long as it fits beside other work.

    Work that is larger than the limit begins when no other is under way.

    Args:
        limit: Bytes of all work under way.
        waiting: Bytes of all work that waits, beyond which more is refused.
    """

    def __init__(self, limit: int, waiting: int) -> None:
        self._limit = limit
        self._max_waiting = waiting
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._waiting_bytes = 0
        self.used = 0
        """The bytes of all work under way."""

    async def take(self, size: int) -> None:
        """Return when work of this size may begin; call :meth:`give_back` at its end.

        Raises:
            TooManyRequests: Too much waits already.
        """
        if not self._waiting and self._fits(size):
            self.used += size
            return
        if self._waiting and self._waiting_bytes + size > self._max_waiting:
            raise TooManyRequests(
                "Too many large bodies wait: send this one again later.",
                retry_after=_RETRY_AFTER_S,
            )
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        self._waiting_bytes += size
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._give()
            else:
                self.give_back(size)
            raise

    def give_back(self, size: int) -> None:
        """End work of this size."""
        self.used -= size
        self._give()

    def _fits(self, size: int) -> bool:
        return not self.used or self.used + size <= self._limit

    def _give(self) -> None:
        """Let those begin that fit now, in their order."""
        while self._waiting and (self._waiting[0][1].done() or self._fits(self._waiting[0][0])):
            size, turn = self._waiting.popleft()
            self._waiting_bytes -= size
            if not turn.done():
                self.used += size
                turn.set_result(None)
