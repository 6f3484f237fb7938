"""One long answer, line by line as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from . import transport as transports
from .backoff import delay
from .errors import BadAnswer, ConnectionFailed
from .transport import Failure, Request, Transport

if TYPE_CHECKING:
    import aiohttp

__all__ = ["lines"]

_MAX_LINE_BYTES = 64 << 20


async def lines(transport: Transport, request: Request) -> AsyncGenerator[bytes, None]:
    """Yield the lines of an answer; raises ``ClientError``, also when it breaks off."""
    failures = 0
    while True:
        async with transport.attempt(request) as response:
            if not isinstance(response, Failure):
                async with aclosing(_split(response)) as found:
                    async for line in found:
                        yield line
                return
        failures += 1
        if not response.again or failures > transport.retries:
            raise response.error
        await transports.pause(delay(failures, response.asked))


async def _split(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    import aiohttp  # noqa: PLC0415 - it is there already

    rest = bytearray()
    try:
        async for chunk in response.content.iter_any():
            *whole, last = chunk.split(b"\n")
            for line in whole:
                yield bytes(rest) + line
                rest.clear()
            rest += last
            if len(rest) > _MAX_LINE_BYTES:
                raise BadAnswer("A line of the answer is too long.")
    except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
        raise ConnectionFailed("The answer broke off before its end.") from error
    if rest:
        yield bytes(rest)
