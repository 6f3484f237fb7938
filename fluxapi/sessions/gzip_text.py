"""A text that is kept compressed; its end is appended without compression.

A gzip stream (RFC 1952) may go on after a flush, so the end of a response, which changes with each
event, is appended as a stored block (RFC 1951, 3.2.4). Its size says nothing about the text.
"""

from __future__ import annotations

import struct
import zlib

__all__ = ["GzipText"]

_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LEVEL = 1
"""Level 1 reduces a page of jobs to about a tenth, at a gigabyte per second; level 6 takes three
times as long for a tenth less."""


class GzipText:
    """The beginning of a gzip stream."""

    __slots__ = ("_checksum", "_size", "_start")

    def __init__(self, text: bytes | memoryview) -> None:
        compressor = zlib.compressobj(_LEVEL, wbits=-zlib.MAX_WBITS)
        self._start = _HEAD + compressor.compress(text) + compressor.flush(zlib.Z_SYNC_FLUSH)
        self._checksum = zlib.crc32(text)
        self._size = len(text)

    def __len__(self) -> int:
        return len(self._start)

    def with_end(self, end: bytes) -> bytes:
        """Return the whole stream; *end* may have up to 65,535 bytes."""
        size = len(end)
        block = struct.pack("<BHH", 1, size, size ^ 0xFFFF) + end
        trailer = struct.pack("<II", zlib.crc32(end, self._checksum), self._size + size)
        return self._start + block + trailer
