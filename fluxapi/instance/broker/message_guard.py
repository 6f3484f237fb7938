"""Checks the sizes of messages on a connection to a broker, before anybody allocates memory.

On a Unix socket, each message follows a head of eight bytes: a mark in the byte order of the
machine, and the size of the message (flux-core, src/common/librouter/sendfd.c). libflux allocates
whatever size a head states.
"""

from __future__ import annotations

import struct

__all__ = ["MAX_MESSAGE_BYTES", "MessageGuard"]

MAX_MESSAGE_BYTES = 32 << 20
"""Limit of one message of a child; Flux itself accepts jobs of up to 10 MB."""

_MARK = struct.pack("=I", 0xFFEE0012)
_HEAD_BYTES = 8


class MessageGuard:
    """A check of one direction of a connection."""

    def __init__(self, limit: int = MAX_MESSAGE_BYTES) -> None:
        self._limit = limit
        self._head = b""
        self._left = 0
        """Bytes of the current message that are still to come."""

    def check(self, data: bytes) -> None:
        """Check the next bytes; raise ``ValueError`` for a message that is invalid or too large."""
        at = 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
                continue
            step = _HEAD_BYTES - len(self._head)
            self._head += data[at : at + step]
            at += step
            if len(self._head) == _HEAD_BYTES:
                self._left = self._size()
                self._head = b""

    def _size(self) -> int:
        if not self._head.startswith(_MARK):
            raise ValueError("it sent something that is not a message of Flux")
        size = int.from_bytes(self._head[len(_MARK) :], "big")
        if size > self._limit:
            raise ValueError(f"it sent a message of more than {self._limit >> 20} MiB")
        return size
