"""All rows of a selection, walked piece by piece while the table goes on changing.

A snapshot begins at a number of the buffer and walks from the newest job down; each piece holds its
rows as they are when it is made. Who has had all pieces and then every row that changed since that
number holds exactly the table: a row that was walked too late is sent again, one that was walked
too early is sent anew, and nothing had to be copied or held still.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fluxapi.events.transport.wire import Wire
from fluxapi.table.index import facets
from fluxapi.table.table import Table

from .filters import Selection

__all__ = ["Piece", "Snapshot"]

_LOOKED_AT = 1000
"""Jobs looked at for one piece: a filter may let nothing through."""

_KEPT = 32 << 20
"""Bytes of pieces that are kept for those who come right after, of the walk of all jobs."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One snapshot message; ``after`` is where the next one goes on, if any."""

    cursor: bytes
    body: bytes
    after: int | None
    _small: dict[Wire, bytes] = field(default_factory=dict)

    def data(self, wire: Wire) -> bytes:
        """The piece as it is written; kept where a wire compresses, which takes its time."""
        data = self._small.get(wire)
        if data is None:
            data = wire.join([wire.frame("snapshot", self.cursor, self.body)])
            if len(data) < len(self.body) // 2:
                self._small[wire] = data
        return data


class Snapshot:
    """One walk, shared by all who begin before much has changed; ``start`` is its number.

    ``cursor`` is that of the number; ``size`` is from how many bytes on a piece is large enough.
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
        # There are any number of filters, so the pieces of those are not kept.
        self._room = _KEPT if selection.takes_all else 0

    def piece(self, after: int | None) -> Piece:
        """The rows below ``after``, at most about ``size`` bytes of them."""
        piece = self._pieces.get(after)
        if piece is None:
            piece = self._make(after)
            if len(piece.body) <= self._room:
                self._pieces[after] = piece
                self._room -= len(piece.body)
        return piece

    def keep_nothing(self) -> None:
        """Few are left who walk it: from now on each piece is made for who asks."""
        self._room = 0
        self._pieces.clear()

    def _make(self, after: int | None) -> Piece:
        table, selection = self._table, self._selection
        rows: list[bytes] = []
        size = 0
        reached = None
        for jobid in (ids := selection.below(table, after, _LOOKED_AT)):
            reached = jobid
            job = table.get(jobid)
            if job is None or not selection.takes(jobid, facets(job)):
                continue
            row = table.encode(jobid)
            rows.append(row)
            size += len(row)
            if size >= self._size:
                break
        is_last = len(ids) < _LOOKED_AT and (not ids or reached == ids[-1])
        body = b'"first":%b,"more":%b,"jobs":[%b]}' % (
            b"true" if after is None else b"false",
            b"false" if is_last else b"true",
            b",".join(rows),
        )
        return Piece(self._cursor if is_last else b"", body, None if is_last else reached)
