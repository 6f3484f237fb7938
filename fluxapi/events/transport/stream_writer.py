"""One connection that is written to, and whether its reader keeps up.

asyncio tells a transport's protocol when writing should pause. An writer puts itself between the
transport and aiohttp's protocol to hear it too, and passes everything on.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import cast

__all__ = ["StreamWriter"]

_OPTIONS = {
    # Bytes that the kernel takes before it says that it is full: more would only grow old there.
    "TCP_NOTSENT_LOWAT": 128 << 10,
    # A peer that acknowledges nothing for 30 s is gone, whether we have something to say or not.
    "TCP_USER_TIMEOUT": 30_000,
    "TCP_KEEPIDLE": 15,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 3,
}

_LINGER = 5.0
"""Seconds that the last words may take to leave."""


def _nothing() -> None:
    pass


def _discard(_data: bytes) -> None:
    pass


class StreamWriter(asyncio.Protocol):
    """Wraps a connected transport until :meth:`release`.

    Nothing is buffered beyond what one write could not send: while ``paused``, do not write. The
    callbacks come from the event loop; ``on_pause`` comes
    within the write that did not fit.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._inner = cast("asyncio.Protocol", transport.get_protocol())
        self._transport = transport
        self.write: Callable[[bytes], None] = transport.write
        """Send now, or keep what does not fit; nothing happens when the reader is gone."""
        self.on_pause: Callable[[], None] = _nothing
        self.on_resume: Callable[[], None] = _nothing
        self.on_lost: Callable[[], None] = _nothing
        self.paused = False
        self.lost = transport.is_closing()
        self._waiters: list[asyncio.Future[None]] = []
        transport.set_protocol(self)
        transport.set_write_buffer_limits(high=0)
        _tune(transport)

    @property
    def unsent(self) -> int:
        """Bytes in memory that the kernel has not taken."""
        return self._transport.get_write_buffer_size()

    async def drained(self) -> None:
        """Return when there is room, or when the transport was given back.

        Raises ``ConnectionResetError`` when the reader is gone.
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
        # What becomes of the transport is no longer told here, so nobody may wait for it.
        self._wake()

    def close(self) -> None:
        """Let what was written leave if it does so soon, and end the connection."""
        self._shut()
        self._transport.close()
        asyncio.get_running_loop().call_later(_LINGER, self._transport.abort)

    def abort(self) -> None:
        """End the connection at once."""
        self._shut()
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The reader went away."""
        self.lost = True
        self._shut()
        self._wake()
        self._inner.connection_lost(exc)
        self.on_lost()

    def pause_writing(self) -> None:
        """Not everything could be sent."""
        self.paused = True
        self._inner.pause_writing()
        self.on_pause()

    def resume_writing(self) -> None:
        """Everything has been sent."""
        self.paused = self.write is _discard
        self._wake()
        self._inner.resume_writing()
        if not self.paused:
            self.on_resume()

    def data_received(self, data: bytes) -> None:
        """For aiohttp."""
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """For aiohttp."""
        return self._inner.eof_received()

    def _shut(self) -> None:
        """There is no room any more, and never will be."""
        self.write = _discard
        if not self.paused:
            self.paused = True
            self.on_pause()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()


def _tune(transport: asyncio.Transport) -> None:
    """Bound what the kernel holds, where it can be told; none of it is needed to work."""
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
