"""The tails of outputs, whose content is known only at the end of the output and kept until then.

A tail can have megabytes, and hundreds of clients may request one and read slowly or not at all.
Few are made at the same time, and those that are complete share a limit until their readers have
them. The same limit holds for the pieces of whole outputs that wait for their readers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager
from typing import Literal, get_args

from fluxapi.model.output import OutputBatch, memory_of
from fluxapi.process.kept_bytes import Kept, KeptBytes
from fluxapi.process.timeslice import TimeSlice

from .scan_turns import ScanTurns

__all__ = ["Kind", "TailReader", "Tails"]

Kind = Literal["present", "past", "task"]

_MAX_BYTES = 64 << 20
"""Bytes of all tails that are complete, beyond which slow readers give way."""

_PIECE_BYTES = 64 << 10
"""Bytes of entries that are counted as sent together."""

_MAX_READ, _MAX_OF_CLIENT = 4, 2
"""Tails of each kind that are made at the same time, and those of one client among them."""


class Tails:
    """The tails that are made or sent for the clients of one instance."""

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._kept = KeptBytes(max_bytes)
        # The history answers while Flux does not; and for the tail of a task, all of an output is
        # read, which may take minutes.
        self._turns = {kind: ScanTurns(_MAX_READ, _MAX_OF_CLIENT) for kind in get_args(Kind)}

    def reader(
        self,
        client: str = "",
        drop: Callable[[], None] = lambda: None,
        buffered: Callable[[], int] = lambda: 0,
        *,
        kind: Kind = "present",
    ) -> TailReader:
        """Return a reader of tails, one after the other.

        Args:
            client: Its name, as limits know it.
            drop: Ends the response, so that the memory is free.
            buffered: Returns the bytes that were written and that the system has not accepted.
            kind: ``past`` if the history has the output, ``task`` for a tail of one task. Tails of
                different kinds do not wait for each other.
        """
        return TailReader(self._kept, self._turns[kind], client, drop, buffered)


class TailReader:
    """One client that reads tails.

    Attributes:
        client: Its name, as limits know it.
        drop: Ends the response.
    """

    def __init__(
        self,
        kept: KeptBytes,
        turns: ScanTurns,
        client: str,
        drop: Callable[[], None],
        buffered: Callable[[], int],
    ) -> None:
        self.client = client
        self.drop = drop
        self._kept = kept
        self._turns = turns
        self._buffered = buffered
        self._left = 0

    @property
    def unsent_bytes(self) -> int:
        """Return the bytes of the tail that the system has not accepted."""
        return self._left + self._buffered()

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Hold the turn to make a tail while the context lasts."""
        return self._turns.hold(self.client, self.drop)

    @contextmanager
    def sending(self, size: int) -> Iterator[Callable[[int], None]]:
        """Count a complete tail while the context lasts; yield a function for the bytes sent."""
        kept = Kept(size)
        self._left = size

        def sent(part: int) -> None:
            self._left -= part
            self._kept.shrink(kept, self._left)

        self._kept.add(kept, self)
        try:
            yield sent
        finally:
            self._kept.leave(kept, self)

    async def counted(
        self, reading: AsyncIterator[OutputBatch]
    ) -> AsyncGenerator[OutputBatch, None]:
        """Yield the entries of a whole output; each batch counts until the next one is taken."""
        async with aclosing(reading) as batches:  # type: ignore[type-var]
            async for batch in batches:
                with self.sending(sum(map(memory_of, batch))):
                    yield batch

    async def read(
        self, reading: AsyncIterator[OutputBatch], tell: Callable[[OutputBatch], None]
    ) -> AsyncGenerator[OutputBatch, None]:
        """Yield the entries of a tail once it is complete; *tell* gets the progress until then.

        Batches have a limited size, unlike those that are read.
        """
        kept: deque[tuple[int, OutputBatch]] = deque()
        turn = TimeSlice()
        async with self.turn(), aclosing(reading) as batches:  # type: ignore[type-var]
            async for batch in batches:
                if batch.searched and not batch.cut:
                    tell(batch)
                for piece in _pieces(batch):
                    await turn.share()
                    kept.append(piece)
        with self.sending(sum(size for size, _ in kept)) as sent:
            while kept:
                size, batch = kept.popleft()
                yield batch
                sent(size)


def _pieces(batch: OutputBatch) -> Iterator[tuple[int, OutputBatch]]:
    """Yield a batch in parts of limited size, each with its size in memory."""
    at = size = 0
    for place, event in enumerate(batch.events, 1):
        size += memory_of(event)
        if size >= _PIECE_BYTES and place < len(batch):
            yield size, OutputBatch(batch.first + at, batch.events[at:place])
            at, size = place, 0
    yield size, OutputBatch(batch.first + at, batch.events[at:], batch.searched, cut=batch.cut)
