"""A long answer that is sent piece by piece, to a reader that may stop taking it or leave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing

from aiohttp import web

from fluxapi.errors import FluxapiError
from fluxapi.events.liveness import STALL_TIMEOUT_S
from fluxapi.http import keys

__all__ = ["send"]

_log = logging.getLogger(__name__)

_PIECE_BYTES = 64 << 10
"""Bytes that are written at once."""

_LOOK_S = 1.0
"""Seconds between two looks whether the reader is still there while an answer is made."""


async def send(
    request: web.Request,
    kind: str,
    pieces: AsyncIterator[bytes],
    headers: Callable[[], Mapping[str, str]] = dict,
) -> web.StreamResponse:
    """Answer with ``pieces``, as the media type ``kind``.

    ``headers`` is called when the first piece is known.

    One that goes on for more than a piece counts as a stream: there is a limit, it ends with the
    service, and a reader that takes nothing for too long is let go.
    """
    async with aclosing(pieces) as parts:  # type: ignore[type-var] # an async generator
        # An error before the first byte still is a problem document, so is one at the limit.
        first = await _while_read(request, _joined(parts))
        charset = "utf-8" if kind == "text/plain" else None
        if len(first) < _PIECE_BYTES:
            return web.Response(body=first, content_type=kind, charset=charset, headers=headers())
        with request.app[keys.CONNECTIONS].hold(lambda: _abort(request)):
            response = web.StreamResponse(headers=headers())
            response.content_type = kind
            if charset is not None:
                response.charset = charset
            await response.prepare(request)
            try:
                part = first
                while part:
                    for at in range(0, len(part), _PIECE_BYTES):
                        await _write(request, response, part[at : at + _PIECE_BYTES])
                    part = await _while_read(request, _joined(parts))
            except FluxapiError as error:
                _log.warning("output of %s cut off: %s", request.path, error.detail)
                # The reader must see that it is not the end.
                _abort(request)
                return response
            except ConnectionError:
                _abort(request)
                return response
    await response.write_eof()
    return response


async def _joined(parts: AsyncIterator[bytes]) -> bytes:
    """The next parts, so many that they make a piece, or the last; nothing at the end."""
    found: list[bytes] = []
    size = 0
    while size < _PIECE_BYTES:
        try:
            part = await anext(parts)
        except StopAsyncIteration:
            break
        found.append(part)
        size += len(part)
    return b"".join(found)


async def _while_read(request: web.Request, work: Awaitable[bytes]) -> bytes:
    """Do ``work``, or raise ``ConnectionResetError`` once the reader has left."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=_LOOK_S))[0]:
            if request.transport is None or request.transport.is_closing():
                raise ConnectionResetError("The reader has left.")
        return await task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


async def _write(request: web.Request, response: web.StreamResponse, piece: bytes) -> None:
    """Write a piece; raises ``ConnectionResetError`` when the reader takes nothing for too long."""
    task = asyncio.ensure_future(response.write(piece))
    unsent = -1
    try:
        while not (await asyncio.wait({task}, timeout=STALL_TIMEOUT_S))[0]:
            transport = request.transport
            left = 0 if transport is None else transport.get_write_buffer_size()
            if left == unsent:
                _log.info("a reader of %s took nothing for too long", request.path)
                raise ConnectionResetError("The reader takes nothing.")
            unsent = left
        await task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
