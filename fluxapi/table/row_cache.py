"""The encoded records of the jobs that were read last."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["RowCache"]

_MAX_ROWS = 10_000
"""Rows of one generation, at about 700 bytes each; there are two."""

_MAX_BYTES = 16 << 20
"""Bytes of one generation: a row with annotations and a note may have twenty kilobytes."""


class RowCache:
    """Encoded rows by job ID, in two generations, so that a read changes nothing but a miss.

    A new row goes to the younger generation. When that is full, it becomes the older one, whose
    rows are dropped unless they were read meanwhile.
    """

    def __init__(self, limit: int = _MAX_ROWS, max_bytes: int = _MAX_BYTES) -> None:
        self._limit = limit
        self._max_bytes = max_bytes
        self._bytes = 0
        self._young: dict[int, bytes] = {}
        self._old: dict[int, bytes] = {}

    def get(self, jobid: int) -> bytes | None:
        """Return the row of a job, or ``None``."""
        row = self._young.get(jobid)
        if row is None:
            row = self._old.get(jobid)
            if row is not None:
                self.put(jobid, row)
        return row

    def get_all(self, jobids: Iterable[int]) -> list[bytes | None]:
        """Return the row of each job, or ``None`` for those that :meth:`get` may still find."""
        return list(map(self._young.get, jobids))

    def put(self, jobid: int, row: bytes) -> None:
        """Keep a row."""
        if len(self._young) >= self._limit or self._bytes >= self._max_bytes:
            self._old, self._young = self._young, {}
            self._bytes = 0
        self._bytes += len(row) - len(self._young.get(jobid, b""))
        self._young[jobid] = row

    def drop(self, jobid: int) -> None:
        """Forget the row of a job, which has changed or is gone."""
        self._bytes -= len(self._young.pop(jobid, b""))
        self._old.pop(jobid, None)
