"""The check that each frame of a WebSocket client is masked (RFC 6455, 5.1).

aiohttp takes unmasked frames, too. A proxy that does not understand WebSockets may take their bytes
for a request of its own.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["MaskedFrames"]

_MASK_BYTES = 4
_LENGTH_16_BIT, _LENGTH_64_BIT = 126, 127
"""Values of the length after which two or eight bytes hold the length (RFC 6455, 5.2)."""

_INVALID = b"\xff\xff"
"""A head with reserved bits, for which the parser of aiohttp closes the socket with 1002."""


class _Parser(Protocol):
    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Parse data; return whether the connection ends, and the data that is left."""

    def feed_eof(self) -> None:
        """Note that no more data comes."""


class MaskedFrames:
    """Passes the frames of a client on to *parser*, and an invalid one for one without a mask."""

    __slots__ = ("_head", "_is_over", "_left", "_parser")

    def __init__(self, parser: _Parser) -> None:
        self._parser = parser
        self._head = b""
        """The beginning of a head whose rest has not arrived."""
        self._left = 0
        """Bytes of the present frame that have not arrived."""
        self._is_over = False

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Parse data; return whether the connection ends, and the data that is left."""
        if self._is_over:
            return True, b""
        if self._head:
            data, self._head = self._head + data, b""
        end, is_masked = self._whole_until(data)
        if not is_masked:
            self._is_over = True
            data = data[:end] + _INVALID
        elif end < len(data):
            data, self._head = data[:end], data[end:]
        return self._parser.feed_data(data)

    def feed_eof(self) -> None:
        """Note that no more data comes."""
        self._parser.feed_eof()

    def _whole_until(self, data: bytes) -> tuple[int, bool]:
        """Return the position of the first head that is not whole, and if it may be masked."""
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
            left = 2 + more + _MASK_BYTES + length
        return at, True
