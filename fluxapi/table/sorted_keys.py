"""Sorted keys, such as job IDs, to which a backlog adds very many in no order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from itertools import chain, filterfalse, islice
from typing import Any, Generic, TypeVar

from sortedcontainers import SortedList

__all__ = ["Gathered", "SortedKeys"]

_MIN_SORT_KEYS = 64
"""For this many keys or more, one sort is cheaper than single insertions."""

_MIN_RUN_KEYS = 512
"""Keys of a new run; it takes some 20 µs to sort them."""

Key = TypeVar("Key", int, str)


class Gathered(Generic[Key]):
    """Keys of a backlog that came in no order; several ``SortedKeys`` may share them.

    They form sorted runs, of which two of about the same length become one. A new run is made of
    the keys of many calls, or when somebody reads.
    """

    __slots__ = ("_loose", "_runs")

    def __init__(self) -> None:
        self._loose: list[Key] = []
        self._runs: list[list[Key]] = []

    def __len__(self) -> int:
        return sum(map(len, self._runs)) + len(self._loose)

    def add(self, keys: Iterable[Key]) -> None:
        """Add keys that are not there."""
        self._loose += keys
        if len(self._loose) >= _MIN_RUN_KEYS:
            self.runs()

    def runs(self) -> list[list[Key]]:
        """Return all keys in sorted runs."""
        runs = self._runs
        if self._loose:
            runs.append(sorted(self._loose))
            self._loose = []
            while len(runs) > 1 and len(runs[-2]) < 2 * len(runs[-1]):
                last = runs.pop()
                runs[-1] = sorted(runs[-1] + last)
        return runs

    def discard(self, key: Key) -> bool:
        """Remove a key; return false if it is not there."""
        for run in self.runs():
            place = _place_of(run, key)
            if place is not None:
                del run[place]
                return True
        return False

    def __contains__(self, key: object) -> bool:
        return any(_place_of(run, key) is not None for run in self.runs())


class SortedKeys(Generic[Key]):
    """A sorted list of keys of which none is there twice.

    A ``SortedList`` takes one key in logarithmic time, but a million in no order meet parts of it
    that are in no cache of the processor. So keys of a backlog are *gathered*, until :meth:`settle`
    moves them to the ``SortedList``. Lists that get the same keys *share* what gathers them, which
    is then sorted once. Iterators are invalid once the list changes.
    """

    __slots__ = ("_gone", "_own", "_settled", "_shared")

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._settled: SortedList = SortedList(keys)
        self._own: Gathered[Key] = Gathered()
        self._shared: list[Gathered[Key]] = []
        self._gone: set[Key] = set()
        """Shared keys that are not in this list any more."""

    def __len__(self) -> int:
        shared = sum(map(len, self._shared)) - len(self._gone)
        return len(self._settled) + len(self._own) + shared

    def __contains__(self, key: object) -> bool:
        return key in self._settled or key in self._own or self._is_shared(key)

    def _is_shared(self, key: object) -> bool:
        return key not in self._gone and any(key in source for source in self._shared)

    def __iter__(self) -> Iterator[Key]:
        return self.ascending(None)

    def __reversed__(self) -> Iterator[Key]:
        return self.descending(None)

    def ascending(self, minimum: Key | None) -> Iterator[Key]:
        """Return the keys from *minimum* on, or all, the lowest first."""
        walk: Iterator[Key] = self._settled.irange(minimum=minimum)
        if parts := self._parts(lambda run: islice(run, _place(run, minimum), None)):
            walk = merge(walk, *parts)
        return walk

    def descending(self, below: Key | None) -> Iterator[Key]:
        """Return the keys below *below*, or all, the highest first."""
        settled = self._settled
        walk: Iterator[Key] = (
            reversed(settled)
            if below is None
            else settled.irange(maximum=below, inclusive=(True, False), reverse=True)
        )
        if parts := self._parts(lambda run: _descending(run, below)):
            walk = merge(walk, *parts, reverse=True)
        return walk

    def _parts(self, walk: Callable[[list[Key]], Iterator[Key]]) -> list[Iterator[Key]]:
        """Return a *walk* over each run of gathered keys."""
        own = [walk(run) for run in self._own.runs()]
        shared = [walk(run) for source in self._shared for run in source.runs()]
        if self._gone:
            shared = [filterfalse(self._gone.__contains__, part) for part in shared]
        return own + shared

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
        self._own.add(keys)

    def share(self, source: Gathered[Key]) -> None:
        """Add the keys of *source*, and all that it gets until :meth:`settle`."""
        self._shared.append(source)

    @property
    def is_settled(self) -> bool:
        """True if no gathered keys wait for :meth:`settle`."""
        return not self._parts(iter)

    def settle(self) -> int:
        """Sort the keys that were gathered into all others; return how many were sorted."""
        parts = self._parts(iter)
        if not parts:
            return 0
        self._settled = SortedList(chain(self._settled, *parts))
        self._own, self._shared, self._gone = Gathered(), [], set()
        return len(self._settled)

    def discard(self, key: Key) -> None:
        """Remove a key, if it is there."""
        if self._own.discard(key):
            return
        if self._shared and self._is_shared(key):
            self._gone.add(key)
        else:
            self._settled.discard(key)


def _place_of(run: list[Any], key: Any) -> int | None:
    place = bisect_left(run, key)
    return place if place < len(run) and run[place] == key else None


def _place(run: list[Any], key: Any) -> int:
    return 0 if key is None else bisect_left(run, key)


def _descending(run: list[Any], below: Any) -> Iterator[Any]:
    end = len(run) if below is None else bisect_left(run, below)
    return (run[place] for place in range(end - 1, -1, -1))
