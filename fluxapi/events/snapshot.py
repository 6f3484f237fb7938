"""All rows of a selection, read in pieces while the table changes.

A snapshot begins at a sequence number of the buffer and walks from the newest job down. Each piece
holds its rows as they are when it is made. After all pieces and every row that changed since that
number, a client holds exactly the table: a row that was read before its change is sent again, and
one that was read after it is sent twice. Nothing is copied or locked.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from fluxapi.events.transport.wire import Wire
from fluxapi.process.timeslice import SLICE_S
from fluxapi.table.index import facets
from fluxapi.table.table import Table

from .filters import Selection

__all__ = ["Piece", "Snapshot"]

_MAX_SCANNED_JOBS = 1000
"""Jobs that are tested for one piece; a filter may match none of them."""

_MAX_CACHE_BYTES = 32 << 20
"""Bytes of pieces that the snapshot of all jobs keeps for the next client. Those that are
kept encoded, too, take up to three times as much."""

_MAX_CACHED_WIRES = 4
"""Wires for which a piece is kept encoded: a client chooses the label in them. Only one of them may
have a piece that is not compressed, which is large."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One snapshot message; ``after`` is where the next one starts, ``None`` for the last."""

    cursor: bytes
    body: bytes
    after: int | None
    _encoded: dict[Wire, bytes] = field(default_factory=dict)

    def data(self, wire: Wire) -> bytes:
        """Return the encoded piece, which is kept for further clients with the same wire."""
        data = self._encoded.get(wire)
        if data is None:
            data = wire.join([wire.frame("snapshot", self.cursor, self.body)])
            if len(self._encoded) < _MAX_CACHED_WIRES and (
                self._is_small(data) or all(map(self._is_small, self._encoded.values()))
            ):
                self._encoded[wire] = data
        return data

    def _is_small(self, data: bytes) -> bool:
        return len(data) < len(self.body) // 2


class Snapshot:
    """One walk of the table from ``start``, shared by all clients that join before much changes.

    ``cursor`` is the cursor of ``start``; a piece ends when it has ``size`` bytes.
    """

    def __init__(
        self, table: Table, selection: Selection, start: int, cursor: bytes, size: int
    ) -> None:
        self.start = start
        self._cursor = cursor
        self._table = table
        self._selection = selection
        self._size = size
        self._pieces: dict[int | None, Piece] = {}
        # The number of filters is unbounded, so only pieces of the whole table are kept.
        self._cache_room = _MAX_CACHE_BYTES if selection.takes_all else 0

    def piece(self, after: int | None) -> Piece:
        """Return the rows below ``after``, about ``size`` bytes of them."""
        piece = self._pieces.get(after)
        if piece is None:
            piece = self._make(after)
            if len(piece.body) <= self._cache_room:
                self._pieces[after] = piece
                self._cache_room -= len(piece.body)
        return piece

    def stop_caching(self) -> None:
        """Drop the kept pieces and keep no more, since few clients still walk this snapshot."""
        self._cache_room = 0
        self._pieces.clear()

    def _make(self, after: int | None) -> Piece:
        table, selection = self._table, self._selection
        rows: list[bytes] = []
        size = 0
        reached = None
        end = time.perf_counter() + SLICE_S
        for jobid in (ids := selection.below(table, after, _MAX_SCANNED_JOBS)):
            reached = jobid
            job = table.get(jobid)
            if job is None or not selection.takes(jobid, facets(job)):
                # The time of a test depends on text from untrusted users.
                if time.perf_counter() >= end:
                    break
                continue
            row = table.encode(jobid)
            rows.append(row)
            size += len(row)
            if size >= self._size:
                break
        is_last = len(ids) < _MAX_SCANNED_JOBS and (not ids or reached == ids[-1])
        body = b'"first":%b,"more":%b,"jobs":[%b]}' % (
            b"true" if after is None else b"false",
            b"false" if is_last else b"true",
            b",".join(rows),
        )
        return Piece(self._cursor if is_last else b"", body, None if is_last else reached)
