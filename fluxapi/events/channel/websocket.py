"""The event channel over a WebSocket: many subscriptions on one socket, named by the client.

Messages of the client are JSON texts that conform to ``schemas/client-message.json``. The answer to
an invalid one is an ``error`` that names the field; the socket stays open. :data:`CODES` lists the
close codes.
"""

from __future__ import annotations

import asyncio
import weakref
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
from aiohttp import WSCloseCode, WSMessage, WSMsgType, hdrs, web

from fluxapi.contracts import limits, schema
from fluxapi.contracts.rights import Right
from fluxapi.errors import FluxapiError, MalformedJSON, RequestError
from fluxapi.events.hub import Hub
from fluxapi.events.output.hub import OutputHub
from fluxapi.events.output.viewer import FILES_RIGHT
from fluxapi.events.transport.connections import Connections, Held, Lease
from fluxapi.events.transport.message_limit import MessageLimit
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.events.transport.wire import WebSocketText, frame_close, frame_text
from fluxapi.process.admission import AdmissionLimiter
from fluxapi.process.timeslice import TimeSlice
from fluxapi.process.tracebacks import drop_tracebacks

from .subscriptions import Subscriptions

__all__ = ["CODES", "PROTOCOL", "serve"]

PROTOCOL = "flux-events.v1"
"""The WebSocket subprotocol."""

CODES = {
    "shutdown": (
        WSCloseCode.GOING_AWAY,
        "The service is shutting down; reconnect with your cursors.",
    ),
    "binary": (WSCloseCode.UNSUPPORTED_DATA, "Messages must be JSON text."),
    "failed": (
        WSCloseCode.INTERNAL_ERROR,
        "Internal error of the service; reconnect with your cursors.",
    ),
    "flooded": (WSCloseCode.POLICY_VIOLATION, "The client sends too many messages."),
    "expired": (4401, "The credentials have expired or were revoked."),
    "stalled": (4408, "The client read nothing for too long; reconnect with your cursors."),
}
"""Close code and sentence by cause. A message that is too large closes with 1009."""

MAX_MESSAGE_BYTES = 64 << 10
"""Size of the largest message that a client may send."""

MAX_SUBSCRIPTIONS = 32
"""Subscriptions per socket."""

_MESSAGES = 5000, 500.0
"""Messages that a client may send at once, and per second after that."""

_CONTROL_FRAMES = 500, 50.0
"""The same for pings and pongs."""

_LONG_CHARS = 4096
"""Length of a message that may take long to check: one of them is read in each pass of the loop."""

_CLOSE_TIMEOUT_S = 2.0
"""Time in which a client must answer a close frame."""

_LAST = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})
"""Types of messages that are the last ones; after an error, aiohttp closes the socket itself."""

_encoder = msgspec.json.Encoder()


class Rights(Lease, Protocol):
    """The credentials of a client, and what they permit."""

    def may(self, needed: Right) -> bool:
        """Return whether they include a right."""


Renew = Callable[[str], Rights]


async def serve(
    request: web.Request,
    hub: Hub,
    outputs: OutputHub,
    connections: Connections,
    *,
    lease: Rights,
    clients: Sequence[str],
    renew: Renew,
    base: str,
) -> web.WebSocketResponse:
    """Serve one client until it disconnects.

    ``renew`` returns the lease of a new token; problem types begin with ``base``. Raises
    ``RequestError`` for a handshake that is not ASCII.
    """
    if request.method != hdrs.METH_GET:  # RFC 6455, section 4.1
        raise web.HTTPMethodNotAllowed(request.method, [hdrs.METH_GET])
    connections.check(clients)
    # aiohttp answers pings without a pause, as many as have arrived.
    websocket = web.WebSocketResponse(
        protocols=(PROTOCOL,),
        timeout=_CLOSE_TIMEOUT_S,
        max_msg_size=MAX_MESSAGE_BYTES,
        autoping=False,
    )
    try:
        await websocket.prepare(request)
    except ValueError:
        # aiohttp decodes the key, and repeats headers in errors, without a check of their bytes.
        raise RequestError("The headers of the WebSocket handshake must be ASCII.") from None
    # They are sent, and would take two kilobytes for as long as the socket is open.
    websocket.headers.clear()
    transport = request.transport
    if transport is None or transport.is_closing():
        return websocket
    writer = StreamWriter(transport, clients[-1])
    files = lease.may(FILES_RIGHT)
    socket = _Socket(
        websocket, writer, hub, outputs, renew, base=base, files=files, client=clients[-1]
    )
    with connections.hold(socket.close, lease, clients) as held:
        try:
            socket.held = held
            await socket.run(connections.messages)
        finally:
            try:
                await connections.left(writer)
            finally:
                socket.forget()
            # Nothing of the connection may refer to itself: it holds messages that were not read.
            socket.held = None
            drop_tracebacks(websocket.exception())
    return websocket


class _Socket:
    """The connection of one client, with its named subscriptions."""

    def __init__(
        self,
        websocket: web.WebSocketResponse,
        writer: StreamWriter,
        hub: Hub,
        outputs: OutputHub,
        renew: Renew,
        *,
        base: str,
        files: bool,
        client: str = "",
    ) -> None:
        self._websocket = websocket
        # Only with the default window the same compressed bytes suit all clients.
        self._deflate = websocket.compress == zlib.MAX_WBITS
        self._writer = writer
        self._renew = renew
        self._subscriptions = Subscriptions(
            weakref.proxy(self),
            writer,
            hub,
            outputs,
            limit=MAX_SUBSCRIPTIONS,
            base=base,
            files=files,
            client=client,
        )
        self.held: Held | None = None
        self._closed = False
        self._closing: asyncio.Task[bool] | None = None
        self._messages = MessageLimit(*_MESSAGES)
        self._control_frames = MessageLimit(*_CONTROL_FRAMES)

    async def run(self, turns: AdmissionLimiter) -> None:
        """Answer messages one after the other, no faster than the client reads the answers.

        *turns* limits the messages of all sockets that are answered in one pass of the event loop.
        """
        while not self._closed:
            message = await self._websocket.receive()
            if message.type in _LAST:
                break
            if message.type is WSMsgType.BINARY:
                self.close("binary")
                break
            await self._writer.drained()
            # Messages that have already arrived, on all sockets, are answered a few at a time.
            if isinstance(message.data, str) and len(message.data) >= _LONG_CHARS:
                await TimeSlice(0).share()
            else:
                await turns.take()
            if not self._closed:
                await self._answer(message)
        if self._closing is not None:
            await self._closing
        elif self._closed:
            # The transport is closed; aiohttp notes it now, not when nobody drops its error.
            await self._websocket.close()

    async def _answer(self, message: WSMessage) -> None:
        is_control = message.type in {WSMsgType.PING, WSMsgType.PONG}
        if not (self._control_frames if is_control else self._messages).take():
            self.close("flooded")
        elif message.type is WSMsgType.PING:
            await self._websocket.pong(message.data)
        elif not is_control:
            self._take(message)

    def close(self, cause: str) -> None:
        """Close the socket with the code of ``cause``."""
        if self._closed:
            return
        self._closed = True
        code, words = CODES[cause]
        if self._writer.paused or cause == "flooded":
            # A client that does not read will not answer a close frame either, and the answer of
            # one that sends much comes late.
            self._writer.write(frame_close(code, words))
            self._writer.close()
        else:
            closing = self._websocket.close(code=code, message=words.encode())
            self._closing = asyncio.get_running_loop().create_task(closing)
        self.forget()

    def forget(self) -> None:
        """Release everything but the connection."""
        if self.held is not None:
            self.held.close()
        self._subscriptions.clear()
        self._writer.release()

    def _take(self, message: WSMessage) -> None:
        fields: Any = None
        try:
            fields = _read(message.data)
            _check(fields)
            _ANSWERS[fields["type"]](self, fields)
        except FluxapiError as error:
            self._subscriptions.refuse(fields, error)

    def _subscribe(self, fields: dict[str, Any]) -> None:
        self._subscriptions.begin(fields)

    def _unsubscribe(self, fields: dict[str, Any]) -> None:
        self._subscriptions.end(fields["sub"])

    def _authenticate(self, fields: dict[str, Any]) -> None:
        lease = self._renew(fields["token"])
        if self._subscriptions.files and not lease.may(FILES_RIGHT):
            # Its streams may show files that the new credentials do not permit.
            self.close("expired")
            return
        if self.held is not None:
            self.held.renew(lease)
        self.say({"type": "auth", "expires": lease.expires})

    def wire(self, label: str) -> WebSocketText:
        """Return the wire of one subscription."""
        return WebSocketText(label, self._deflate)

    def say(self, message: dict[str, Any]) -> None:
        """Send one message."""
        self._writer.write(frame_text(_encoder.encode(message)))


_ANSWERS: dict[str, Callable[[_Socket, dict[str, Any]], None]] = {
    "subscribe": _Socket._subscribe,  # noqa: SLF001 - its own
    "unsubscribe": _Socket._unsubscribe,  # noqa: SLF001
    "auth": _Socket._authenticate,  # noqa: SLF001
}


def _read(text: str) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise MalformedJSON(f"The message is not JSON: {error}.") from None
    if not isinstance(fields, dict):
        raise MalformedJSON("The message must be a JSON object.")
    return fields


def _check(fields: dict[str, Any]) -> None:
    limits.check(fields)
    kind = fields.get("type")
    known = isinstance(kind, str) and kind in _ANSWERS
    schema.check(f"client-{kind}" if known else "client-message", fields)
