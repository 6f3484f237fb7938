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
"""Bytes that wait in all streams, beyond which the stream with the most gives way."""


class Streams:
    """The streams that readers of outputs have open, and restart if they have overflowed.

    Beyond *limit* bytes, all that waits in the stream with the most is dropped, and this stream
    ends as overflowed. Its reader then starts it again after what it has read.
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
        self._waiting[stream] += change
        self._used += change
        while self._used > self._limit:
            largest = max(self._waiting, key=self._waiting.__getitem__)
            largest.drop()
            self._end(largest)

    def _end(self, stream: Stream) -> None:
        self._used -= self._waiting.pop(stream, 0)
        self._rpc.cancel(stream)
