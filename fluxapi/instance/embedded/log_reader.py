"""Reads the output eventlog of a job, from any entry on or backward from its end.

The index of an entry combines the number of the block of the log in which it begins and its place
in that block, so it does not depend on earlier blocks.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable

from fluxapi.model.eventlog import Event
from fluxapi.model.output import WEIGHT_BYTES, Last, OutputBatch, decode_entry, is_of, runs_from_end
from fluxapi.process.timeslice import TimeSlice

from .output import OutputLog

__all__ = ["BLOCK_BYTES", "LogReader"]

_BLOCK_SHIFT = 20
BLOCK_BYTES = 1 << _BLOCK_SHIFT
"""Bytes of a block, and thus the limit of entries per block: places fit into the lower bits."""

_PIECE_BYTES = 1 << 18
"""Bytes per read; every entry that this instance writes is shorter."""

_DECODED_BYTES = 16 << 10
"""Bytes that are decoded at once, unless one entry has more. A reader keeps the entries, which may
take several times as much, until its client has received them.
"""

_MORE_BYTES = 1 << 10
"""Bytes by which an entry may be longer than the one before and still be read at once."""


class LogReader:
    """One reader of a log; *load* reads its file: the offset, and the limit of bytes.

    A job may have changed its file: if an entry has no end, the log ends there for the reader.
    """

    def __init__(
        self, log: OutputLog, load: Callable[[OutputLog, int, int], Awaitable[bytes]]
    ) -> None:
        self._log = log
        self._load = load
        self._first = 0
        self._block = 0
        self._place = 0
        self._turn = TimeSlice()
        self._read_bytes = _DECODED_BYTES
        self.offset = 0
        """Bytes of the log before the next entry."""

    @property
    def next(self) -> int:
        """The lowest possible index of the next entry."""
        return (self._block << _BLOCK_SHIFT) + self._place

    async def begin(self, first: int) -> None:
        """Find the block with the index *first*, and skip earlier entries."""
        self._first = first
        block = min(first, self._log.size) >> _BLOCK_SHIFT
        block = min(block, first >> _BLOCK_SHIFT)
        self._move(block, await self._boundary(block))

    async def piece(self) -> OutputBatch | None:
        """Return the next entries, or ``None`` if there are none."""
        while True:
            data = await self._data(self.offset, self._read_bytes)
            if b"\n" not in data:
                data = await self._data(self.offset, _PIECE_BYTES)
                data = data[: data.find(b"\n") + 1]
            block = self.offset >> _BLOCK_SHIFT
            if block != self._block:
                self._move(block, self.offset)
            end = data.rfind(b"\n") + 1
            border = ((block + 1) << _BLOCK_SHIFT) - self.offset
            if end > border:
                end = data.find(b"\n", border - 1) + 1
            if not end:
                return None
            lines = _lines(data[:end])
            self._read_bytes = max(data.find(b"\n") + _MORE_BYTES, _DECODED_BYTES)
            index = self.next
            self.offset += end
            self._place += len(lines)
            wanted = lines[max(self._first - index, 0) :]
            if wanted:
                batch = OutputBatch(index + len(lines) - len(wanted), [])
                for line in wanted:
                    await self._turn.share()
                    batch.events.append(decode_entry(line))
                return batch

    async def tail(self, last: Last) -> AsyncGenerator[OutputBatch, None]:
        """Yield the tail of the log, which is read backward; :meth:`piece` continues after it.

        A batch without entries follows each block, with the number of bytes searched so far.
        """
        end = self._log.size
        block = (end >> _BLOCK_SHIFT) + 1
        self._move(block - 1, end)
        needle = b"" if last.stream is None else b'"stream":"%b"' % last.stream.encode()
        runs: list[OutputBatch] = []
        left, room, searched = last.count, last.size, 0
        # Always read the last block, which determines the index of the next entry.
        while block > self._block or (block and left > 0 and room > 0 and searched < last.search):
            block -= 1
            begin = await self._boundary(block)
            data = await self._data(begin, end - begin)
            data = data[: data.rfind(b"\n") + 1]
            lines = _lines(data)
            if block == self._block:
                self.offset, self._place = begin + len(data), len(lines)
            found: list[tuple[int, Event]] = []
            turn = TimeSlice()
            for place in range(len(lines) - 1, -1, -1):
                if left <= 0:
                    break
                await turn.share()
                line = lines[place]
                if needle and _is_of_others(line, needle):
                    continue
                event = decode_entry(line)
                if event.name == "data" and not is_of(event, last.stream):
                    continue
                room -= len(line) + WEIGHT_BYTES
                if room <= 0 and (runs or found):
                    break
                found.append((place, event))
                left -= last.weight(event)
            searched += max(end - begin, 0)
            end = min(begin, end)
            yield OutputBatch(block << _BLOCK_SHIFT, [], searched)
            runs += runs_from_end(block << _BLOCK_SHIFT, found)
        for run in reversed(runs):
            yield run
        cut = bool(block) and left > 0 and room > 0
        yield OutputBatch(self.next, [], searched, cut=cut)

    def _move(self, block: int, offset: int) -> None:
        self._block = block
        self._place = 0
        self.offset = offset

    async def _boundary(self, block: int) -> int:
        """Return the offset of the first entry that begins in *block* or later."""
        if block == 0:
            return 0
        before = (block << _BLOCK_SHIFT) - 1
        found = (await self._data(before, _PIECE_BYTES)).find(b"\n")
        return self._log.size if found < 0 else before + found + 1

    async def _data(self, begin: int, size: int) -> bytes:
        """Return the available bytes from an offset on."""
        parts: list[bytes] = []
        while size > 0:
            part = self._log.peek(begin, min(size, _PIECE_BYTES))
            if part is None:
                part = await self._load(self._log, begin, min(size, _PIECE_BYTES))
            if not part:
                break
            parts.append(part)
            begin += len(part)
            size -= len(part)
        return b"".join(parts)


def _lines(data: bytes) -> list[bytes]:
    return [line for line in data.split(b"\n") if line]


def _is_of_others(line: bytes, needle: bytes) -> bool:
    """Return whether an entry of this instance contains data of a stream other than *needle*."""
    return b'"name":"data"' in line and b'"stream":"' in line and needle not in line
