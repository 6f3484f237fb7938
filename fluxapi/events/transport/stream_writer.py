"""One connection with flow control.

asyncio tells the protocol of a transport when to pause writing. A writer installs itself between
the transport and aiohttp's protocol to get these calls, too, and passes all of them on.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import cast

__all__ = ["StreamWriter"]

_OPTIONS = {
    # Bytes that the kernel accepts before it reports that it is full; more would only add delay.
    "TCP_NOTSENT_LOWAT": 128 << 10,
    # A peer that acknowledges nothing for 30 s is gone, even on an idle connection.
    "TCP_USER_TIMEOUT": 30_000,
    "TCP_KEEPIDLE": 15,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 3,
}

_CLOSE_TIMEOUT_S = 5.0
"""Time in which the last bytes may still be sent."""


def _nothing(_writer: StreamWriter) -> None:
    pass


def _discard(_data: bytes) -> None:
    pass


class StreamWriter(asyncio.Protocol):
    """A connected transport, wrapped until :meth:`release`.

    Only the rest of one write is buffered: while ``paused``, do not write. The event loop calls the
    callbacks with the writer; ``on_pause`` is called within the write that did not fit. ``client``
    is the name of the reader, as limits know it.
    """

    __slots__ = (
        "_inner",
        "_transport",
        "_waiters",
        "client",
        "lost",
        "on_lost",
        "on_pause",
        "on_resume",
        "paused",
        "write",
    )

    def __init__(self, transport: asyncio.Transport, client: str = "") -> None:
        self.client = client
        self._inner = cast("asyncio.Protocol", transport.get_protocol())
        self._transport = transport
        self.write: Callable[[bytes], None] = transport.write
        """Send now, or buffer the rest; has no effect when the peer is gone."""
        self.on_pause: Callable[[StreamWriter], None] = _nothing
        self.on_resume: Callable[[StreamWriter], None] = _nothing
        self.on_lost: Callable[[StreamWriter], None] = _nothing
        self.paused = False
        self.lost = transport.is_closing()
        self._waiters: list[asyncio.Future[None]] = []
        transport.set_protocol(self)
        # A transport with TLS pauses at the limit, one without above it.
        is_encrypted = transport.get_extra_info("sslcontext") is not None
        transport.set_write_buffer_limits(high=1 if is_encrypted else 0)
        _tune(transport)

    @property
    def unsent(self) -> int:
        """Return the bytes in memory that the kernel has not accepted."""
        return self._transport.get_write_buffer_size()

    async def drained(self) -> None:
        """Return when the socket has drained, or when the transport was released.

        Raises ``ConnectionResetError`` when the peer is gone.
        """
        while self.paused and not self.lost and self._transport.get_protocol() is self:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        if self.lost:
            raise ConnectionResetError("The connection was lost.")

    def release(self) -> None:
        """Give the transport back to aiohttp."""
        self.on_pause = self.on_resume = self.on_lost = _nothing
        if self._transport.get_protocol() is self:
            self._transport.set_protocol(self._inner)
            self._transport.set_write_buffer_limits()
        # This object gets no more calls from the transport, so no task may wait for one.
        self._wake()

    def close(self) -> None:
        """End the connection, after the buffered bytes if they can be sent soon."""
        self._shut()
        self._transport.close()
        asyncio.get_running_loop().call_later(_CLOSE_TIMEOUT_S, self._transport.abort)

    def abort(self) -> None:
        """End the connection at once."""
        self._shut()
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle the loss of the connection."""
        self.lost = True
        self._shut()
        self._wake()
        self._inner.connection_lost(exc)
        self.on_lost(self)

    def pause_writing(self) -> None:
        """Handle a full socket."""
        self.paused = True
        self._inner.pause_writing()
        self.on_pause(self)

    def resume_writing(self) -> None:
        """Handle that everything has been sent."""
        self.paused = self.write is _discard
        self._wake()
        self._inner.resume_writing()
        if not self.paused:
            self.on_resume(self)

    def data_received(self, data: bytes) -> None:
        """Pass data on to aiohttp."""
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass the end of the input on to aiohttp."""
        return self._inner.eof_received()

    def _shut(self) -> None:
        """Accept no more data, for good."""
        self.write = _discard
        if not self.paused:
            self.paused = True
            self.on_pause(self)

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()


def _tune(transport: asyncio.Transport) -> None:
    """Limit the kernel's buffers and set keepalive, on systems that have the options."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    with contextlib.suppress(OSError, NotImplementedError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OPTIONS.items():
        option = getattr(socket, name, None)
        if option is not None:
            with contextlib.suppress(OSError, NotImplementedError):
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
