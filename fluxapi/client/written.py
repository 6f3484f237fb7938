"""What jobs write (RFC 24)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from .record import Record

__all__ = ["Output", "OutputEntry", "entry_of", "last_lines", "output_of"]

_MAX_REPEATED = 1 << 20
"""Bytes that one entry may stand for."""


class OutputEntry(Record, frozen=True):
    """One entry of a job's output: what a task wrote at once.

    ``data`` is text; bytes that are not UTF-8 are replacement characters there and as they were in
    ``raw``. ``name`` is ``data``, or says what else it is: ``redirect`` (``path`` is the file that
    the stream goes to) or ``log`` (a message of the job shell, in ``context``).
    """

    stream: str
    """stdout or stderr."""
    rank: str
    """Task ranks (RFC 22)."""
    data: str
    timestamp: float = 0.0
    index: int | None = None
    """Position in the output eventlog."""
    name: str = "data"
    path: str | None = None
    raw: bytes = b""
    eof: bool = False
    """Whether nothing more comes of this stream and rank."""
    context: Mapping[str, Any] = msgspec.field(default_factory=dict)


class Output(Record, frozen=True):
    """What a job has written so far."""

    stdout: str
    stderr: str
    entries: Sequence[OutputEntry]
    """In the order in which it came."""
    searched: int = 0
    """Bytes of the end in which the last lines were searched for, where that was not enough."""

    def __repr__(self) -> str:
        return f"<Output stdout={len(self.stdout)} stderr={len(self.stderr)} characters>"


def output_of(entries: Sequence[OutputEntry], searched: int = 0) -> Output:
    """Return the whole of some entries."""

    def joined(stream: str) -> str:
        return b"".join(e.raw for e in entries if e.stream == stream).decode("utf-8", "replace")

    return Output(joined("stdout"), joined("stderr"), tuple(entries), searched)


def entry_of(
    context: Mapping[str, Any], name: str, timestamp: float, index: int | None
) -> OutputEntry:
    """An entry from what the service says of it."""
    raw = _bytes(context)
    return OutputEntry(
        stream=str(context.get("stream", "stderr" if name == "log" else "")),
        rank=str(context.get("rank", "")),
        data=raw.decode("utf-8", "replace"),
        timestamp=timestamp,
        index=index,
        name=name,
        path=context.get("path"),
        raw=raw,
        eof=bool(context.get("eof")),
        context=context,
    )


def _bytes(context: Mapping[str, Any]) -> bytes:
    text = context.get("data")
    if not isinstance(text, str):
        return b""
    data = text.encode("utf-8", "replace")
    if context.get("encoding") == "base64":
        try:
            data = base64.b64decode(text)
        except (binascii.Error, ValueError):
            return data
    repeat = context.get("repeat", 1)
    if isinstance(repeat, int) and 0 < repeat * len(data) <= _MAX_REPEATED:
        return data * repeat
    return data


def last_lines(entries: Sequence[OutputEntry], count: int) -> tuple[list[OutputEntry], bool]:
    """The entries with the last ``count`` lines, and whether that many are there for sure."""
    kept: list[OutputEntry] = []
    missing, last = count, True
    for entry in reversed(entries):
        raw, tail = entry.raw, b""
        if last and raw:
            # The newline at the very end ends the last line; it does not begin another.
            last = False
            raw, tail = (raw[:-1], b"\n") if raw.endswith(b"\n") else (raw, b"")
        found = raw.count(b"\n")
        if found < missing or not entry.raw:
            missing -= found
            kept.append(entry)
            continue
        if missing:
            rest = b"\n".join(raw.split(b"\n")[-missing:]) + tail
            text = rest.decode("utf-8", "replace")
            kept.append(msgspec.structs.replace(entry, raw=rest, data=text))
        return kept[::-1], True
    return kept[::-1], False
