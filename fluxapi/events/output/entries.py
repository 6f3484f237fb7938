"""Entries of a job's output eventlog (RFC 24) as messages, each encoded once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from fluxapi.model.eventlog import Event

__all__ = ["PIECE", "Entry", "encode_entry", "pieces"]

PIECE = 64 << 10
"""Bytes after which a piece is full."""

_RESERVED = frozenset({"type", "sub", "cursor", "index", "timestamp", "name"})
"""What the context of an entry cannot give: these members are ours."""

_encoder = msgspec.json.Encoder()


class Entry(msgspec.Struct, gc=False):
    """One entry. ``index`` is that in the eventlog, ``stream`` empty where it has none.

    ``body`` is the JSON object without its opening brace; empty for what is not sent.
    """

    index: int
    stream: str
    has_data: bool
    body: bytes

    def is_of(self, stream: str | None) -> bool:
        """Whether one who wants ``stream`` (``None``: any) is to have it."""
        return stream is None or self.stream in {"", stream}


def encode_entry(index: int, event: Event) -> Entry:
    """``index``, ``timestamp`` and the context; with a ``name`` where that is not ``data``."""
    context = event.context or {}
    members: dict[str, Any] = {"index": index, "timestamp": event.timestamp}
    if event.name == "header":
        return Entry(index, "", has_data=False, body=b"")
    if event.name != "data":
        members["name"] = event.name
    members |= {key: value for key, value in context.items() if key not in _RESERVED}
    body = _encoder.encode(members)[1:]
    has_data = event.name == "data" and bool(context.get("data"))
    return Entry(index, str(context.get("stream", "")), has_data, body)


def pieces(first: int, events: Iterable[Event]) -> Iterator[list[Entry]]:
    """Entries from index ``first`` on, in lists that are full or the last."""
    piece: list[Entry] = []
    size = 0
    for index, event in enumerate(events, first):
        entry = encode_entry(index, event)
        piece.append(entry)
        size += len(entry.body)
        if size >= PIECE:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece
