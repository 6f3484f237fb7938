"""Responses whose head has an end in time. A module of its own, since it imports aiohttp."""

from __future__ import annotations

import aiohttp
from aiohttp.connector import Connection

from fluxapi.process.timeout import within

__all__ = ["TimedResponse"]

_MAX_HEAD_S = 600.0
"""Seconds from the start of a request to the end of the head of its response: longer than the
longest wait of the service, and than the upload of a large body."""


class TimedResponse(aiohttp.ClientResponse):
    """A response whose status and headers arrive in time, informational responses included.

    The read timeout of aiohttp starts again with each byte.
    """

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Read the head of the response; raise ``asyncio.TimeoutError``."""
        return await within(_MAX_HEAD_S, super().start(connection))
