"""A job's output eventlog (RFC 24): one entry a line, a bounded tail of it in memory."""

from __future__ import annotations

import asyncio
import base64
import time
from pathlib import Path
from typing import Any

from fluxapi.model.eventlog import Event, encode_event

__all__ = [
    "ERROR_LEVEL",
    "INLINE",
    "OutputLog",
    "TextCutter",
    "data_context",
    "header_context",
    "incomplete_tail",
]

ERROR_LEVEL = 3
"""Level of a ``log`` entry that tells of an error, as in syslog."""

INLINE = 1024
"""Bytes of a whole log that stay in memory (and in the database) instead of a file."""

_UTF8_LEADS = ((0xC0, 0xE0, 2), (0xE0, 0xF0, 3), (0xF0, 0xF8, 4))
_UTF8_MAX = 4


def incomplete_tail(data: bytes) -> int:
    """How many bytes at the end of ``data`` begin a UTF-8 character that is not complete."""
    for back in range(1, min(_UTF8_MAX, len(data) + 1)):
        byte = data[-back]
        if byte < 0x80:  # noqa: PLR2004 - ASCII
            return 0
        for low, high, length in _UTF8_LEADS:
            if low <= byte < high:
                return back if back < length else 0
    return 0


class TextCutter:
    """Cuts a stream of bytes between characters, whatever the borders of its chunks."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> bytes:
        """``data`` after what was kept, without the character that it ends in the middle of."""
        whole = self._kept + data
        cut = len(whole) - incomplete_tail(whole)
        self._kept = whole[cut:]
        return whole[:cut]

    def rest(self) -> bytes:
        """What was kept at the end of the stream."""
        kept, self._kept = self._kept, b""
        return kept


def header_context(ntasks: int) -> dict[str, Any]:
    """The context of the log's first entry."""
    return {
        "version": 1,
        "encoding": {"stdout": "UTF-8", "stderr": "UTF-8"},
        "count": {"stdout": ntasks, "stderr": ntasks},
        "options": {},
    }


def data_context(stream: str, rank: int, data: bytes) -> dict[str, Any]:
    """The context of a ``data`` entry; base64 when the bytes are not UTF-8."""
    context: dict[str, Any] = {"stream": stream, "rank": str(rank)}
    try:
        context["data"] = data.decode()
    except UnicodeDecodeError:
        context["encoding"] = "base64"
        context["data"] = base64.b64encode(data).decode()
    return context


class OutputLog:
    """What a job wrote: ``size`` bytes of log, of which ``flushed`` are in the file at ``path``.

    Bytes that are not in the file are in memory; of the others, at most ``keep`` are.
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
        self._waiters: list[asyncio.Future[None]] | None = None

    @classmethod
    def stored(cls, path: Path, inline: bytes | None, size: int) -> OutputLog:
        """The log of a job that ended before this process began."""
        log = cls(path, 0)
        log.ended = True
        if inline is None:
            log.flushed = log._start = size
        else:
            log._tail += inline
        return log

    def recover(self) -> None:
        """Learn from the file how much there is of a log that was being written; blocks."""
        if self.path.exists():
            self._tail.clear()
            self.flushed = self._start = self.path.stat().st_size

    @property
    def size(self) -> int:
        """Bytes of the whole log."""
        return self._start + len(self._tail)

    @property
    def inline(self) -> bytes | None:
        """The whole log when it is small enough to need no file."""
        return bytes(self._tail) if self.size <= INLINE and not self.flushed else None

    def write(self, name: str, context: dict[str, Any]) -> None:
        """Append an entry; dropped, with a word, when the file could not be written before."""
        if self.failure is not None and self.unflushed > self.keep:
            if self._dropped:
                return
            self._dropped = True
            message = f"output is lost from here on: {self.failure}"
            name, context = "log", {"rank": 0, "level": ERROR_LEVEL, "message": message}
        self._tail += encode_event(Event(time.time(), name, context)) + b"\n"
        self._wake()

    def end(self) -> None:
        """Nothing follows."""
        self.ended = True
        self.put(0)
        self._wake()

    @property
    def unflushed(self) -> int:
        """Bytes that are in memory only."""
        return self.size - self.flushed

    def take(self) -> bytes:
        """The bytes to append to the file next."""
        return bytes(self._tail[self.flushed - self._start :])

    def put(self, count: int) -> None:
        """``count`` more bytes are in the file."""
        self.flushed += count
        keep = 0 if self.ended else self.keep
        surplus = min(len(self._tail) - keep, self.flushed - self._start)
        if surplus > 0:
            # Readers need whole entries, so the tail begins with one.
            surplus = self._tail.find(b"\n", surplus - 1) + 1
            if 0 < surplus <= self.flushed - self._start:
                del self._tail[:surplus]
                self._start += surplus

    def peek(self, offset: int, limit: int) -> bytes | None:
        """Up to ``limit`` bytes from ``offset`` if they are in memory, else ``None``."""
        if offset < self._start:
            return None
        return bytes(self._tail[offset - self._start : offset - self._start + limit])

    async def grown(self, offset: int) -> None:
        """Return when there is something after ``offset``, or the end."""
        while self.size <= offset and not self.ended:
            if self._waiters is None:
                self._waiters = []
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def _wake(self) -> None:
        if self._waiters is not None:
            waiters, self._waiters = self._waiters, None
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
