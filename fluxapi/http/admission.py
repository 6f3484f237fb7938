"""Admission control: a burst of requests must not delay timers, streams and the journal."""

from __future__ import annotations

import asyncio

__all__ = ["AdmissionLimiter"]

_MAX_STARTS_PER_PASS = 16
"""Handlers that start in one pass of the event loop, at about 0.1 ms each."""


class AdmissionLimiter:
    """A limit on the handlers that start in each pass of the event loop, in order of arrival."""

    def __init__(self, limit: int = _MAX_STARTS_PER_PASS) -> None:
        self._limit = limit
        self._left = limit

    async def take(self) -> None:
        """Return when the handler may start: at once unless there is a burst."""
        while not self._left:  # noqa: ASYNC110 - it counts passes of the loop
            await asyncio.sleep(0)
        if self._left == self._limit:
            asyncio.get_running_loop().call_soon(self._renew)
        self._left -= 1

    def _renew(self) -> None:
        self._left = self._limit
