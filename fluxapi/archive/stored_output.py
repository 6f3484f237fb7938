"""The output of a job as the history stores it: whole, or its head and tail."""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from enum import IntEnum
from typing import TypeAlias

import msgspec

from fluxapi.model.eventlog import Event
from fluxapi.model.output import Gap, OutputBatch, decode_entry
from fluxapi.model.output_lines import LineReader
from fluxapi.model.shallow import BAD_JSON

__all__ = ["Omitted", "OutputState", "Run", "StoredOutput", "pack_output", "unpack_output"]

_WARNING = 4
"""LOG_WARNING of syslog(3), as the job shell uses it (RFC 24)."""

_LEVEL = 6
_WINDOW_BITS = -15
_MAX_BYTES = 1 << 30
_PIECE_BYTES = 32 << 10
"""Bytes of entries that are decoded at once."""

_DICTIONARY = (
    b'{"timestamp":17,"name":"log","context":{"rank":0,"level":3,"file":"","line":0,"component":"'
    b'","message":"\n{"timestamp":17,"name":"redirect","context":{"stream":"stderr","rank":"0-3",'
    b'"path":"/home/"}}\n,"encoding":"base64","data":"'
    b'{"timestamp":17,"name":"header","context":{"version":1,"encoding":{"stdout":"UTF-8",'
    b'"stderr":"UTF-8"},"count":{"stdout":1,"stderr":1},"options":{}}}\n'
    b'{"timestamp":17,"name":"data","context":{"stream":"stderr","rank":"0","eof":true}}\n'
    b'{"timestamp":17,"name":"data","context":{"stream":"stdout","rank":"0","eof":true}}\n'
    b'{"timestamp":17,"name":"data","context":{"stream":"stdout","rank":"0","data":"\\n"}}\n'
)
"""Text that most outputs contain; a stored output cannot be read with another dictionary."""


class OutputState(IntEnum):
    """The state of the output of a job in the history."""

    UNREAD = 0
    """It was not read from Flux yet."""
    NONE = 1
    """The job has written nothing."""
    STORED = 2
    """It is stored as a whole."""
    CUT = 3
    """Its head and tail are stored."""
    DROPPED = 4
    """It was stored, and dropped for the output of later jobs."""
    MISSED = 5
    """Flux had purged it before it was read, or it could not be read."""


Run: TypeAlias = tuple[int, bytes]
"""Consecutive entries, one per line, and the index of the first."""


class Omitted(msgspec.Struct, frozen=True):
    """The part of an output that is left out.

    Attributes:
        bytes: Its size.
        is_least: It may be larger, since not all was read.
        after: The number of the last line before it.
        lines: Lines that it has; ``None``: unknown, and the lines after it are numbered as if it
            were one line.
    """

    bytes: int
    is_least: bool
    after: int
    lines: int | None


class StoredOutput(msgspec.Struct, array_like=True, gc=False):
    """The entries of an output that are kept.

    Attributes:
        head, tail: The runs of entries before and after those that are left out.
        omitted: Bytes of output that are left out in between.
        is_least: There are more than ``omitted``, since not all was read.
        lines: Lines of the whole output that end before the tail; ``None``: unknown.
    """

    head: list[Run]
    tail: list[Run] = []
    omitted: int = 0
    is_least: bool = False
    lines: int | None = None

    @property
    def is_cut(self) -> bool:
        """Return whether some of the output is left out."""
        return self.omitted > 0

    @property
    def size(self) -> int:
        """Return the bytes of the entries."""
        return sum(len(text) for _, text in (*self.head, *self.tail))

    def batches(self) -> Iterator[OutputBatch]:
        """Yield the entries; an entry ``log`` (RFC 24) stands in place of those left out."""
        copy = StoredOutput([*self.head], [*self.tail], self.omitted, self.is_least, self.lines)
        return (batch for batch, _ in copy.drain())

    def drain(self) -> Iterator[tuple[OutputBatch, int]]:
        """Yield the entries in pieces, each with its size; it is not kept any longer."""
        place = 0
        while self.head:
            place = yield from _pieces(*self.head.pop(0))
        if self.is_cut:
            yield OutputBatch(place, [self._notice()], gap=Gap(self.lines)), 0
        while self.tail:
            yield from _pieces(*self.tail.pop(0))

    def describe_omitted(self) -> Omitted | None:
        """Return what is left out, ``None`` if the output is whole; reads all of the head."""
        if not self.is_cut:
            return None
        reader = LineReader()
        for batch in StoredOutput([*self.head]).batches():
            for index, event in enumerate(batch, batch.first):
                for _ in reader.take(index, event, None):
                    pass
        after = reader.count + reader.open_lines
        lines = None if self.lines is None or self.lines <= after else self.lines - after
        return Omitted(self.omitted, self.is_least, after, lines)

    def _notice(self) -> Event:
        least = "at least " if self.is_least else ""
        message = f"The history has left out {least}{self.omitted:,} bytes of the output here."
        context = {"rank": 0, "level": _WARNING, "component": "fluxapi", "message": message}
        return Event(0.0, "log", context)


def _pieces(first: int, text: bytes) -> Generator[tuple[OutputBatch, int], None, int]:
    """Yield the entries of a run in pieces, each with its size; return the index after them.

    A run may have a megabyte, whose entries take several times as much, and a reader may be slow.
    """
    while text:
        end = text.find(b"\n", _PIECE_BYTES) + 1 or len(text)
        piece, text = text[:end], text[end:]
        batch = OutputBatch(first, [decode_entry(line) for line in piece.splitlines()])
        first = batch.next
        yield batch, len(piece)
    return first


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(StoredOutput)


def pack_output(output: StoredOutput) -> bytes:
    """Compress an output. A large one takes tens of milliseconds."""
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_BITS, zdict=_DICTIONARY)
    return deflate.compress(_encoder.encode(output)) + deflate.flush()


def unpack_output(data: bytes) -> StoredOutput:
    """Decompress an output.

    Raises:
        ValueError: The data is damaged.
    """
    inflate = zlib.decompressobj(_WINDOW_BITS, _DICTIONARY)
    try:
        plain = inflate.decompress(data, _MAX_BYTES)
        if not inflate.eof:
            raise ValueError("it is too long or cut")
        return _decoder.decode(plain)
    except (TypeError, zlib.error, *BAD_JSON) as error:
        # SQLite keeps any value in a column of blobs.
        raise ValueError(str(error)) from None
