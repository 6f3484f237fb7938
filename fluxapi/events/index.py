"""Which jobs have which state, result, user, queue, name and nodelist.

Facets with few values (state, result, user, queue) are sorted lists, in which a job moves in
logarithmic time. Names and nodelists may be as many as there are jobs, so each of their values
holds a plain sorted list, an order of magnitude smaller; jobs do not move between those often.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sortedcontainers import SortedDict, SortedList

from fluxapi.model.job import Job
from fluxapi.model.resources import decode_hostlist

__all__ = ["Facets", "Index", "facets"]

_BULK = 64
"""From this many ids on, one sort is cheaper than one insertion each."""


class Facets(NamedTuple):
    """The values of one job that the index knows it by."""

    state: str
    result: str | None
    userid: int
    queue: str
    name: str
    nodelist: str


def facets(job: Job) -> Facets:
    """The facets of a job at this moment."""
    return Facets(job.state, job.result, job.userid, job.queue, job.name, job.nodelist)


class Index:
    """Sorted job ids by facet. Ids ascend; readers walk from the end, newest first."""

    def __init__(self) -> None:
        self.all: SortedList = SortedList()
        self.state: dict[str, SortedList] = {}
        self.result: dict[str, SortedList] = {}
        self.userid: dict[int, SortedList] = {}
        self.queue: dict[str, SortedList] = {}
        self.name: SortedDict = SortedDict()
        self.nodelist: dict[str, list[int]] = {}

    def move(self, jobid: int, old: Facets, new: Facets) -> None:
        """Refile one job whose facets changed."""
        if old.state != new.state:
            self.state[old.state].discard(jobid)
            self._sorted(self.state, new.state).add(jobid)
        if old.result != new.result:
            if old.result is not None:
                self.result[old.result].discard(jobid)
            if new.result is not None:
                self._sorted(self.result, new.result).add(jobid)
        if old[2:] != new[2:]:
            self._move_rare(jobid, old, new)

    def _move_rare(self, jobid: int, old: Facets, new: Facets) -> None:
        if old.userid != new.userid:
            self.userid[old.userid].discard(jobid)
            self._sorted(self.userid, new.userid).add(jobid)
        if old.queue != new.queue:
            self.queue[old.queue].discard(jobid)
            self._sorted(self.queue, new.queue).add(jobid)
        if old.name != new.name:
            _remove(self.name, old.name, {jobid})
            insort(self.name.setdefault(new.name, []), jobid)
        if old.nodelist != new.nodelist:
            if old.nodelist:
                _remove(self.nodelist, old.nodelist, {jobid})
            if new.nodelist:
                insort(self.nodelist.setdefault(new.nodelist, []), jobid)

    def add(self, jobs: Iterable[tuple[int, Facets]]) -> None:
        """File new jobs, many at once."""
        ids: list[int] = []
        groups: dict[tuple[int, Any], list[int]] = {}
        for jobid, values in jobs:
            ids.append(jobid)
            for position, value in enumerate(values):
                groups.setdefault((position, value), []).append(jobid)
        _extend(self.all, ids)
        for (position, value), members in groups.items():
            self._file(Facets._fields[position], value, members)

    def _file(self, facet: str, value: Any, members: list[int]) -> None:
        if value is None or (facet == "nodelist" and not value):
            return
        index = getattr(self, facet)
        if facet in {"name", "nodelist"}:
            held = index.setdefault(value, [])
            for jobid in members:
                if not held or jobid > held[-1]:
                    held.append(jobid)
                else:
                    insort(held, jobid)
        else:
            _extend(self._sorted(index, value), members)

    def remove(self, jobs: Iterable[tuple[int, Facets]]) -> None:
        """Forget jobs, many at once."""
        gone: dict[tuple[str, str], set[int]] = {}
        for jobid, values in jobs:
            self.all.discard(jobid)
            self.state[values.state].discard(jobid)
            if values.result is not None:
                self.result[values.result].discard(jobid)
            self.userid[values.userid].discard(jobid)
            self.queue[values.queue].discard(jobid)
            gone.setdefault(("name", values.name), set()).add(jobid)
            if values.nodelist:
                gone.setdefault(("nodelist", values.nodelist), set()).add(jobid)
        for (facet, value), ids in gone.items():
            _remove(getattr(self, facet), value, ids)

    def names(self, prefix: str) -> Iterator[str]:
        """The known names that begin with ``prefix``, in order."""
        for name in self.name.irange(minimum=prefix):
            if not name.startswith(prefix):
                return
            yield name

    def on_node(self, host: str) -> list[list[int]]:
        """The id lists of every nodelist that holds ``host``."""
        return [ids for nodelist, ids in self.nodelist.items() if host in decode_hostlist(nodelist)]

    @staticmethod
    def _sorted(index: dict[Any, SortedList], value: Any) -> SortedList:
        held = index.get(value)
        if held is None:
            held = index[value] = SortedList()
        return held


def _extend(held: SortedList, ids: list[int]) -> None:
    if len(ids) >= _BULK:
        held.update(ids)
    else:
        for jobid in ids:
            held.add(jobid)


def _remove(index: dict[str, list[int]], value: str, gone: set[int]) -> None:
    held = index[value]
    if len(gone) == 1:
        (jobid,) = gone
        del held[bisect_left(held, jobid)]
    else:
        held[:] = [jobid for jobid in held if jobid not in gone]
    if not held:
        del index[value]
