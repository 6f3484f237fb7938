"""The limit of the head of a request: of all of its headers together, and of its path.

aiohttp limits each header and their number, so a head could have a megabyte, which anybody may send
without an end on each connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

__all__ = ["MAX_HEAD_BYTES", "MAX_SEGMENTS", "HeadLimit"]

MAX_HEAD_BYTES = 64 << 10
"""Bytes of a head; a browser sends about one kilobyte, and all cookies of a site are about ten."""

MAX_SEGMENTS = 128
"""Segments of a path; the router looks at each of them, and at all that precede it."""

_PIECE_BYTES = 16 << 10
"""Bytes that are parsed at once while a head is expected.

The error of aiohttp for bytes that are not HTTP repeats them, which takes milliseconds for those of
one read (256 KiB).
"""


class HeadLimit:
    """The bytes of heads that have arrived on one connection since the last whole head or data.

    Trailers, and the extensions of the size of a chunk, count like headers.

    It counts what arrives in pieces: a piece is at most as long as the buffer of the socket.
    """

    __slots__ = ("_bytes", "is_unreadable")

    def __init__(self) -> None:
        self._bytes = 0
        self.is_unreadable = False
        """Something on the connection was not HTTP."""

    def pieces(self, data: bytes, awaits_head: Callable[[], bool]) -> Iterable[bytes]:
        """Return *data* in pieces to parse, up to what is not HTTP."""
        if len(data) > _PIECE_BYTES:
            return self._cut(data, awaits_head)
        return () if self.is_unreadable else (data,)

    def _cut(self, data: bytes, awaits_head: Callable[[], bool]) -> Iterator[bytes]:
        # aiohttp would parse all that comes until the answer to the first error is sent.
        while not self.is_unreadable:
            size = _PIECE_BYTES if awaits_head() else len(data)
            yield data[:size]
            data = data[size:]
            if not data:
                break

    def add(self, size: int) -> None:
        """Count a piece that did not complete a head."""
        self._bytes += size

    def reset(self) -> None:
        """Begin to count the next head."""
        self._bytes = 0

    def is_exceeded(self) -> bool:
        """Return whether the head is too long."""
        return self._bytes > MAX_HEAD_BYTES
