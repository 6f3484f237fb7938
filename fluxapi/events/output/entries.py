"""Entries of a job's output eventlog (RFC 24) as messages, each encoded once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from fluxapi.model.eventlog import Event
from fluxapi.model.output import source_of, written
from fluxapi.model.output_data import data_context

__all__ = ["PIECE_BYTES", "Entry", "encode_entry", "file_bytes", "pieces", "since"]

PIECE_BYTES = 64 << 10
"""Size at which a piece is full."""

_RESERVED_MEMBERS = frozenset({"type", "sub", "cursor", "index", "timestamp", "name"})
"""Members that the context of an entry cannot set, since the message has its own."""

_encoder = msgspec.json.Encoder()


class Entry(msgspec.Struct, gc=False):
    """One entry: its ``index`` in the eventlog, and its ``stream`` (empty if it has none).

    ``body`` is the JSON object without its opening brace, or empty for an entry that is not sent.
    """

    index: int
    stream: str
    has_data: bool
    body: bytes

    def is_of(self, stream: str | None) -> bool:
        """Return whether a viewer of ``stream`` (``None``: any) gets this entry."""
        return stream is None or self.stream in {"", stream}


def encode_entry(index: int, event: Event) -> Entry:
    """Encode ``index``, ``timestamp`` and the context; with ``name`` unless that is ``data``."""
    context = event.context or {}
    members: dict[str, Any] = {"index": index, "timestamp": event.timestamp}
    if event.name == "header":
        return Entry(index, "", has_data=False, body=b"")
    if event.name != "data":
        members["name"] = event.name
    members |= {key: value for key, value in context.items() if key not in _RESERVED_MEMBERS}
    body = _encoder.encode(members)[1:]
    has_data = event.name == "data" and bool(context.get("data"))
    return Entry(index, str(context.get("stream", "")), has_data, body)


def pieces(first: int, events: Iterable[Event]) -> Iterator[list[Entry]]:
    """Yield the entries from index ``first`` on, in lists that are full, except for the last."""
    piece: list[Entry] = []
    size = 0
    for index, event in enumerate(events, first):
        entry = encode_entry(index, event)
        piece.append(entry)
        size += len(entry.body)
        if size >= PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def file_bytes(event: Event) -> int:
    """Return how many bytes of a file an entry holds, which its index counts."""
    return len(written(event.context or {})) if event.name == "data" else 0


def since(entry: Entry, position: int) -> Entry:
    """Return the part of an entry that a reader at *position* lacks.

    The index of an entry of a file is that of its last byte, so one that covers more than the rest
    from *position* on is cut. Entries of the output eventlog are returned whole.
    """
    if not (entry.has_data and source_of(entry.index)):
        return entry
    members = msgspec.json.decode(b"{" + entry.body, type=dict[str, Any])
    data = written(members)
    wanted = entry.index - position + 1
    if len(data) <= wanted:
        return entry
    members.pop("encoding", None)
    kept = {key: value for key, value in members.items() if key not in {"stream", "rank", "data"}}
    cut = data_context(entry.stream, str(members.get("rank", "")), data[len(data) - wanted :])
    return Entry(entry.index, entry.stream, has_data=True, body=_encoder.encode(kept | cut)[1:])
