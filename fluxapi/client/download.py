"""Reading a file of the service piece by piece, from where the last connection ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from .errors import BadAnswer, Conflict, ConnectionFailed
from .request import Query, Request
from .retry import Failure
from .transport import Transport

if TYPE_CHECKING:
    import aiohttp

__all__ = ["pieces_of"]

_PARTIAL_CONTENT = 206


async def pieces_of(transport: Transport, path: str, query: Query) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of the resource at *path*; raise ``ClientError``.

    After a disconnect it asks for the rest. If the resource has changed meanwhile, the pieces would
    not belong together, so that this is a ``Conflict``.
    """
    retry = transport.retry_policy.start()
    offset, tag = 0, ""
    while True:
        async with transport.attempt(_request(path, query, offset, tag)) as response:
            failure = response if isinstance(response, Failure) else None
            if not isinstance(response, Failure):
                if offset and response.status != _PARTIAL_CONTENT:
                    raise _changed()
                tag = response.headers.get("ETag", "")
                size = _size(response, offset)
                try:
                    async for piece in response.content.iter_any():
                        retry.reset()
                        offset += len(piece)
                        yield piece
                except _interruptions():
                    failure = Failure(ConnectionFailed("The download was interrupted."), True)
                if failure is None:
                    if offset != size:
                        raise BadAnswer("The response has not the size that it announced.")
                    return
        assert failure is not None  # noqa: S101 - otherwise it has returned
        await retry.wait(failure)


def _request(path: str, query: Query, offset: int, tag: str) -> Request:
    headers = {"Accept": "application/octet-stream"}
    if offset:
        headers |= {"Range": f"bytes={offset}-", "If-Range": tag}
    return Request("GET", path, query, headers=headers, repeatable=True, stream=True)


def _size(response: aiohttp.ClientResponse, offset: int) -> int:
    length = response.headers.get("Content-Length", "")
    if not (length.isascii() and length.isdigit()):
        raise BadAnswer("The response does not state its size.")
    return offset + int(length)


def _interruptions() -> tuple[type[BaseException], ...]:
    import aiohttp  # noqa: PLC0415 - already imported

    return aiohttp.ClientError, asyncio.TimeoutError, OSError


def _changed() -> Conflict:
    words = "The file has changed while it was downloaded; download it again."
    return Conflict(409, "/docs/errors#output-changed", "Output file changed", words)
