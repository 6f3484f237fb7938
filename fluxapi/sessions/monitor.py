"""Pings the instance at intervals, so that ``/ready`` turns false when it does not answer."""

from __future__ import annotations

import asyncio
import contextlib

from fluxapi.errors import FluxapiError
from fluxapi.events.consumer import JournalConsumer

__all__ = ["InstanceMonitor"]

_PAUSE_S = 2.0
_TIMEOUT_S = 3.0


class InstanceMonitor:
    """A task that pings the instance and tells the journal consumer when it does not answer."""

    def __init__(self, journal: JournalConsumer) -> None:
        self._journal = journal
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the task."""
        self._task = asyncio.create_task(self._run(), name="heartbeat")

    async def close(self) -> None:
        """Stop the task."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def beat(self) -> None:
        """Ping once."""
        try:
            await asyncio.wait_for(self._journal.instance.ping(), _TIMEOUT_S)
        except asyncio.TimeoutError:
            self._journal.silence = f"The instance did not answer within {_TIMEOUT_S:g} seconds."
        except FluxapiError as error:
            self._journal.silence = error.detail
        else:
            self._journal.silence = None

    async def _run(self) -> None:
        while True:
            await self.beat()
            await asyncio.sleep(_PAUSE_S)
