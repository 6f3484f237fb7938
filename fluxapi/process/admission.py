"""Admission control: a burst of requests must not delay timers, streams and the journal."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from .turn_queue import TurnQueue

__all__ = ["AdmissionLimiter"]

_MAX_STARTS_PER_PASS = 16
"""Handlers, or messages, that start in one pass of the event loop, at about 0.1 ms each."""

_MAX_PASS_S = 0.005
"""Time after which none starts in a pass, since some take much longer than most."""


class AdmissionLimiter:
    """A limit on the handlers that start in each pass of the event loop.

    Those of one client start in the order of arrival, and clients in turn.
    """

    def __init__(self, limit: int = _MAX_STARTS_PER_PASS, seconds: float = _MAX_PASS_S) -> None:
        self._limit = limit
        self._seconds = seconds
        self._left = limit
        self._is_counting = False
        self._end: float | None = None
        self._waiting = TurnQueue()
        self._late: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Return when the handler may start: at once unless there is a burst."""
        if not self._is_counting:
            self._begin_pass()
        if self._left and not self._is_late():
            self._left -= 1
            return
        # A handler that waits costs nothing until its pass.
        turn = asyncio.get_running_loop().create_future()
        self._waiting.add(turn)
        await turn
        while self._is_late():
            turn = asyncio.get_running_loop().create_future()
            self._late.append(turn)
            await turn

    def _is_late(self) -> bool:
        """Return whether those that have started in this pass have taken all of its time."""
        now = time.perf_counter()
        if self._end is None:
            self._end = now + self._seconds
            return False
        return now >= self._end

    def _begin_pass(self) -> None:
        self._is_counting = True
        self._left = self._limit
        self._end = None
        asyncio.get_running_loop().call_soon(self._end_pass)

    def _end_pass(self) -> None:
        self._is_counting = False
        late, self._late = self._late, deque()
        resumed = 0
        while (late or self._waiting) and resumed < self._limit:
            turn = late.popleft() if late else self._waiting.take()
            if not turn.done():  # Its request was canceled.
                turn.set_result(None)
                resumed += 1
        if resumed:
            # The end of this pass comes behind the handlers that are resumed; others come later.
            self._begin_pass()
            self._left = 0
        self._late.extend(late)
