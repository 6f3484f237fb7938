"""The check that each frame of a WebSocket client is masked (RFC 6455, 5.1), and of their number.

aiohttp takes unmasked frames, too. A proxy that does not understand WebSockets may take their bytes
for a request of its own. It also takes any number of frames that do not end their message. Such
frames may be empty, so that neither the size nor the number of messages limits them.
"""

from __future__ import annotations

from typing import Protocol

from fluxapi.events.transport.message_limit import MessageLimit

__all__ = ["MaskedFrames"]

_MASK_BYTES = 4
_LENGTH_16_BIT, _LENGTH_64_BIT = 126, 127
"""Values of the length after which two or eight bytes hold the length (RFC 6455, 5.2)."""

_IS_LAST = 0x80
"""The bit of a frame that ends its message."""

_PARTS = 2000, 200.0
"""Frames that do not end their message: as many as a client may send at once, and per second.

A browser sends no message of this channel in more than one frame.
"""

_INVALID = b"\xff\xff"
"""A head with reserved bits, for which the parser of aiohttp closes the socket with 1002."""


class _Parser(Protocol):
    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Parse data; return whether the connection ends, and the data that is left."""

    def feed_eof(self) -> None:
        """Note that no more data comes."""


class MaskedFrames:
    """Passes the frames of a client on to *parser*, and an invalid one for one that is not allowed.

    Those are frames without a mask, and too many that do not end their message.
    """

    __slots__ = ("_head", "_is_over", "_left", "_parser", "_parts")

    def __init__(self, parser: _Parser) -> None:
        self._parser = parser
        self._head = b""
        """The beginning of a head whose rest has not arrived."""
        self._left = 0
        """Bytes of the present frame that have not arrived."""
        self._parts: MessageLimit | None = None
        """The limit of frames that do not end their message, from the first one on."""
        self._is_over = False

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Parse data; return whether the connection ends, and the data that is left."""
        if self._is_over:
            return True, b""
        if self._head:
            data, self._head = self._head + data, b""
        end, is_allowed = self._whole_until(data)
        if not is_allowed:
            self._is_over = True
            data = data[:end] + _INVALID
        elif end < len(data):
            data, self._head = data[:end], data[end:]
        return self._parser.feed_data(data)

    def feed_eof(self) -> None:
        """Note that no more data comes."""
        self._parser.feed_eof()

    def _whole_until(self, data: bytes) -> tuple[int, bool]:
        """Return the position of the first head that is not whole, and if it may be allowed."""
        at, left, size = 0, self._left, len(data)
        self._left = 0
        while True:
            at += left
            if at >= size:
                self._left = at - size
                return size, True
            left = 0
            if size - at < 2:  # noqa: PLR2004 - the least bytes of a head
                break
            length = data[at + 1] - 0x80
            if length < 0:
                return at, False
            more = 2 if length == _LENGTH_16_BIT else 8 if length == _LENGTH_64_BIT else 0
            if size - at < 2 + more:
                break
            if more:
                length = int.from_bytes(data[at + 2 : at + 2 + more], "big")
            if data[at] < _IS_LAST and not self._may_have_parts():
                return at, False
            left = 2 + more + _MASK_BYTES + length
        return at, True

    def _may_have_parts(self) -> bool:
        if self._parts is None:
            self._parts = MessageLimit(*_PARTS)
        return self._parts.take()
