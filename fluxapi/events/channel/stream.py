"""One stream as an HTTP response without end: Server-Sent Events, JSON lines, or plain text."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec
from aiohttp import HttpVersion11, hdrs, web

from fluxapi.events.output.hub import OnEnd
from fluxapi.events.transport.connections import Connections, Lease
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.events.transport.wire import EventlogText, Lines, ServerSentEvents, Wire
from fluxapi.model.message import Message

__all__ = ["ENDS", "OFFERS", "Source", "follow"]

OFFERS = ("text/event-stream", "application/x-ndjson")
"""Media types of a stream, the preferred one first."""

ENDS = {
    reason: Message("ends", reason.replace("-", "_")).text()
    for reason in (
        "clean",
        "finished",
        "no-output",
        "changed",
        "purged",
        "instance-ended",
        "lost",
        "stalled",
        "shutdown",
        "failed",
        "expired",
    )
}
"""The reasons for which a stream ends, with their sentences."""

_COMPLETE_ENDS = frozenset({"clean", "finished", "no-output"})
"""Reasons after which the client has received everything."""

_RETRY_MS = (1000, 4000)
"""Bounds of the time after which a browser reconnects, so that not all do so at once."""

_HEADERS = {
    hdrs.CACHE_CONTROL: "no-store, no-transform",
    # nginx and other proxies would hold the stream back to fill their buffers.
    "X-Accel-Buffering": "no",
}


class Source(Protocol):
    """The origin of the messages of a stream."""

    def begin(self, writer: StreamWriter, wire: Wire, on_end: OnEnd) -> Callable[[], None]:
        """Start writing and return a function that stops it; ``on_end`` gets the reason."""


async def follow(
    request: web.Request,
    source: Source,
    kind: str,
    connections: Connections,
    lease: Lease,
    *,
    clients: Sequence[str] = ("",),
    plain: Callable[[bool], Wire] = EventlogText,
    headers: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    """Answer with the messages of ``source`` as media type ``kind``, until one side ends it.

    It ends with ``lease`` at the latest, and counts for each of ``clients``. ``plain`` makes the
    wire of a media type without messages; its argument says if the response is chunked. ``headers``
    are added to the response.
    """
    response = web.StreamResponse(headers={**_HEADERS, **(headers or {})})
    response.content_type = kind
    if kind != "application/octet-stream":
        response.charset = "utf-8"
    chunked = request.version >= HttpVersion11
    if chunked:
        response.enable_chunked_encoding()
    if request.method == hdrs.METH_HEAD:
        return response
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[tuple[str, str]] = loop.create_future()

    def end(reason: str, detail: str = "") -> None:
        if not ended.done():
            ended.set_result((reason, detail or ENDS.get(reason, "")))

    with connections.hold(end, lease, clients):
        await response.prepare(request)
        wire = _WIRES.get(kind, plain)(chunked)
        # The head leaves with the first bytes; everything after it bypasses aiohttp.
        await response.write(_opening(kind))
        # These would take two kilobytes for as long as the stream is open; a response that ends
        # with its connection open sets a timer of its own.
        response.headers.clear()
        request.protocol.keep_alive(False)
        transport = request.transport
        if transport is None or transport.is_closing():
            return response
        writer = StreamWriter(transport, clients[-1])
        writer.on_lost = lambda _: end("left")
        stop = source.begin(writer, wire, end)
        try:
            reason, detail = await ended
            await connections.left(writer)
        finally:
            stop()
        await _finish(response, writer, wire, reason, detail)
    return response


async def _finish(
    response: web.StreamResponse, writer: StreamWriter, wire: Wire, reason: str, detail: str
) -> None:
    if writer.lost:
        writer.release()
        return
    body = msgspec.json.encode({"reason": reason, "detail": detail})[1:]
    words = wire.frame("end", b"", body)
    writer.write(wire.join([words]))
    # Without an end message, only a broken response shows the client that data is missing.
    broken = reason == "stalled" or not (words or reason in _COMPLETE_ENDS)
    # At shutdown the service does not wait for clients that do not read.
    broken = broken or (reason == "shutdown" and writer.paused)
    if broken:
        writer.close()
    writer.release()
    if broken:
        return
    if reason in {"shutdown", "failed"}:
        response.force_close()
    await response.write_eof()


_WIRES: dict[str, Callable[[bool], Wire]] = {
    "text/event-stream": ServerSentEvents,
    "application/x-ndjson": Lines,
}


def _opening(kind: str) -> bytes:
    if kind == "text/event-stream":
        # A part of the first message: some clients take a separate block for an event.
        return b"retry: %d\n" % random.randint(*_RETRY_MS)  # noqa: S311 - jitter
    return b""
