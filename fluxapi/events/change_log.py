"""The order of the last changes of rows, for replay to a client that has missed some.

However long a client was away, it gets each row once, in its latest state. The log holds (sequence
number, job ID) in segments. A row that changes again leaves a stale entry behind. Segments are
swept in turn, so the length of the log stays within a small multiple of the number of its rows.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator

__all__ = ["ChangeLog"]

_SEGMENT_ENTRIES = 2048
_SWEEPS_PER_SEGMENT = 2
"""Segments that are swept when one is full."""


class _Segment:
    __slots__ = ("ids", "seqs")

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.ids: list[int] = []


class ChangeLog:
    """The changes and removals of rows since ``floor``; at most ``max_gone`` removals."""

    def __init__(self, *, max_gone: int = 100_000) -> None:
        self.floor = 0
        self.moved: set[int] = set()
        """Jobs whose lasting facets changed: filters on those may have matched them before."""
        self._last: dict[int, int] = {}
        self._segments: list[_Segment] = [_Segment()]
        self._gone: deque[int] = deque()
        self._max_gone = max_gone
        self._sweep = 0

    def __len__(self) -> int:
        return len(self._last)

    def start(self, seq: int) -> None:
        """Forget everything; clients before ``seq`` must start with a new snapshot."""
        self.floor = seq
        self.moved.clear()
        self._last.clear()
        self._segments = [_Segment()]
        self._gone.clear()
        self._sweep = 0

    def touch(self, jobid: int, seq: int) -> None:
        """Record that a row changed at ``seq``, the highest number so far."""
        self._last[jobid] = seq
        tail = self._segments[-1]
        tail.seqs.append(seq)
        tail.ids.append(jobid)
        if len(tail.seqs) >= _SEGMENT_ENTRIES:
            self._segments.append(_Segment())
            for _ in range(_SWEEPS_PER_SEGMENT):
                self._sweep_one()

    def remove(self, jobid: int, seq: int) -> None:
        """Record that a row was removed at ``seq``."""
        self.touch(jobid, seq)
        self.moved.discard(jobid)
        self._gone.append(jobid)
        if len(self._gone) > self._max_gone:
            oldest = self._gone.popleft()
            at = self._last.get(oldest)
            if at is not None:
                del self._last[oldest]
                self.floor = max(self.floor, at)

    def since(self, seq: int) -> Iterator[tuple[int, int]]:
        """Yield ``(seq, job ID)`` of every row that changed after ``seq``, in order, each once.

        The iterator is invalid once the log changes.
        """
        last = self._last
        segments = self._segments
        first = bisect_right(segments, seq, key=_end)
        for segment in segments[first:]:
            start = bisect_right(segment.seqs, seq)
            for at, jobid in zip(segment.seqs[start:], segment.ids[start:], strict=True):
                if last.get(jobid) == at:
                    yield at, jobid

    def _sweep_one(self) -> None:
        """Drop stale entries of the next segment, and merge it into the one before if both fit."""
        segments = self._segments
        if self._sweep >= len(segments) - 1:
            self._sweep = 0
        position = self._sweep
        segment = segments[position]
        if segment is segments[-1]:
            return
        last = self._last
        kept = [
            (at, jobid)
            for at, jobid in zip(segment.seqs, segment.ids, strict=True)
            if last.get(jobid) == at
        ]
        before = segments[position - 1] if position else None
        if before is not None and len(before.seqs) + len(kept) <= _SEGMENT_ENTRIES:
            target = before
            del segments[position]
        elif not kept:
            del segments[position]
            return
        else:
            target = segment
            target.seqs, target.ids = [], []
            self._sweep += 1
        target.seqs.extend(at for at, _ in kept)
        target.ids.extend(jobid for _, jobid in kept)


def _end(segment: _Segment) -> int:
    return segment.seqs[-1] if segment.seqs else sys.maxsize
