"""The HTTP server: aiohttp's own, but for what it says to requests that it cannot read.

Such a request (a line that is too long, an unknown method, a broken chunk) reaches no handler and
no middleware. aiohttp answers it in plain text by ``RequestHandler.handle_error``, which is changed
here, and so is ``log_exception``, which tells of bodies that break off as of errors of the service.
An unknown ``Expect`` is answered before aiohttp does it, which is in plain text as well.

This file alone uses private parts of aiohttp. ``tests/http/test_aiohttp_parts.py`` names them, and
``pyproject.toml`` bounds the version to one for which that test passes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import hdrs, web

from fluxapi import errors

from .connection_limit import ConnectionLimit, peer_of
from .middleware import HEADERS

__all__ = ["IDLE", "Runner"]

_RequestHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_log = logging.getLogger(__name__)

_BAD_REQUEST = 400
_KINDS: dict[int, type[errors.FluxapiError]] = {
    _BAD_REQUEST: errors.RequestError,
    413: errors.BodyTooLarge,
    417: errors.ExpectationFailed,
}
_DETAILS = {
    "LineTooLong": "The request line or a header is too long.",
    "BadHttpMethod": "The request line is not one of HTTP.",
    "BadStatusLine": "The request line is not one of HTTP.",
    "InvalidHeader": "A header is not one of HTTP.",
    "InvalidURLError": "The address in the request line is not one.",
    "TransferEncodingError": "The body is not in the chunks that its headers promise.",
    "ContentLengthError": "The body is not as long as its headers promise.",
    "HTTPExpectationFailed": "Of Expect, the service knows 100-continue only: leave it out.",
}
"""By the error of aiohttp's parser, whose own words repeat what was sent."""

_OTHER = "The request is not HTTP/1.1 as the service understands it."
_BUG = "Something went wrong in the service; its log says what."


IDLE = 120.0
"""Seconds that a connection may wait without a whole head of a request.

Proxies keep theirs for less (nginx: 60), so that it is they who close first.
"""


_LAST_ANSWER_S = 0.5
"""Seconds in which a request that was canceled may be answered."""

STALL = 30.0
"""Seconds that an answer may wait for a reader that takes nothing of it."""


class Runner(web.AppRunner):
    """Runs an application with problem documents for what cannot be read, too.

    ``idle``: seconds that a connection may wait for a request, or for the rest of its head;
    ``stall``: seconds that an answer may wait for a reader that takes nothing of it; ``limit``: how
    many connections may be open.
    """

    def __init__(
        self,
        app: web.Application,
        *,
        idle: float = IDLE,
        stall: float = STALL,
        limit: ConnectionLimit | None = None,
        **options: Any,
    ) -> None:
        super().__init__(app, keepalive_timeout=idle, **options)
        self._stall = stall
        self._limit = limit

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        # aiohttp lets nobody name the class of its protocols.
        server.__class__ = _Server
        assert isinstance(server, _Server)  # noqa: S101 - for mypy: it is from here on
        server.stall = self._stall
        server.limit = self._limit
        server.request_handler = _with_known_expectations(server.request_handler)
        return server


def _with_known_expectations(answer: _RequestHandler) -> _RequestHandler:
    """Return a handler that refuses an unknown ``Expect`` and gives all else to *answer*."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get(hdrs.EXPECT, "100-continue").lower() != "100-continue":
            error = web.HTTPExpectationFailed()
            return request.protocol.handle_error(request, error.status, error)
        return await answer(request)

    return handle


class _Server(web.Server):
    stall: float
    limit: ConnectionLimit | None

    def __call__(self) -> web.RequestHandler:
        return _Protocol(self, loop=self._loop, **self._kwargs)


class _Protocol(web.RequestHandler):
    __slots__ = ("_stalled",)

    _stalled: asyncio.TimerHandle

    @property
    def is_idle(self) -> bool:
        """Whether it is the client's turn: to send a request, or the rest of one."""
        if self._waiter is not None:
            return not self._waiter.done()
        request = self._current_request
        has_part = request is not None and not request.content.is_eof()
        return has_part or not self._request_in_progress

    def drop(self) -> None:
        """Close it at once; what was not sent so far is not sent."""
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    def pause_writing(self) -> None:
        """See asyncio: the reader is behind; one that takes nothing more is let go."""
        super().pause_writing()
        if isinstance(self._manager, _Server):
            self._stalled = self._loop.call_later(self._manager.stall, self.drop)

    def resume_writing(self) -> None:
        """See asyncio."""
        self._stalled.cancel()
        super().resume_writing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio; without room for it, the connection ends with a 503."""
        limit = self._manager.limit if isinstance(self._manager, _Server) else None
        if limit is None or limit.admit(self, peer_of(transport.get_extra_info("peername"))):
            super().connection_made(transport)
            return
        # Nothing that comes on it is looked at.
        self._force_close = True
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for mypy
        transport.write(_NO_ROOM)
        transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """See asyncio."""
        if isinstance(self._manager, _Server) and self._manager.limit is not None:
            self._manager.limit.leave(self)
        super().connection_lost(exc)

    async def shutdown(self, timeout: float | None = 15.0) -> None:
        """See aiohttp, which gives a request *timeout* twice, and as long to a body's rest.

        Here a request that is being answered has it once, and what is left of a body none.
        """
        # Nothing is read any more, and the rest of a body is not waited for.
        self._force_close = True
        if self._keepalive_handle is not None:
            self._keepalive_handle.cancel()
        task = self._task_handler
        if task is not None:
            await asyncio.wait({task}, timeout=timeout if self._request_in_progress else 0)
            task.cancel()
            # The application answers that the service is ending.
            await asyncio.wait({task}, timeout=_LAST_ANSWER_S)
        self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """See aiohttp: the response to a request that failed outside of the application."""
        del message
        if request.writer.output_size > 0:
            raise ConnectionError("The response has begun; there is no other to send.")
        error = _error(status, exc)
        if error.status < 500:  # noqa: PLR2004 - the client's fault
            _log.debug("a request could not be read: %s", type(exc).__name__)
        else:
            _log.error("a request failed outside of the application", exc_info=exc)
        headers: dict[str, Any] = {**HEADERS, hdrs.CACHE_CONTROL: "no-store"}
        response = web.Response(
            body=msgspec.json.encode(error.problem()),
            status=error.status,
            headers=headers,
            content_type="application/problem+json",
        )
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """See aiohttp: a rest of a body that nobody waits for, and that cannot be read, is told."""
        if isinstance(kw.get("exc_info"), web.RequestPayloadError):
            # Anybody can send it, without credentials too: no reason for a traceback each time.
            _log.debug("the rest of a body could not be read")
        else:
            super().log_exception(*args, **kw)


def _no_room() -> bytes:
    """Return the answer to a connection for which there is no room."""
    error = errors.Unavailable("Too many connections are open; close some, or come back later.")
    body = msgspec.json.encode(error.problem())
    headers = {
        **HEADERS,
        **error.headers,
        hdrs.CACHE_CONTROL: "no-store",
        hdrs.CONNECTION: "close",
        hdrs.CONTENT_LENGTH: str(len(body)),
        hdrs.CONTENT_TYPE: "application/problem+json",
    }
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    return f"HTTP/1.1 503 Service Unavailable\r\n{''.join(lines)}\r\n".encode() + body


_NO_ROOM = _no_room()


def _error(status: int, exc: BaseException | None) -> errors.FluxapiError:
    kind = _KINDS.get(status)
    if kind is None:
        return errors.FluxapiError(_BUG)
    return kind(_DETAILS.get(type(exc).__name__, _OTHER))
