"""Adds events to jobs as fast as Flux stores them.

The job manager answers a cancellation, a memo or a change of the urgency before its events are
stored. Thousands of them pile up as commits of the KVS, and a submission, which is answered when it
is stored, waits behind all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Protocol

from fluxapi.errors import FluxapiError
from fluxapi.process.turn_queue import TurnQueue

__all__ = ["EventPace"]

_EVENTS = 128
"""Events that are added before the KVS is waited for; it stores those in about 100 ms."""

_FENCE = {"key": "fluxapi.fence", "flags": 0, "dirent": None}
"""An operation that removes a key that does not exist."""


class _Ask(Protocol):
    async def __call__(self, topic: str, body: dict[str, Any] | None = None) -> Any: ...


class EventPace:
    """Lets requests add events, so many at a time; *ask* sends a request to Flux.

    Clients that wait take turns, so that thousands of events of one do not delay those of others.
    """

    def __init__(self, ask: _Ask) -> None:
        self._ask = ask
        self._left = _EVENTS
        self._waiting = TurnQueue()
        self._passing: asyncio.Task[None] | None = None

    async def turn(self) -> None:
        """Wait until one more event may be added."""
        if self._left > 0 and not self._waiting:
            self._left -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(turn)
        if self._passing is None:
            self._passing = asyncio.create_task(self._pass_commits(), name="event pace")
        await turn

    async def _pass_commits(self) -> None:
        """Wait until the KVS, which takes commits in order, has stored what it had."""
        try:
            while self._waiting:
                # A guest may not commit.
                with contextlib.suppress(FluxapiError):
                    body = {"namespace": "primary", "flags": 0, "ops": [_FENCE]}
                    await self._ask("kvs.commit", body)
                self._left = _EVENTS
                self._resume(_EVENTS)
                await asyncio.sleep(0)  # They ask Flux before the next commit does.
        finally:
            self._passing = None
            self._resume(len(self._waiting))

    def _resume(self, count: int) -> None:
        while count and self._waiting:
            turn = self._waiting.take()
            if not turn.done():
                turn.set_result(None)
                self._left -= 1
                count -= 1
