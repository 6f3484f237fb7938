"""Adds events to jobs as fast as Flux stores them.

The job manager answers a cancellation, a memo or a change of the urgency before its events are
stored. Thousands of them pile up as commits of the KVS, and a submission, which is answered when it
is stored, waits behind all of them.

Some events take the job manager a hundred times longer: it looks for a job that is canceled among
all that wait for another one. Fewer of these are added at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

from fluxapi.errors import FluxapiError
from fluxapi.process.sender_check import check_sender
from fluxapi.process.turn_queue import TurnQueue

__all__ = ["EventPace"]

_EVENTS = 128
"""Events that are added before the KVS is waited for; it stores those in about 100 ms."""

_MIN_EVENTS = 4
"""Events that are added at a time, however long they take."""

_SLOW_S = 0.25
"""Time of such events beyond which fewer are added at a time."""

_FENCE = {"key": "fluxapi.fence", "flags": 0, "dirent": None}
"""An operation that removes a key that does not exist."""


class _Ask(Protocol):
    async def __call__(self, topic: str, body: dict[str, Any] | None = None) -> Any: ...


class EventPace:
    """Lets requests add events, so many at a time; *ask* sends a request to Flux.

    Clients that wait take turns, so that thousands of events of one do not delay those of others.
    *clock* returns the time.
    """

    def __init__(self, ask: _Ask, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._most = self._left = _EVENTS
        self._waiting = TurnQueue()
        self._passing: asyncio.Task[None] | None = None
        self._open = 0
        self._answered = asyncio.Event()
        self._answered.set()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until one more event may be added; it is answered when the context is left.

        Raises:
            Unauthorized: The credentials of the sender have ended meanwhile.
        """
        await self._take_turn()
        self._open += 1
        self._answered.clear()
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self._answered.set()

    async def _take_turn(self) -> None:
        if self._left > 0 and not self._waiting:
            self._left -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(turn)
        if self._passing is None:
            self._passing = asyncio.create_task(self._pass_commits(), name="event pace")
        await turn
        check_sender()

    async def _pass_commits(self) -> None:
        """Wait until the KVS, which takes commits in order, has stored what it had."""
        try:
            while self._waiting:
                began = self._clock()
                # A guest may not commit.
                with contextlib.suppress(FluxapiError):
                    body = {"namespace": "primary", "flags": 0, "ops": [_FENCE]}
                    await self._ask("kvs.commit", body)
                await self._answered.wait()
                self._adapt(self._clock() - began)
                self._left = self._most
                self._resume(self._most)
                await asyncio.sleep(0)  # They ask Flux before the next commit does.
        finally:
            self._passing = None
            self._resume(len(self._waiting))

    def _adapt(self, seconds: float) -> None:
        """Add fewer events at a time if the last ones took long, and more if they did not."""
        if seconds > _SLOW_S:
            self._most = max(int(self._most * _SLOW_S / seconds), _MIN_EVENTS)
        elif seconds < _SLOW_S / 2:
            self._most = min(2 * self._most, _EVENTS)

    def _resume(self, count: int) -> None:
        while count and self._waiting:
            turn = self._waiting.take()
            if not turn.done():
                turn.set_result(None)
                self._left -= 1
                count -= 1
