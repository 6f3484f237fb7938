"""The content of an output file as entries of an output eventlog.

The index of an entry follows from the position of its last byte in the file, so a reader can resume
at any byte. The first entry (``file``) tells which file it is and, if it is not read, why.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec

from fluxapi.errors import InstanceUnavailable, OutputChanged
from fluxapi.instance.protocol import Last, OutputBatch
from fluxapi.model.eventlog import Event
from fluxapi.model.output import MAX_FILE_BYTES, file_base
from fluxapi.model.output_data import data_context, incomplete_tail
from fluxapi.model.output_files import OutputFile
from fluxapi.process.file_piece import MAX_PIECE_BYTES, Piece

from .file_reader import FileAccess, FileReader

__all__ = ["FileSource"]

_ENTRY_BYTES = 64 << 10
"""The most bytes of one entry."""

_PAUSES_S = {"local": (0.1, 1.0), "shared": (0.25, 2.0), "node": (1.0, 5.0)}
"""The shortest and the longest pause between two checks of a file that is followed."""

_MISSING_PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.5)
"""Pauses after which a missing file is checked again; a shared file system may show it late."""


class FileSource:
    """One file as a source of output; *number* counts the files of the job from 1."""

    def __init__(
        self,
        file: OutputFile,
        number: int,
        stream: str,
        access: FileAccess,
        is_active: Callable[[int], bool],
    ) -> None:
        self.file = file
        self.number = number
        self.base = file_base(number)
        self.stream = stream
        self._access = access
        self._is_active = is_active

    def unread(self, problem: str) -> FileSource:
        """Return a source that has only the path and *problem*, the reason why it is not read."""
        file = msgspec.structs.replace(self.file, problem=problem)
        return FileSource(file, self.number, self.stream, self._access, self._is_active)

    def reader(self) -> FileReader:
        """Return a new reader of the file."""
        return FileReader(self.file, self._access)

    async def output(
        self, jobid: int, *, follow: bool = False, first: int = 0, last: Last | None = None
    ) -> AsyncIterator[OutputBatch]:
        """Yield the content; see :class:`~fluxapi.instance.protocol.OutputSource`.

        Raises ``OutputChanged`` if the file was replaced or has become shorter, and
        ``InstanceUnavailable`` if it cannot be read for now.
        """
        reader = self.reader()
        position = max(first - self.base - 1, 0)
        piece = await self._begin(reader, jobid, follow=follow)
        if piece.problem:
            yield OutputBatch(self.base, [self._notice(reader, piece)])
            return
        end = piece.size
        if last is not None:
            position = await _tail_start(reader, last, end)
        # A window of the newest entries begins with its tail, and must not have a gap.
        if first <= self.base and (last is None or not follow or not position):
            yield OutputBatch(self.base, [self._notice(reader, piece)])
        by_line = last is not None and not follow
        is_caught_up = False
        shortest, longest = _PAUSES_S[reader.way]
        pause = shortest
        while True:
            ended = not (follow and self._is_active(jobid))
            length = reader.piece_bytes if follow else min(reader.piece_bytes, end - position)
            piece = await self._next(reader, position, length)
            more = position + len(piece.data) < (piece.size if follow else end)
            for data in _entries(piece.data, by_line=by_line, more=more):
                position += len(data)
                yield OutputBatch(self.base + position, [self._entry(piece, data)])
            if piece.data:
                pause = shortest
                continue
            if not follow:
                return
            if not is_caught_up:
                is_caught_up = True
                yield OutputBatch(self.base + 1 + position, [])
            if ended:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)

    async def _begin(self, reader: FileReader, jobid: int, *, follow: bool) -> Piece:
        """Check the file, and wait a little for one that does not exist yet."""
        if self.file.problem:
            return Piece("refused", self.file.problem)
        piece = await reader.piece(0, 0)
        for pause in _MISSING_PAUSES_S:
            if piece.kind != "missing" or not (follow and self._is_active(jobid)):
                break
            await asyncio.sleep(pause)
            piece = await reader.piece(0, 0)
        if piece.size > MAX_FILE_BYTES:
            return Piece("refused", f"It has more than {MAX_FILE_BYTES} bytes.")
        return piece

    async def _next(self, reader: FileReader, position: int, length: int) -> Piece:
        piece = await reader.piece(position, length)
        if piece.problem:
            words = f"The output file {self.file.path} can no longer be read. {piece.problem}"
            if piece.kind == "failed":
                raise InstanceUnavailable(words)
            raise OutputChanged(words)
        return piece

    def _notice(self, reader: FileReader, piece: Piece) -> Event:
        context: dict[str, Any] = {
            "stream": self.stream,
            "streams": list(self.file.streams),
            "rank": self.file.ranks,
            "path": self.file.path,
        }
        if self.file.host:
            context["host"] = self.file.host
        if piece.problem:
            context["unread"] = piece.problem
        else:
            context["read"] = reader.way
        return Event(self.file.timestamp, "file", context)

    def _entry(self, piece: Piece, data: bytes) -> Event:
        context = data_context(self.stream, self.file.ranks, data)
        return Event(piece.changed, "data", context)


def _entries(data: bytes, *, by_line: bool, more: bool) -> Iterator[bytes]:
    """Yield the data of the entries: whole lines and characters where possible.

    ``more``: the file continues, so an incomplete character is left to the next piece.
    """
    if more:
        data = data[: len(data) - incomplete_tail(data)] or data
    at = 0
    while at < len(data):
        limit = min(at + _ENTRY_BYTES, len(data))
        find = data.find if by_line else data.rfind
        end = find(b"\n", at, limit) + 1
        if not end:
            end = limit
            if limit < len(data):
                end -= incomplete_tail(data[limit - 4 : limit])
        yield data[at:end]
        at = end


async def _tail_start(reader: FileReader, last: Last, end: int) -> int:
    """Return the offset of the last ``count`` lines among the first *end* bytes of a file."""
    if last.count <= 0:
        return end
    low = max(end - last.size, 0)
    left, at = last.count, end
    while at > low:
        begin = max(at - MAX_PIECE_BYTES, low)
        piece = await reader.piece(begin, at - begin)
        if piece.problem:
            return at
        data = piece.data
        stop = len(data)
        if at == end and data.endswith(b"\n"):
            # This newline ends the last line.
            stop -= 1
        while left and stop > 0:
            found = data.rfind(b"\n", 0, stop)
            if found < 0:
                break
            left -= 1
            stop = found
            if not left:
                return begin + found + 1
        await asyncio.sleep(0)
        at = begin
    return low
