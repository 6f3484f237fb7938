"""Pings the instance at intervals, for ``/ready`` and the clients."""

from __future__ import annotations

import asyncio
import time

from fluxapi.errors import FluxapiError
from fluxapi.events.consumer import JournalConsumer
from fluxapi.process.background import BackgroundTask
from fluxapi.process.timeout import within

__all__ = ["InstanceMonitor"]

_PING_INTERVAL_S = 2.0
_PING_TIMEOUT_S = 3.0


class InstanceMonitor(BackgroundTask):
    """A task that pings the instance and tells the journal consumer when it does not answer."""

    def __init__(self, journal: JournalConsumer) -> None:
        super().__init__("instance monitor")
        self._journal = journal

    async def run(self) -> None:
        """Check the instance at intervals."""
        while True:
            await self.ping()
            await asyncio.sleep(_PING_INTERVAL_S)

    async def ping(self) -> None:
        """Check once that the instance answers a ping."""
        asked = time.monotonic()
        try:
            await within(_PING_TIMEOUT_S, self._journal.instance.ping())
        except asyncio.TimeoutError:
            reason = f"The instance did not answer within {_PING_TIMEOUT_S:g} seconds."
            self._journal.fall_silent(reason, asked)
        except FluxapiError as error:
            self._journal.fall_silent(error.detail, asked)
        else:
            self._journal.break_silence()
