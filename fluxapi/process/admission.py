"""Admission control: a burst of requests must not delay timers, streams and the journal."""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["AdmissionLimiter"]

_MAX_STARTS_PER_PASS = 16
"""Handlers, or messages, that start in one pass of the event loop, at about 0.1 ms each."""


class AdmissionLimiter:
    """A limit on the handlers that start in each pass of the event loop, in order of arrival."""

    def __init__(self, limit: int = _MAX_STARTS_PER_PASS) -> None:
        self._limit = limit
        self._left = limit
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Return when the handler may start: at once unless there is a burst."""
        if self._left:
            self._start_one()
            return
        # A handler that waits costs nothing until its pass.
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _start_one(self) -> None:
        if self._left == self._limit:
            asyncio.get_running_loop().call_soon(self._renew)
        self._left -= 1

    def _renew(self) -> None:
        self._left = self._limit
        while self._waiting and self._left:
            turn = self._waiting.popleft()
            if not turn.done():  # Its request was canceled.
                self._start_one()
                turn.set_result(None)
