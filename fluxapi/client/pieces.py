"""A long response, piece by piece, of which nothing can be asked for again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from .errors import ConnectionFailed
from .request import Request
from .retry import Failure
from .transport import Transport

__all__ = ["pieces"]


async def pieces(transport: Transport, request: Request) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a response; raise ``ClientError``, also if it is interrupted."""
    import aiohttp  # noqa: PLC0415 - takes long to load

    retry = transport.retry_policy.start(request.timeout)
    while True:
        async with transport.attempt(request) as response:
            if not isinstance(response, Failure):
                retry.reset()
                try:
                    async for piece in response.content.iter_any():
                        yield piece
                except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
                    raise ConnectionFailed("The response was interrupted.") from error
                return
        await retry.wait(response)
