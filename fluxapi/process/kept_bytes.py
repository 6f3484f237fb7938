"""Memory that is kept until its readers have received it: bounded, and shared by the clients.

Clients may read slowly, or nothing at all.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from typing import Protocol

__all__ = ["Kept", "KeptBytes", "Reader"]

_LOOK_INTERVAL_S = 1.0

_MIN_PROGRESS_BYTES = 32 << 10
"""Bytes that a reader must receive between two looks while there are too many: so many for each
multiple of the limit that is used, since thousands may read a little.
"""


class Reader(Protocol):
    """A client that receives what is kept."""

    @property
    def client(self) -> str:
        """Return its name, as limits know it."""

    @property
    def unsent_bytes(self) -> int:
        """Return the bytes that the system has not accepted."""

    def drop(self) -> None:
        """Free the memory, though the client has not received all of it."""


class Kept:
    """A piece of memory that waits for its readers.

    Attributes:
        size: Its bytes.
        readers: The readers, with the bytes that each had not received at the last look.
    """

    __slots__ = ("readers", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.readers: dict[Reader, int | None] = {}

    def is_stuck(self, least: int) -> bool:
        """Look at all readers; return whether none has received *least* bytes since then."""
        is_stuck = True
        for reader, before in self.readers.items():
            left = self.readers[reader] = reader.unsent_bytes
            if before is None or before - left >= least:
                is_stuck = False
        return is_stuck


class KeptBytes:
    """All that is kept for readers, of at most *limit* bytes.

    Beyond the limit, readers who receive almost nothing give way: those of the client with the
    most bytes first, and of each client the oldest first.

    Attributes:
        used: The bytes of all that is kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: dict[Kept, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self.used = 0

    def add(self, kept: Kept, reader: Reader) -> None:
        """Keep something for one more reader."""
        if kept not in self._kept:
            self._kept[kept] = None
            self.used += kept.size
            self._check()
        kept.readers[reader] = None

    def leave(self, kept: Kept, reader: Reader) -> None:
        """Keep something for a reader no more; calling this again has no effect."""
        kept.readers.pop(reader, None)
        if not kept.readers:
            self._forget(kept)

    def shrink(self, kept: Kept, size: int) -> None:
        """Note that something has fewer bytes now."""
        if kept in self._kept:
            self.used -= kept.size - size
        kept.size = size

    def _forget(self, kept: Kept) -> None:
        if kept in self._kept:
            del self._kept[kept]
            self.used -= kept.size

    def _check(self) -> None:
        if self.used > self._limit and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_LOOK_INTERVAL_S, self._look)

    def _look(self) -> None:
        """Drop the readers of what does not move on, until the rest fits."""
        self._timer = None
        try:
            self._make_room()
        finally:
            self._check()

    def _make_room(self) -> None:
        least = _MIN_PROGRESS_BYTES * (self.used // self._limit)
        for kept in _in_turn(list(self._kept), [it for it in self._kept if it.is_stuck(least)]):
            if self.used <= self._limit:
                break
            # It is freed soon, so it does not count from now on.
            self._forget(kept)
            for reader in list(kept.readers):
                reader.drop()


def _in_turn(all_kept: Sequence[Kept], stuck: Sequence[Kept]) -> Iterator[Kept]:
    """Yield what is stuck: the oldest of the client that has the most without what was yielded.

    A piece that several clients read counts for each, and belongs to the one with the least. So no
    client ends the response to another by reading the same.
    """
    held: Counter[str] = Counter()
    for kept in all_kept:
        for client in _clients(kept):
            held[client] += kept.size
    queues: defaultdict[str, deque[Kept]] = defaultdict(deque)
    for kept in stuck:
        queues[min(_clients(kept), key=held.__getitem__)].append(kept)
    # Of clients with the same, the one whose oldest is the oldest comes first.
    heap = [(-held[client], place, client) for place, client in enumerate(queues)]
    heapify(heap)
    while heap:
        size, place, client = heappop(heap)
        if -size == held[client]:
            kept = queues[client].popleft()
            for one in _clients(kept):
                held[one] -= kept.size
            yield kept
        if queues[client]:
            heappush(heap, (-held[client], place, client))


def _clients(kept: Kept) -> set[str]:
    return {reader.client for reader in kept.readers}
