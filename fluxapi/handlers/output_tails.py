"""The last lines of an output: kept until it is complete, and then until they are sent."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable

from fluxapi.events.output.tails import TailReader
from fluxapi.model.output import OutputBatch
from fluxapi.process.timeslice import TimeSlice

__all__ = ["last_lines"]

_MAX_BYTES = 8 << 20
"""Size of a tail; its oldest lines are dropped first."""

_LINE_BYTES = 64
"""Approximate memory of a line, besides its data."""

_PIECE_BYTES, _PIECE_LINES = 64 << 10, 256
"""The lines that are given at once: so many, or so many bytes."""


async def last_lines(
    source: AsyncIterable[OutputBatch],
    reader: TailReader,
    parts: Callable[[OutputBatch], Iterable[list[bytes]]],
    count: int,
    end: Callable[[], list[bytes]] = list,
    *,
    keeps_notice: bool = False,
) -> AsyncIterator[list[bytes]]:
    """Yield the last lines of the output eventlog and of each file, once each of them is complete.

    Args:
        source: The entries.
        reader: The client that receives the lines.
        parts: Returns the lines of some entries, step by step.
        count: The number of lines.
        end: Returns the lines without an end.
        keeps_notice: The entry that describes a file is a line that does not count.
    """
    turn = TimeSlice()
    batches = aiter(source)
    is_last = False
    while not is_last:
        kept = _Last(count)
        async with reader.turn():
            is_last = True
            async for batch in batches:
                # Each file has a tail of its own, after the entry that describes it.
                is_last = not any(event.name == "file" for event in batch)
                for found in parts(batch):
                    await turn.share()
                    kept.add(found, is_all=keeps_notice and not is_last)
                if not is_last:
                    break
            else:
                kept.add(end())
        with reader.sending(kept.size) as sent:
            while piece := kept.take():
                await turn.share()
                yield piece
                sent(sum(map(_size, piece)))


class _Last:
    """The last *count* lines of those that are added.

    Attributes:
        size: Their bytes in memory.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._lines: deque[bytes] = deque()
        self._bytes = 0

    @property
    def size(self) -> int:
        return self._bytes + len(self._lines) * _LINE_BYTES

    def add(self, lines: list[bytes], *, is_all: bool = False) -> None:
        """Add lines; *is_all*: none is dropped for them."""
        kept = self._lines
        kept.extend(lines)
        self._bytes += sum(map(len, lines))
        while not is_all and (
            len(kept) > self._count or (self._bytes > _MAX_BYTES and len(kept) > 1)
        ):
            self._bytes -= len(kept.popleft())

    def take(self) -> list[bytes]:
        """Take the next lines; return none at the end."""
        taken: list[bytes] = []
        size = 0
        while self._lines and len(taken) < _PIECE_LINES and size < _PIECE_BYTES:
            taken.append(self._lines.popleft())
            size += len(taken[-1])
        return taken


def _size(line: bytes) -> int:
    return len(line) + _LINE_BYTES
