"""The failures among the jobs of instances, as far as the service knows them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, NamedTuple

from .child import has_ended
from .children import Children
from .registry import SessionRegistry

__all__ = ["Inside", "JobsInside"]

_MAX_INSTANCES = 4096
"""Instances whose figures are kept; the oldest are dropped."""

_MAX_RECORDS = 500
"""Instances of one parent that are reported, the newest."""

_FRESH_S = 5.0
"""Time for which figures are current; counters are read every second."""


class Inside(NamedTuple):
    """Jobs of one instance that failed, those that timed out, and all of its jobs.

    ``total`` is ``None`` if the instance may have had more jobs since, and more may have failed.
    """

    failed: int
    timed_out: int
    total: int | None

    def record(self) -> dict[str, int]:
        """Return the figures in the form of the API."""
        return {name: value for name, value in self._asdict().items() if value is not None}


class _Noted(NamedTuple):
    """Figures, and when they were current, in seconds since the epoch."""

    figures: Inside
    at: float


class JobsInside:
    """The last known figures of each instance, also after it was closed or has ended.

    They come from the tables of open instances and from the counters of closed ones, so no call to
    Flux is needed.

    Attributes:
        clock: Returns seconds since the epoch.
    """

    def __init__(self, registry: SessionRegistry, children: Children) -> None:
        self.clock: Callable[[], float] = time.time
        self._registry = registry
        self._children = children
        self._known: dict[str, _Noted] = {}
        children.before_close = self._look

    def note(self, path: str, counts: Mapping[str, Any] | None) -> None:
        """Keep the counts of the jobs of the instance at *path*, which are current."""
        if counts is None:
            return
        results = counts["results"]
        figures = Inside(results.get("FAILED", 0), results.get("TIMEOUT", 0), counts["total"])
        known = self._known.get(path)
        if not figures.failed and not figures.timed_out:
            self._known.pop(path, None)
            return
        if known is not None and known.figures != figures:
            # The one that has changed last is dropped last.
            del self._known[path]
        self._known[path] = _Noted(figures, self.clock())
        while len(self._known) > _MAX_INSTANCES:
            del self._known[next(iter(self._known))]

    def has_failures(self, path: str) -> bool:
        """Return whether jobs of the instance at *path* are known to have failed."""
        self._look(path)
        return path in self._known

    def note_earlier(self, path: str, results: Mapping[str, int]) -> None:
        """Keep the failures that the history has of the instance at *path*; there may be more."""
        if path not in self._known:
            figures = Inside(results.get("FAILED", 0), results.get("TIMEOUT", 0), None)
            self._known[path] = _Noted(figures, float("-inf"))

    def find(self, parent: str, jobid: str) -> Inside | None:
        """Return the figures of the instance that a job of *parent* is, if jobs in it failed."""
        path = f"{parent}/{jobid}".strip("/")
        self._look(path)
        noted = self._known.get(path)
        if noted is None:
            return None
        if self._is_current(path, noted):
            return noted.figures
        return noted.figures._replace(total=None)

    def records(self, parent: str) -> list[dict[str, Any]]:
        """Return the jobs of the instance at *parent* in which jobs failed."""
        for child in self._children:
            if child.parent_path == parent:
                self._look(child.path)
        below = (path for path in reversed(self._known) if path.rpartition("/")[0] == parent)
        ids = [path.rpartition("/")[2] for path in islice(below, _MAX_RECORDS)]
        found = ((jobid, self.find(parent, jobid)) for jobid in ids)
        return [
            {"id": jobid, "kept": self._is_kept(parent, jobid), **it.record()}
            for jobid, it in found
            if it is not None
        ]

    def _is_kept(self, parent: str, jobid: str) -> bool:
        """Return whether the jobs of an instance can still be listed."""
        path = f"{parent}/{jobid}".strip("/")
        child = self._children.get(path)
        if path in self._children.past or (child is not None and child.session is not None):
            return True
        session = self._registry.find(parent)
        job = None if session is None else session.find_job(jobid)
        return not has_ended(job)

    def _look(self, path: str) -> None:
        """Note the counts of an instance that is open and answers, or has ended."""
        child = self._children.get(path)
        session = None if child is None else child.session
        if session is None or not (session.is_reachable or session.ended is not None):
            return
        if path in self._children.past and session.info.kind == "archive":
            # The history may lack jobs, and was asked before.
            return
        self.note(path, session.table.stats())

    def _is_current(self, path: str, noted: _Noted) -> bool:
        """Return whether no job can have failed since the figures were noted."""
        if self.clock() - noted.at < _FRESH_S:
            return True
        parent, _, jobid = path.rpartition("/")
        session = self._registry.find(parent)
        job = None if session is None else session.find_job(jobid)
        if job is None or not has_ended(job):
            return False
        return noted.at > (job.t_cleanup or job.t_inactive or 0.0) - _FRESH_S
