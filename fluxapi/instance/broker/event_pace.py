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

__all__ = ["EventPace"]

_EVENTS = 128
"""Events that are added before the KVS is waited for; it stores those in about 100 ms."""

_FENCE = {"key": "fluxapi.fence", "flags": 0, "dirent": None}
"""An operation that removes a key that does not exist."""


class _Ask(Protocol):
    async def __call__(self, topic: str, body: dict[str, Any] | None = None) -> Any: ...


class EventPace:
    """Lets requests add events, so many at a time; *ask* sends a request to Flux."""

    def __init__(self, ask: _Ask) -> None:
        self._ask = ask
        self._left = _EVENTS
        self._passing: asyncio.Task[None] | None = None

    async def turn(self) -> None:
        """Wait until one more event may be added."""
        while not self._left:
            if self._passing is None:
                self._passing = asyncio.create_task(self._pass_commits(), name="event pace")
            await asyncio.shield(self._passing)
        self._left -= 1

    async def _pass_commits(self) -> None:
        """Wait until the KVS, which takes commits in order, has stored what it had."""
        try:
            # A guest may not commit.
            with contextlib.suppress(FluxapiError):
                body = {"namespace": "primary", "flags": 0, "ops": [_FENCE]}
                await self._ask("kvs.commit", body)
        finally:
            self._left = _EVENTS
            self._passing = None
