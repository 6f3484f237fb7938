"""The output of jobs (RFC 24)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from fluxapi.model.output import written

from .record import Record

__all__ = [
    "OmittedOutput",
    "Output",
    "OutputEntry",
    "OutputLine",
    "by_source",
    "entry_of",
    "last_lines",
    "output_of",
    "tail_size",
]

MAX_TAIL_ENTRIES = 10_000
"""Entries in the longest tail."""

_EXTRA_ENTRIES = 64
"""Entries requested in addition to the lines wanted, since some entries hold none."""


class OutputEntry(Record, frozen=True):
    """One entry of a job's output, which a task wrote at once.

    ``data`` is text, with replacement characters for bytes that are not UTF-8; ``raw`` holds the
    exact bytes. ``name`` is ``data``, ``redirect`` (``path`` is the file that the stream is
    written to), ``file`` (``path`` is a file whose content follows, or ``context["unread"]`` says
    why not) or ``log`` (a message of the job shell, in ``context``).
    """

    stream: str
    """stdout or stderr."""
    rank: str
    """Task ranks (RFC 22)."""
    data: str
    timestamp: float = 0.0
    index: int | None = None
    """Position in the output eventlog, or in a file."""
    name: str = "data"
    path: str | None = None
    raw: bytes = b""
    eof: bool = False
    """``True`` at the end of this stream of this rank."""
    context: Mapping[str, Any] = msgspec.field(default_factory=dict)


class OutputLine(Record, frozen=True):
    """A line of a job's output.

    ``text[start:end]`` is the first match in the line, if it was found by a search: then ``text``
    is the part around it, without escape sequences.
    """

    line: int
    """Number of the line in its source, from 1."""
    text: str
    stream: str
    """stdout or stderr."""
    rank: str
    """Task ranks (RFC 22)."""
    timestamp: float
    index: int
    """Index of the entry in which the line ends, as in :class:`OutputEntry`."""
    source: int = 0
    """0: the output eventlog; else the number of the file that receives output, from 1."""
    start: int = 0
    end: int = 0
    offset: int = 0
    """Characters of the line before ``text``."""
    left_out: int = 0
    """Bytes that the line has after its first 16 KiB."""
    open: bool = False
    """``True`` if the line has no end yet; its number may change."""


class OmittedOutput(Record, frozen=True):
    """The part of the output of a past job that the history has left out."""

    bytes: int
    """Its size."""
    at_least: bool
    """``True`` if more may be left out, since the history has not read all of the output."""
    after: int
    """Number of the last line before it."""
    lines: int | None = None
    """Its lines. ``None`` is not known: then the lines after it have lower numbers than in the
    whole output."""


class Output(Record, frozen=True):
    """The output of a job so far."""

    stdout: str
    stderr: str
    entries: Sequence[OutputEntry]
    """In the order of the output eventlog."""
    searched: int = 0
    """Number of bytes searched for the last lines, if that was not enough; else 0."""

    def __repr__(self) -> str:
        return f"<Output stdout={len(self.stdout)} stderr={len(self.stderr)} characters>"


def output_of(entries: Sequence[OutputEntry], searched: int = 0) -> Output:
    """Join entries to an output."""

    def joined(stream: str) -> str:
        return b"".join(e.raw for e in entries if e.stream == stream).decode("utf-8", "replace")

    return Output(joined("stdout"), joined("stderr"), tuple(entries), searched)


def entry_of(
    context: Mapping[str, Any], name: str, timestamp: float, index: int | None
) -> OutputEntry:
    """Create an entry from the fields that the service sends."""
    raw = written(context)
    # A job can write anything into its output.
    path = context.get("path")
    return OutputEntry(
        stream=str(context.get("stream", "stderr" if name == "log" else "")),
        rank=str(context.get("rank", "")),
        data=raw.decode("utf-8", "replace"),
        timestamp=timestamp,
        index=index,
        name=name,
        path=path if isinstance(path, str) else None,
        raw=raw,
        eof=bool(context.get("eof")),
        context=context,
    )


def tail_size(lines: int) -> int:
    """Return the number of entries to request for a tail of this many lines."""
    return min(lines + _EXTRA_ENTRIES, MAX_TAIL_ENTRIES)


def by_source(entries: Sequence[OutputEntry]) -> list[list[OutputEntry]]:
    """Return the entries of each source: the output eventlog, and each file."""
    sources: list[list[OutputEntry]] = [[]]
    for entry in entries:
        if entry.name == "file":
            sources.append([])
        sources[-1].append(entry)
    return sources


def last_lines(entries: Sequence[OutputEntry], count: int) -> tuple[list[OutputEntry], bool]:
    """Return the entries with the last ``count`` lines, and whether they hold that many."""
    kept: list[OutputEntry] = []
    missing, last = count, True
    for entry in reversed(entries):
        raw, tail = entry.raw, b""
        if last and raw:
            # A newline at the end ends the last line; it does not start another.
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
