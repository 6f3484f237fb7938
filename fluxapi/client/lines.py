"""Reading a long response line by line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from .errors import BadAnswer, ConnectionFailed
from .request import Request
from .retry import Failure
from .transport import Transport

if TYPE_CHECKING:
    import aiohttp

__all__ = ["lines"]

_MAX_LINE_BYTES = 64 << 20


async def lines(transport: Transport, request: Request) -> AsyncGenerator[bytes, None]:
    """Yield the lines of a response; raise ``ClientError``, also if it is interrupted."""
    retry = transport.retry_policy.start(request.timeout)
    while True:
        async with transport.attempt(request) as response:
            if not isinstance(response, Failure):
                retry.reset()
                async with aclosing(_split(response)) as found:
                    async for line in found:
                        yield line
                return
        await retry.wait(response)


async def _split(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    import aiohttp  # noqa: PLC0415 - already imported

    rest = bytearray()
    try:
        async for chunk in response.content.iter_any():
            *whole, last = chunk.split(b"\n")
            for line in whole:
                yield bytes(rest) + line
                rest.clear()
            rest += last
            if len(rest) > _MAX_LINE_BYTES:
                raise BadAnswer("A line of the response is too long.")
    except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
        raise ConnectionFailed("The response was interrupted.") from error
    if rest:
        yield bytes(rest)
