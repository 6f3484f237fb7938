"""Sorted keys, such as job IDs, to which a backlog adds very many in no order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import chain, islice
from typing import Any, Generic, TypeVar

from sortedcontainers import SortedList

__all__ = ["SortedKeys"]

_MIN_SORT_KEYS = 64
"""For this many keys or more, one sort is cheaper than single insertions."""

_MIN_RUN_KEYS = 512
"""Keys of a new run; it takes some 20 µs to sort them."""

Key = TypeVar("Key", int, str)


class SortedKeys(Generic[Key]):
    """A sorted list of keys of which none is there twice.

    A ``SortedList`` takes one key in logarithmic time, but a million in no order meet parts of it
    that are in no cache of the processor. So keys that are *gathered* form sorted runs, of which
    two of about the same length become one, until :meth:`settle` moves them to the ``SortedList``.
    A new run is made of the keys of many calls, or when somebody reads. Iterators are invalid once
    the list changes.
    """

    __slots__ = ("_loose", "_runs", "_settled")

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._settled: SortedList = SortedList(keys)
        self._runs: list[list[Key]] = []
        self._loose: list[Key] = []

    def __len__(self) -> int:
        return len(self._settled) + sum(map(len, self._runs)) + len(self._loose)

    def __contains__(self, key: object) -> bool:
        return key in self._settled or any(key in run for run in self._sorted_runs())

    def __iter__(self) -> Iterator[Key]:
        return self.ascending(None)

    def __reversed__(self) -> Iterator[Key]:
        return self.descending(None)

    def ascending(self, minimum: Key | None) -> Iterator[Key]:
        """Return the keys from *minimum* on, or all, the lowest first."""
        walk: Iterator[Key] = self._settled.irange(minimum=minimum)
        if runs := self._sorted_runs():
            walk = merge(walk, *(islice(run, _place(run, minimum), None) for run in runs))
        return walk

    def descending(self, below: Key | None) -> Iterator[Key]:
        """Return the keys below *below*, or all, the highest first."""
        settled = self._settled
        walk: Iterator[Key] = (
            reversed(settled)
            if below is None
            else settled.irange(maximum=below, inclusive=(True, False), reverse=True)
        )
        if runs := self._sorted_runs():
            walk = merge(walk, *(_descending(run, below) for run in runs), reverse=True)
        return walk

    def add(self, key: Key) -> None:
        """Add one key."""
        self._settled.add(key)

    def update(self, keys: list[Key]) -> None:
        """Add keys."""
        if len(keys) >= _MIN_SORT_KEYS:
            self._settled.update(keys)
        else:
            for key in keys:
                self._settled.add(key)

    def gather(self, keys: Iterable[Key]) -> None:
        """Add keys of a backlog, more of which follow."""
        self._loose += keys
        if len(self._loose) >= _MIN_RUN_KEYS:
            self._sorted_runs()

    def _sorted_runs(self) -> list[list[Key]]:
        """Return the runs with all keys that were gathered."""
        runs = self._runs
        if self._loose:
            runs.append(sorted(self._loose))
            self._loose = []
            while len(runs) > 1 and len(runs[-2]) < 2 * len(runs[-1]):
                last = runs.pop()
                runs[-1] = sorted(runs[-1] + last)
        return runs

    def settle(self) -> int:
        """Sort the keys that were gathered into all others; return how many were sorted."""
        runs = self._sorted_runs()
        if not runs:
            return 0
        self._runs = []
        self._settled = SortedList(chain(self._settled, *runs))
        return len(self._settled)

    def discard(self, key: Key) -> None:
        """Remove a key, if it is there."""
        for run in self._sorted_runs():
            place = bisect_left(run, key)
            if place < len(run) and run[place] == key:
                del run[place]
                return
        self._settled.discard(key)


def _place(run: list[Any], key: Any) -> int:
    return 0 if key is None else bisect_left(run, key)


def _descending(run: list[Any], below: Any) -> Iterator[Any]:
    end = len(run) if below is None else bisect_left(run, below)
    return (run[place] for place in range(end - 1, -1, -1))
