"""Lists of jobs for a facet with very many values, such as the names."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from itertools import islice

from .sorted_keys import SortedKeys

__all__ = ["JobIds", "JobLists", "ascending", "descending", "slices"]

_MAX_LIST_IDS = 1000
"""A longer list of IDs becomes ``SortedKeys``, in which a job moves in logarithmic time."""

_SLICE_IDS = 1024
"""IDs that are copied at once, in a tenth of a millisecond."""

JobIds = list[int] | SortedKeys[int]
"""Sorted job IDs."""


class JobLists:
    """Sorted job IDs by value.

    There may be as many values as jobs. One job of a value is just its ID, and a few are a plain
    list, which is an order of magnitude smaller than ``SortedKeys``.
    """

    def __init__(self) -> None:
        self._held: dict[str, int | JobIds] = {}
        self._large: set[str] = set()

    def __contains__(self, value: object) -> bool:
        return value in self._held

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def get(self, value: str) -> JobIds:
        """Return the jobs of a value."""
        held = self._held.get(value)
        if held is None:
            return []
        return [held] if isinstance(held, int) else held

    def add(self, value: str, ids: list[int], *, more_follow: bool = False) -> None:
        """Add jobs; *more_follow* is true in a backlog."""
        held = self._held.get(value)
        if held is None and len(ids) == 1:
            self._held[value] = ids[0]
            return
        if not isinstance(held, SortedKeys):
            listed = held if isinstance(held, list) else [] if held is None else [held]
            if len(listed) + len(ids) <= _MAX_LIST_IDS:
                _extend(listed, sorted(ids))
                self._held[value] = listed
                return
            held = self._held[value] = SortedKeys(listed)
            self._large.add(value)
        if more_follow:
            held.gather(ids)
        else:
            held.update(ids)

    def remove(self, value: str, gone: set[int]) -> None:
        """Remove jobs, which must be there."""
        held = self._held[value]
        if isinstance(held, SortedKeys):
            for jobid in gone:
                held.discard(jobid)
        elif isinstance(held, list):
            _remove(held, gone)
        if isinstance(held, int) or not held:
            del self._held[value]
            self._large.discard(value)

    def settle(self) -> Iterator[None]:
        """Sort the jobs of a backlog; other tasks may run after each step."""
        for value in list(self._large):
            held = self._held.get(value)
            if isinstance(held, SortedKeys) and held.settle():
                yield


def ascending(ids: JobIds, minimum: int) -> Iterator[int]:
    """Return the IDs from *minimum* on, the lowest first."""
    if isinstance(ids, list):
        return islice(ids, bisect_left(ids, minimum), None)
    return ids.ascending(minimum)


def descending(ids: JobIds, below: int | None) -> Iterator[int]:
    """Return the IDs below *below*, or all, the highest first."""
    if isinstance(ids, list):
        end = len(ids) if below is None else bisect_left(ids, below)
        return (ids[place] for place in range(end - 1, -1, -1))
    return ids.descending(below)


def slices(jobs: Mapping[str, SortedKeys[int]], value: str) -> Iterator[list[int]]:
    """Yield the IDs of a value in lists of limited size; jobs may change between two of them."""
    after = -1
    while (ids := jobs.get(value)) is not None:
        some = list(islice(ids.ascending(after + 1), _SLICE_IDS))
        if not some:
            return
        yield some
        after = some[-1]


def _extend(held: list[int], ids: list[int]) -> None:
    start = bisect_left(held, ids[0])
    if start == len(held) or ids[-1] < held[start]:
        held[start:start] = ids
        return
    for jobid in ids:
        insort(held, jobid)


def _remove(held: list[int], gone: set[int]) -> None:
    ids = sorted(gone)
    start = bisect_left(held, ids[0])
    if held[start : start + len(ids)] == ids:
        # Flux purges the oldest jobs first, which are neighbors.
        del held[start : start + len(ids)]
    else:
        for jobid in ids:
            del held[bisect_left(held, jobid)]
