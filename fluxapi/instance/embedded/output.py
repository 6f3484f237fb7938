"""A job's output eventlog (RFC 24): one entry per line, with a bounded tail in memory."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from fluxapi.model.eventlog import Event, encode_event
from fluxapi.model.output_data import incomplete_tail

__all__ = [
    "ERROR_LEVEL",
    "MAX_INLINE_BYTES",
    "OutputLog",
    "TextCutter",
    "header_context",
]

ERROR_LEVEL = 3
"""Level of a ``log`` entry for an error, as in syslog."""

MAX_INLINE_BYTES = 1024
"""A log up to this size stays in memory (and in the database) instead of a file."""


class TextCutter:
    """Cuts a stream of bytes between characters, whatever the borders of its chunks."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> bytes:
        """Return the kept bytes and *data*, and keep an incomplete character at the end."""
        whole = self._kept + data
        cut = len(whole) - incomplete_tail(whole)
        self._kept = whole[cut:]
        return whole[:cut]

    def rest(self) -> bytes:
        """Return the kept bytes at the end of the stream."""
        kept, self._kept = self._kept, b""
        return kept


def header_context(ntasks: int) -> dict[str, Any]:
    """Return the context of the log's first entry."""
    return {
        "version": 1,
        "encoding": {"stdout": "UTF-8", "stderr": "UTF-8"},
        "count": {"stdout": ntasks, "stderr": ntasks},
        "options": {},
    }


class OutputLog:
    """The output log of a job: ``size`` bytes, of which ``flushed`` are in the file at ``path``.

    Bytes that are not in the file are in memory, and at most ``keep`` of the others.
    ``failure`` says why the file could not be written.
    """

    __slots__ = (
        "_dropped",
        "_start",
        "_tail",
        "_waiters",
        "ended",
        "failure",
        "flushed",
        "keep",
        "path",
    )

    def __init__(self, path: Path, keep: int) -> None:
        self.path = path
        self.flushed = 0
        self.ended = False
        self.failure: str | None = None
        self._dropped = False
        self.keep = keep
        self._start = 0
        self._tail = bytearray()
        self._waiters: dict[asyncio.Future[None], None] | None = None

    @classmethod
    def stored(cls, path: Path, inline: bytes | None, size: int) -> OutputLog:
        """Return the log of a job that ended before this process started."""
        log = cls(path, 0)
        log.ended = True
        if inline is None:
            log.flushed = log._start = size
        else:
            log._tail += inline
        return log

    def recover(self) -> None:
        """Read the size of an incomplete log from its file; this blocks."""
        if self.path.exists():
            self._tail.clear()
            self.flushed = self._start = self.path.stat().st_size

    @property
    def size(self) -> int:
        """Size of the whole log in bytes."""
        return self._start + len(self._tail)

    @property
    def inline(self) -> bytes | None:
        """The whole log if it is too small for a file."""
        return bytes(self._tail) if self.size <= MAX_INLINE_BYTES and not self.flushed else None

    def write(self, name: str, context: dict[str, Any]) -> None:
        """Append an entry; after a write error, drop it and log the error once."""
        if self.failure is not None and self.unflushed > self.keep:
            if self._dropped:
                return
            self._dropped = True
            message = f"output is lost from here on: {self.failure}"
            name, context = "log", {"rank": 0, "level": ERROR_LEVEL, "message": message}
        self._tail += encode_event(Event(time.time(), name, context)) + b"\n"
        self._wake()

    def end(self) -> None:
        """End the log."""
        self.ended = True
        self.put(0)
        self._wake()

    @property
    def unflushed(self) -> int:
        """The number of bytes that are in memory only."""
        return self.size - self.flushed

    def take(self) -> bytes:
        """Return the next bytes to append to the file."""
        return bytes(self._tail[self.flushed - self._start :])

    def put(self, count: int) -> None:
        """Record that *count* more bytes are in the file."""
        self.flushed += count
        keep = 0 if self.ended else self.keep
        surplus = min(len(self._tail) - keep, self.flushed - self._start)
        if surplus > 0:
            # Readers need whole entries, so the tail begins with a whole one.
            surplus = self._tail.find(b"\n", surplus - 1) + 1
            if 0 < surplus <= self.flushed - self._start:
                del self._tail[:surplus]
                self._start += surplus

    def peek(self, offset: int, limit: int) -> bytes | None:
        """Return up to *limit* bytes from *offset* if they are in memory, else ``None``."""
        if offset < self._start:
            return None
        return bytes(self._tail[offset - self._start : offset - self._start + limit])

    async def grown(self, offset: int) -> None:
        """Wait until there is data after *offset*, or the log has ended."""
        while self.size <= offset and not self.ended:
            waiter = asyncio.get_running_loop().create_future()
            if self._waiters is None:
                self._waiters = {}
            self._waiters[waiter] = None
            try:
                await waiter
            finally:
                self._forget(waiter)

    def _forget(self, waiter: asyncio.Future[None]) -> None:
        """Drop a reader that waits no more, since the log of a job that waits may never grow."""
        if self._waiters is not None:
            self._waiters.pop(waiter, None)
            if not self._waiters:
                self._waiters = None

    def _wake(self) -> None:
        if self._waiters is not None:
            waiters, self._waiters = self._waiters, None
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
