"""The HTTP server of aiohttp, with problem documents for requests that it cannot parse.

Such a request (a line that is too long, an unknown method, a broken chunk) reaches no handler and
no middleware. aiohttp answers it in plain text by ``RequestHandler.handle_error``, which is
overridden here, and so is ``log_exception``, which logs an incomplete body as an error of the
service.

This file, ``pipeline.py`` and ``whole_response.py`` use private parts of aiohttp.
``tests/http/test_aiohttp_parts.py`` names them; ``pyproject.toml`` bounds the version.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, cast

from aiohttp import StreamReader, web

from fluxapi.process.timeslice import TimeSlice
from fluxapi.security.clients import peer_of

from . import base, keys
from .chunk_limit import READ_BUFFER_BYTES, ChunkLimit
from .clients import reader_of
from .common_headers import COMMON_HEADERS, CommonHeaders
from .connection_limit import ConnectionLimit
from .head_limit import MAX_HEAD_BYTES, HeadLimit
from .masked_frames import MaskedFrames
from .pipeline import read_few_ahead
from .refusals import LONG_HEAD, TINY_CHUNKS, TOO_MANY_CONNECTIONS
from .unreadable import forget_frames, refusal, unreadable
from .unsent import Unsent, long_body, send_in_pieces
from .usual_heads import with_usual_heads
from .whole_response import is_whole, send_whole

__all__ = ["IDLE_TIMEOUT_S", "Runner"]

_log = logging.getLogger(__name__)

IDLE_TIMEOUT_S = 120.0
"""Time that a connection may wait without the complete head of a request.

Proxies keep idle connections for less (nginx: 60), so that the proxy closes first.
"""

_LAST_ANSWER_S = 0.5
"""Time in which a request that was canceled may still be answered."""

STALL_TIMEOUT_S = 30.0
"""Time that a response may wait for a client that reads nothing of it."""


class Runner(web.AppRunner):
    """A runner of an application that answers unreadable requests with problem documents, too.

    ``idle``: seconds that a connection may wait for a request, or for the rest of its head;
    ``stall``: seconds that a response may wait for a client that reads nothing of it; ``limit``:
    the limit of open connections; ``base_path``: the prefix of paths that a proxy keeps.
    """

    def __init__(
        self,
        app: web.Application,
        *,
        idle: float = IDLE_TIMEOUT_S,
        stall: float = STALL_TIMEOUT_S,
        limit: ConnectionLimit | None = None,
        base_path: str = "",
        **options: Any,
    ) -> None:
        super().__init__(app, keepalive_timeout=idle, read_bufsize=READ_BUFFER_BYTES, **options)
        self._stall = stall
        self.limit = limit
        self._base_path = base_path

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        # aiohttp has no option for the class of its protocols.
        server.__class__ = _Server
        assert isinstance(server, _Server)  # noqa: S101 - for mypy: its class was just set
        server.stall = self._stall
        server.limit = self.limit
        server.unsent = Unsent()
        server.common = self.app.get(COMMON_HEADERS)
        if self.limit is not None:
            # Handshakes and heads leave more in the heap than the next ones need.
            self.limit.on_leave = self.app[keys.HEAP].after_answer
        make = base.below(server.request_factory, self._base_path)
        server.request_factory = _with_known_body(make)
        server.request_handler = with_usual_heads(server.request_handler)
        return server


def _with_known_body(make: Callable[..., web.BaseRequest]) -> Callable[..., web.BaseRequest]:
    """Return a factory of requests that tells the connection of a request its body."""

    def make_request(
        message: Any, body: StreamReader, protocol: web.RequestHandler, *rest: Any
    ) -> web.BaseRequest:
        if isinstance(protocol, _Protocol):
            protocol.begin_body(body)
        return make(message, body, protocol, *rest)

    return make_request


class _Server(web.Server):
    stall: float
    limit: ConnectionLimit | None
    unsent: Unsent
    common: CommonHeaders | None

    def __call__(self) -> web.RequestHandler:
        protocol = _Protocol(self, loop=self._loop, **self._kwargs)
        return read_few_ahead(protocol, self._loop, self._kwargs)


class _Protocol(web.RequestHandler):
    __slots__ = (
        "_chunks",
        "_head",
        "_is_paused",
        "_skipping",
        "_stalled",
        "_unwritten",
        "on_leave",
        "unread_since",
    )

    _chunks: ChunkLimit | None
    _head: HeadLimit
    _is_paused: bool
    _skipping: asyncio.Task[None] | None
    _stalled: asyncio.TimerHandle
    _unwritten: int
    on_leave: Callable[[], None] | None
    unread_since: float | None

    @property
    def is_idle(self) -> bool:
        """Return whether the service waits for the client: for a request, or the rest of one."""
        if self._waiter is not None:
            return not self._waiter.done()
        request = self._current_request
        has_part = request is not None and not request.content.is_eof()
        return has_part or not self._request_in_progress

    @property
    def unsent_bytes(self) -> int:
        """Return the bytes of responses that the system has not accepted."""
        written = 0 if self.transport is None else self.transport.get_write_buffer_size()
        return self._unwritten + written

    def when_left(self, call: Callable[[], None] | None) -> None:
        """Have *call* called when the client leaves, while a request waits; ``None``: no more.

        While so much more has arrived that nothing is read, nobody could tell that the client has
        left, so such a connection is closed.
        """
        self.on_leave = call
        if call is not None and (self._is_paused or self._buffer_paused):
            self.drop()

    def _pause_reading_for_buffer(self) -> None:
        """Read no more until requests are answered; close a connection with one that waits."""
        super()._pause_reading_for_buffer()
        self.when_left(self.on_leave)

    def _tell_unwritten(self, size: int) -> None:
        self._unwritten = size

    def drop(self) -> None:
        """Close the connection at once, without the data that is not sent yet."""
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    def set_parser(self, parser: Any, data_received_cb: Callable[[], None] | None = None) -> None:
        """Read masked frames of a WebSocket from now on, without the parser of HTTP."""
        super().set_parser(cast("Any", MaskedFrames(parser)), data_received_cb)
        self._parser = None

    def begin_body(self, body: StreamReader) -> None:
        """Note the body of the next request."""
        self._chunks = ChunkLimit(body)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived, up to what is not HTTP."""
        for piece in self._head.pieces(data, self._awaits_head):
            self._take(piece)

    def _take(self, data: bytes) -> None:
        """Parse a part of what has arrived; refuse a head, or trailers, that are too long."""
        body = self._last_body
        is_head = self._awaits_head()
        arrived = None if is_head or body is None else body.total_bytes
        count = self._request_count
        super().data_received(data)
        self._head.is_unreadable = forget_frames(body, self._messages)
        if self._request_count != count or self._buffer_paused:
            self._head.reset()
        elif is_head or (body is not None and body.total_bytes == arrived and not body.is_eof()):
            # Trailers, and extensions of the size of a chunk, are no data.
            self._head.add(len(data))
            if self._head.is_exceeded() and not self._force_close:
                self._refuse_head()
        else:
            self._head.reset()

    @property
    def _last_body(self) -> StreamReader | None:
        """Return the body that arrived last, or arrives now."""
        if self._upgraded or self._payload_parser is not None:
            return None
        if self._messages:
            return self._messages[-1][1]
        return None if self._chunks is None else self._chunks.body

    def _awaits_head(self) -> bool:
        """Return whether the next bytes belong to the head of a request, and are parsed now."""
        if self._upgraded or self._payload_parser is not None or self._buffer_paused:
            return False
        if self._messages:
            return self._messages[-1][1].is_eof()
        return self._chunks is None or self._chunks.has_arrived

    def _refuse_head(self) -> None:
        _log.debug("a head has more than %s bytes", MAX_HEAD_BYTES)
        transport = self.transport
        if self._messages or self._current_request is not None or transport is None:
            self.drop()
            return
        self._force_close = True
        transport.write(LONG_HEAD)
        transport.close()

    def pause_reading(self) -> None:
        """Parse no more of a body until its buffer is read; refuse a body of tiny chunks."""
        super().pause_reading()
        self._is_paused = True
        self.when_left(self.on_leave)
        if self._chunks is not None and self._chunks.is_exceeded():
            self._refuse_chunks()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Parse on.

        The rest of a body that was refused is skipped: then in turn with all such bodies, since
        aiohttp reads what has arrived of one without a pause.
        """
        if not self._is_paused:
            return  # aiohttp calls this after each part of a body, and would parse nothing anew.
        if resume_parser and self._current_request is None:
            self._skipping = self._skipping or self._loop.create_task(self._skip_in_turn())
            return
        self._is_paused = False
        super().resume_reading(resume_parser)

    async def _skip_in_turn(self) -> None:
        await TimeSlice(0).share()
        self._skipping, self._is_paused = None, False
        super().resume_reading()

    def _refuse_chunks(self) -> None:
        _log.debug("a body arrives in tiny chunks")
        request, transport = self._current_request, self.transport
        if request is None or request.writer.output_size or transport is None:
            self.drop()
            return
        self._force_close = True
        transport.write(TINY_CHUNKS)
        transport.close()

    def pause_writing(self) -> None:
        """Handle that the client is behind; disconnect it if it reads nothing for too long."""
        super().pause_writing()
        self.unread_since = time.monotonic()
        if isinstance(self._manager, _Server):
            self._stalled = self._loop.call_later(self._manager.stall, self.drop)

    def resume_writing(self) -> None:
        """Handle that the client has caught up."""
        self._stalled.cancel()
        self.unread_since = None
        super().resume_writing()

    async def _drain_helper(self) -> None:
        """Wait until the client has read; raises ``ConnectionError`` if it has left.

        The frames of this error refer to the future that keeps it and to what was to be sent, which
        stay in memory with it until the garbage collector runs, so they are cut off.
        """
        try:
            await super()._drain_helper()
        except ConnectionError as error:
            error.__traceback__ = None
            raise

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection, or answer 503 if the limit is reached."""
        self._chunks = self._skipping = self.on_leave = self.unread_since = None
        self._head = HeadLimit()
        self._is_paused, self._unwritten = False, 0
        limit = self._manager.limit if isinstance(self._manager, _Server) else None
        if limit is None or limit.admit(self, peer_of(transport.get_extra_info("peername"))):
            super().connection_made(transport)
            return
        # Input on this connection is ignored.
        self._force_close = True
        # Those of uvloop are transports, too, but not by their class.
        refused = cast("asyncio.Transport", transport)
        refused.write(TOO_MANY_CONNECTIONS)
        refused.close()

    async def start(self) -> None:
        """Answer requests, unless the connection was lost at once."""
        if self._manager is not None:
            await super().start()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop counting the connection, and tell the request that waits."""
        if self._skipping is not None:
            self._skipping.cancel()
        if isinstance(self._manager, _Server) and self._manager.limit is not None:
            self._manager.limit.leave(self)
        super().connection_lost(exc)
        # Both refer to the connection, which would stay in memory until the collector runs.
        self._chunks = self._keepalive_handle = None
        if self.on_leave is not None:
            self.on_leave()

    async def shutdown(self, timeout: float | None = 15.0) -> None:
        """End the connection within *timeout* seconds.

        aiohttp waits twice for a request, and as long for the rest of a body. This waits once for
        a request that is being answered, and not for the rest of a body.
        """
        # Nothing more is read, not even the rest of a body.
        self._force_close = True
        if self._keepalive_handle is not None:
            self._keepalive_handle.cancel()
        task = self._task_handler
        if task is not None:
            await asyncio.wait({task}, timeout=timeout if self._request_in_progress else 0)
            task.cancel()
            # The middleware answers that the service is shutting down.
            await asyncio.wait({task}, timeout=_LAST_ANSWER_S)
        self.force_close()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send a response; return it, and whether the client has left."""
        common = self._manager.common if isinstance(self._manager, _Server) else None
        body = None if self._upgraded else long_body(resp, request)
        if isinstance(resp, web.Response) and isinstance(self._manager, _Server) and body:
            with self._manager.unsent.sending(self, reader_of(request), body) as body:
                resp.body = body
                if is_whole(resp, request) and not isinstance(self.transport, asyncio.Transport):
                    return resp, not await send_whole(resp, request, common)
                # aiohttp, and the transports of asyncio, would copy the body for each reader.
                stream = await send_in_pieces(resp, body, request, self._tell_unwritten)
            return await super().finish_response(request, stream, start_time)
        if self._upgraded or not is_whole(resp, request):
            sent = await super().finish_response(request, resp, start_time)
            # After an upgrade that was refused, what has arrived is parsed only now.
            self._head.is_unreadable |= forget_frames(None, self._messages)
            return sent
        return resp, not await send_whole(resp, request, common)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the response to a request that failed outside of the application."""
        del message
        if request.writer.output_size > 0:
            raise ConnectionError("The response has begun, so no other can be sent.")
        error = unreadable(status, exc)
        if error.status < 500:  # noqa: PLR2004 - an error of the client
            _log.debug("cannot parse a request: %s", type(exc).__name__)
        else:
            _log.error("a request failed outside of the application", exc_info=exc)
        return refusal(error)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log an error of the server, but no traceback for a body that cannot be read."""
        if isinstance(kw.get("exc_info"), web.RequestPayloadError):
            # Any client can cause it, even without credentials, so it gets no traceback.
            _log.debug("cannot read the rest of a body")
        else:
            super().log_exception(*args, **kw)
