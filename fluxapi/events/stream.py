"""One stream as an HTTP response that goes on: Server-Sent Events, lines of JSON, or plain text."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Protocol

import msgspec
from aiohttp import HttpVersion11, hdrs, web

from .connections import Connections
from .outlet import Outlet
from .wire import EventlogText, Lines, ServerSentEvents, Wire

__all__ = ["ENDS", "OFFERS", "Source", "follow"]

OFFERS = ("text/event-stream", "application/x-ndjson")
"""What a stream can be, best first."""

ENDS = {
    "clean": "The job is inactive, and everything about it has been sent.",
    "purged": "The instance has forgotten the job.",
    "stalled": "The reader took nothing for too long.",
    "shutdown": "The service is ending.",
    "failed": "Something went wrong in the service; come back with your cursor.",
    "expired": "The credentials have expired.",
}
"""Why a stream ends."""

_RETRY = (1000, 4000)
"""Milliseconds that a browser waits before it comes back: not all of them at once."""

_HEADERS = {
    hdrs.CACHE_CONTROL: "no-store, no-transform",
    # nginx and its like would hold the stream back to fill their buffers.
    "X-Accel-Buffering": "no",
}


class Source(Protocol):
    """What fills a stream."""

    def begin(
        self, outlet: Outlet, wire: Wire, on_end: Callable[[str], None]
    ) -> Callable[[], None]:
        """Begin to write; ``on_end`` is to be told when it is over; returns what stops it."""


async def follow(
    request: web.Request,
    source: Source,
    kind: str,
    connections: Connections,
    expires: float | None,
) -> web.StreamResponse:
    """Answer with what ``source`` writes, as the media type ``kind``, until one side ends it."""
    response = web.StreamResponse(headers=_HEADERS)
    response.content_type = kind
    response.charset = "utf-8"
    chunked = request.version >= HttpVersion11
    if chunked:
        response.enable_chunked_encoding()
    if request.method == hdrs.METH_HEAD:
        return response
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[str] = loop.create_future()

    def end(reason: str) -> None:
        if not ended.done():
            ended.set_result(reason)

    with connections.hold(lambda: end("shutdown")):
        await response.prepare(request)
        wire = _wire(kind, chunked=chunked)
        # The head leaves with the first bytes, and what follows goes past aiohttp.
        await response.write(_opening(kind))
        transport = request.transport
        if transport is None or transport.is_closing():
            return response
        outlet = Outlet(transport)
        outlet.on_lost = lambda: end("lost")
        timer = None
        if expires is not None:
            timer = loop.call_later(max(expires - time.time(), 0.0), end, "expired")
        stop = source.begin(outlet, wire, end)
        try:
            reason = await ended
        finally:
            stop()
            if timer is not None:
                timer.cancel()
        await _finish(response, outlet, wire, reason)
    return response


async def _finish(response: web.StreamResponse, outlet: Outlet, wire: Wire, reason: str) -> None:
    if not outlet.lost:
        members = {"reason": reason, "detail": ENDS[reason]}
        body = msgspec.json.encode(members)[1:]
        outlet.write(wire.join([wire.frame("end", b"", body)]))
    if reason == "stalled":
        outlet.close()
    outlet.release()
    if reason in {"stalled", "lost"}:
        return
    if reason in {"shutdown", "failed"}:
        response.force_close()
    await response.write_eof()


def _wire(kind: str, *, chunked: bool) -> Wire:
    if kind == "text/event-stream":
        return ServerSentEvents(chunked)
    return Lines(chunked) if kind == "application/x-ndjson" else EventlogText(chunked)


def _opening(kind: str) -> bytes:
    if kind == "text/event-stream":
        return b"retry: %d\n\n" % random.randint(*_RETRY)  # noqa: S311 - jitter
    return b""
