"""The limit of tiny chunks in a body.

To parse a chunk costs about a microsecond, whatever its size. A body with one byte per chunk would
hold the event loop as long as a body of a thousand times its size, also if it is refused for its
credentials and only read to its end.
"""

from __future__ import annotations

from aiohttp import StreamReader

__all__ = ["READ_BUFFER_BYTES", "ChunkLimit"]

READ_BUFFER_BYTES = 1 << 14
"""Bytes of a body that are parsed ahead of the handler; aiohttp takes a sixteenth of it as the
number of chunks, 1,024, which take a millisecond."""

_TINY_BYTES = 1 << 12
"""Bytes in a full buffer below which its chunks have less than 8 bytes each."""

_MAX_TINY_BUFFERS = 2
"""Buffers full of such chunks that a body may have: about 2,000 chunks."""


class ChunkLimit:
    """Counts how often tiny chunks have filled the buffer of one body.

    Attributes:
        body: The body.
    """

    def __init__(self, body: StreamReader) -> None:
        self.body = body
        self._bytes = 0
        self._tiny = 0

    @property
    def has_arrived(self) -> bool:
        """Return whether all of the body has arrived, so that the next bytes are a head."""
        return self.body.is_eof()

    def is_exceeded(self) -> bool:
        """Return whether the body has too many tiny chunks; call this when its buffer is full."""
        if self.body.is_eof():
            return False
        total = self.body.total_bytes
        self._tiny += total - self._bytes < _TINY_BYTES
        self._bytes = total
        return self._tiny > _MAX_TINY_BUFFERS
