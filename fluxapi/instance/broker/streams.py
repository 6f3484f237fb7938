"""The streams of outputs of one instance, whose backlogs are bounded together.

Flux cannot pause a stream, so what its reader has not taken waits here. Hundreds of readers may
take nothing, since their clients read nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from .calls import Stream
from .rpc import RpcThread

__all__ = ["Streams"]

_MAX_BYTES = 32 << 20
"""Bytes that wait in all streams, beyond which those of idle readers give way."""


class Streams:
    """The streams that readers of outputs have open, and restart if they have overflowed.

    Beyond *limit* bytes, all that waits in the stream whose reader has taken nothing for the
    longest time is dropped, and this stream ends as overflowed. Its reader then starts it again
    after what it has read. A stream whose reader waits for it loses nothing.
    """

    def __init__(self, rpc: RpcThread, limit: int = _MAX_BYTES) -> None:
        self._rpc = rpc
        self._limit = limit
        self._waiting: dict[Stream, int] = {}
        self._used = 0

    @contextmanager
    def open(self, stream: Stream) -> Iterator[None]:
        """Keep a stream open while the context lasts."""
        self._waiting[stream] = 0
        stream.on_waiting = partial(self._count, stream)
        self._rpc.stream(stream)
        try:
            yield
        finally:
            self._end(stream)

    def _count(self, stream: Stream, change: int) -> None:
        if stream not in self._waiting:
            return
        if change < 0:
            # Those that have been idle for the longest time are the first.
            self._waiting[stream] = self._waiting.pop(stream)
        self._waiting[stream] += change
        self._used += change
        while self._used > self._limit:
            idle = next((it for it, size in self._waiting.items() if size and not it.awaited), None)
            if idle is None:
                break
            idle.drop()
            self._end(idle)

    def _end(self, stream: Stream) -> None:
        self._used -= self._waiting.pop(stream, 0)
        self._rpc.cancel(stream)
