"""A long response in pieces, to a client that may stop reading or disconnect."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import TypeVar

from aiohttp import hdrs, web

from fluxapi.errors import FluxapiError
from fluxapi.events.output.tails import Kind, TailReader
from fluxapi.events.slow_consumer_reaper import STALL_TIMEOUT_S
from fluxapi.http import keys
from fluxapi.http.clients import clients_of

__all__ = ["send", "send_prepared", "send_promptly", "tail_reader", "while_connected"]

T = TypeVar("T")

_log = logging.getLogger(__name__)

_PIECE_BYTES = 64 << 10
"""Size of one write."""

_PROMPT_S = 0.1
"""Time after which a piece is sent that is not full, if the reader must not wait."""

_CHECK_INTERVAL_S = 1.0
"""Time between two checks that the client is still connected while a response is computed."""


def tail_reader(request: web.Request, kind: Kind = "present") -> TailReader:
    """Return the client of a request as a reader of tails."""
    return request[keys.SESSION].tails.reader(
        clients_of(request)[-1],
        partial(_abort, request),
        partial(_unsent, request),
        kind=kind,
    )


async def send(
    request: web.Request,
    kind: str,
    pieces: AsyncIterator[bytes],
    headers: Callable[[], Mapping[str, str]] = dict,
) -> web.StreamResponse:
    """Answer with ``pieces``, as the media type ``kind``.

    ``headers`` is called when the first piece is known.

    A response of more than one piece counts as a stream: the number of streams is limited, they end
    with the service, and a client that reads nothing for too long is disconnected.
    """
    async with aclosing(pieces) as parts:  # type: ignore[type-var] # an async generator
        # An error before the first byte, or at the limit, is still sent as a problem document.
        try:
            first = await while_connected(request, _joined(parts))
        finally:
            # A short answer may be the end of a long search.
            request.app[keys.HEAP].after_answer()
        charset = "utf-8" if kind == "text/plain" else None
        if len(first) < _PIECE_BYTES:
            return web.Response(body=first, content_type=kind, charset=charset, headers=headers())
        response = web.StreamResponse(headers=headers())
        response.content_type = kind
        if charset is not None:
            response.charset = charset
        return await _stream(request, response, first, parts)


async def send_prepared(
    request: web.Request, response: web.StreamResponse, pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    """Answer with ``pieces`` as the body of ``response``; see :func:`send`."""
    async with aclosing(pieces) as parts:  # type: ignore[type-var] # an async generator
        first = await while_connected(request, _joined(parts))
        return await _stream(request, response, first, parts)


async def send_promptly(
    request: web.Request, kind: str, pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    """Answer with ``pieces`` as they come, though they may be small; see :func:`send`."""
    response = web.StreamResponse()
    response.content_type = kind
    try:
        async with aclosing(pieces) as parts:  # type: ignore[type-var] # an async generator
            first = await while_connected(request, _joined(parts, _PROMPT_S))
            return await _stream(request, response, first, parts, _PROMPT_S)
    finally:
        request.app[keys.HEAP].after_answer()


async def _stream(
    request: web.Request,
    response: web.StreamResponse,
    first: bytes,
    parts: AsyncIterator[bytes],
    patience_s: float = math.inf,
) -> web.StreamResponse:
    with request.app[keys.CONNECTIONS].hold(
        lambda _: _abort(request), request[keys.PRINCIPAL], clients_of(request)
    ):
        await response.prepare(request)
        if request.method == hdrs.METH_HEAD:
            # aiohttp would send it, and the client would read it as the next response.
            await response.write_eof()
            return response
        try:
            part = first
            while part:
                for at in range(0, len(part), _PIECE_BYTES):
                    await _write(request, response, part[at : at + _PIECE_BYTES])
                part = await while_connected(request, _joined(parts, patience_s))
        except FluxapiError as error:
            _log.warning("output of %s is incomplete: %s", request.path, error.detail)
            # The client must notice that this is not the end.
            _abort(request)
            return response
        except ConnectionError:
            _abort(request)
            return response
    await response.write_eof()
    return response


async def _joined(parts: AsyncIterator[bytes], patience_s: float = math.inf) -> bytes:
    """Join parts to about one piece, those of *patience_s*; return empty bytes at the end."""
    found: list[bytes] = []
    size = 0
    end = time.monotonic() + patience_s
    while size < _PIECE_BYTES and not (found and time.monotonic() >= end):
        try:
            part = await anext(parts)
        except StopAsyncIteration:
            break
        found.append(part)
        size += len(part)
    return b"".join(found)


async def while_connected(request: web.Request, work: Awaitable[T]) -> T:
    """Await ``work``; raises ``ConnectionResetError`` if the client disconnects meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=_CHECK_INTERVAL_S))[0]:
            if request.transport is None or request.transport.is_closing():
                raise ConnectionResetError("The client has disconnected.")
        return await task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
        # Its error refers to this frame and to what was sent, a cycle that would stay in memory.
        del task


async def _write(request: web.Request, response: web.StreamResponse, piece: bytes) -> None:
    """Write a piece; raises ``ConnectionResetError`` if the client reads nothing for too long."""
    task = asyncio.ensure_future(response.write(piece))
    unsent = -1
    try:
        while not (await asyncio.wait({task}, timeout=STALL_TIMEOUT_S))[0]:
            left = _unsent(request)
            if left == unsent:
                _log.info("disconnecting a client of %s that reads nothing", request.path)
                raise ConnectionResetError("The client reads nothing.")
            unsent = left
        await task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
        # Its error refers to this frame and to what was sent, a cycle that would stay in memory.
        del task


def _unsent(request: web.Request) -> int:
    """Return the bytes that were written and that the system has not accepted."""
    transport = request.transport
    return 0 if transport is None else transport.get_write_buffer_size()


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
