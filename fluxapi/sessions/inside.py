"""The failures among the jobs of instances, as far as the service knows them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple

from .children import Children

__all__ = ["Inside", "JobsInside"]

_MAX_INSTANCES = 4096
"""Instances whose figures are kept; the oldest are dropped."""

_MAX_RECORDS = 500
"""Instances of one parent that are told of, the newest."""


class Inside(NamedTuple):
    """Jobs of one instance that failed, those that timed out, and all of its jobs."""

    failed: int
    timed_out: int
    total: int


class JobsInside:
    """The last known figures of each instance, also after it was closed or has ended.

    They come from the tables of open instances and from the counters of closed ones, so nothing is
    asked of Flux.
    """

    def __init__(self, children: Children) -> None:
        self._children = children
        self._known: dict[str, Inside] = {}
        children.before_close = self.note

    def note(self, path: str, counts: Mapping[str, Any] | None) -> None:
        """Keep the counts of the jobs of the instance at *path*."""
        if counts is None:
            return
        results = counts["results"]
        known = Inside(results.get("FAILED", 0), results.get("TIMEOUT", 0), counts["total"])
        if not known.failed and not known.timed_out:
            self._known.pop(path, None)
        elif self._known.get(path) != known:
            # The one that has changed last is dropped last.
            self._known.pop(path, None)
            self._known[path] = known
            while len(self._known) > _MAX_INSTANCES:
                del self._known[next(iter(self._known))]

    def find(self, parent: str, jobid: str) -> Inside | None:
        """Return the figures of the instance that a job of *parent* is, if jobs in it failed."""
        path = f"{parent}/{jobid}".strip("/")
        child = self._children.get(path)
        if child is not None and child.session is not None:
            self.note(path, child.session.table.stats())
        return self._known.get(path)

    def records(self, parent: str) -> list[dict[str, Any]]:
        """Return the jobs of the instance at *parent* in which jobs failed."""
        for child in self._children:
            if child.parent_path == parent:
                self.find(parent, child.jobid)
        found = (
            {"id": path.rpartition("/")[2], **it._asdict()}
            for path, it in reversed(self._known.items())
            if path.rpartition("/")[0] == parent
        )
        return list(islice(found, _MAX_RECORDS))
