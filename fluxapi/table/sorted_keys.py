"""Sorted keys, such as job IDs, to which a backlog adds very many in arbitrary order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from itertools import chain, filterfalse
from typing import Generic, TypeVar

from sortedcontainers import SortedList

__all__ = ["Gathered", "SortedKeys"]

_MIN_SORT_KEYS = 64
"""From this many keys on, one sort is cheaper than single insertions."""

_MIN_RUN_KEYS = 512
"""Keys of a new run; it takes some 20 µs to sort them."""

Key = TypeVar("Key", int, str)


class Gathered(Generic[Key]):
    """Keys of a backlog, which arrive in arbitrary order; several ``SortedKeys`` may share them.

    They form sorted runs, of which two of about the same length become one. A new run is made of
    the keys of many calls, or earlier for a reader. A run is a ``SortedList``, whose lowest
    keys can be removed one by one, even if there are very many.
    """

    __slots__ = ("_loose", "_runs")

    def __init__(self) -> None:
        self._loose: list[Key] = []
        self._runs: list[SortedList] = []

    def __len__(self) -> int:
        return sum(map(len, self._runs)) + len(self._loose)

    def add(self, keys: Iterable[Key]) -> None:
        """Add keys that are not there."""
        self._loose += keys
        if len(self._loose) >= _MIN_RUN_KEYS:
            self.runs()

    def runs(self) -> list[SortedList]:
        """Return all keys in sorted runs."""
        runs = self._runs
        if self._loose:
            runs.append(SortedList(self._loose))
            self._loose = []
            while len(runs) > 1 and len(runs[-2]) < 2 * len(runs[-1]):
                last = runs.pop()
                runs[-1] = SortedList(chain(runs[-1], last))
        return runs

    def discard(self, key: Key) -> bool:
        """Remove a key; return false if it is not there."""
        for run in self.runs():
            if key in run:
                run.remove(key)
                return True
        return False

    def __contains__(self, key: object) -> bool:
        return any(key in run for run in self.runs())


class SortedKeys(Generic[Key]):
    """A sorted list of distinct keys.

    A ``SortedList`` takes one key in logarithmic time, but a million keys in arbitrary order touch
    parts of it that are not in a CPU cache. So keys of a backlog are *gathered*, until
    :meth:`settle` moves them to the ``SortedList``. Lists that get the same keys *share* one
    collection, which is then sorted only once. Iterators are invalid once the list changes.
    """

    __slots__ = ("_gone", "_own", "_settled", "_shared")

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._settled: SortedList = SortedList(keys)
        self._own: Gathered[Key] = Gathered()
        self._shared: list[Gathered[Key]] = []
        self._gone: set[Key] = set()
        """Shared keys that are not in this list anymore."""

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
        walk = _ascending(self._settled, minimum)
        if parts := self._parts(lambda run: _ascending(run, minimum)):
            walk = merge(walk, *parts)
        return walk

    def descending(self, below: Key | None) -> Iterator[Key]:
        """Return the keys below *below*, or all, the highest first."""
        walk = _descending(self._settled, below)
        if parts := self._parts(lambda run: _descending(run, below)):
            walk = merge(walk, *parts, reverse=True)
        return walk

    def _parts(self, walk: Callable[[SortedList], Iterator[Key]]) -> list[Iterator[Key]]:
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

    def forget(self, key: Key) -> None:
        """Note that a key was removed from a source that this list shares."""
        if key in self._gone:
            # It has left this list and come back.
            self._gone.remove(key)
            self._settled.discard(key)

    def discard(self, key: Key) -> None:
        """Remove a key, if it is there."""
        if self._own.discard(key):
            return
        if self._shared and self._is_shared(key):
            self._gone.add(key)
        else:
            self._settled.discard(key)


def _ascending(keys: SortedList, minimum: Key | None) -> Iterator[Key]:
    walk: Iterator[Key] = keys.irange(minimum=minimum)
    return walk


def _descending(keys: SortedList, below: Key | None) -> Iterator[Key]:
    walk: Iterator[Key] = (
        reversed(keys)
        if below is None
        else keys.irange(maximum=below, inclusive=(True, False), reverse=True)
    )
    return walk
