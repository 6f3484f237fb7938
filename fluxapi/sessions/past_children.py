"""The instances that have ended and have jobs in the history."""

from __future__ import annotations

import logging
import sqlite3
from functools import partial

from fluxapi.archive.archive import Archive
from fluxapi.archive.instance import ArchivedInstance
from fluxapi.archive.past_instance import count_failures, list_instances
from fluxapi.errors import HistoryUnavailable

from .session import InstanceSession

__all__ = ["PastChildren"]

_log = logging.getLogger(__name__)

_MAX_CHILDREN = 10_000
"""Instances that are known; the oldest are forgotten."""

_MAX_COUNTED = 500
"""Instances whose failures are read at the start, the newest."""


class PastChildren:
    """The instances below the root that have ended and left jobs in the history, by their paths.

    Args:
        archive: The history; ``None`` if none is kept.
        max_jobs: Jobs of one such instance that are listed, the newest.
    """

    def __init__(self, archive: Archive | None = None, max_jobs: int = 0) -> None:
        self._archive = None if archive is None or archive.readonly else archive
        self._max_jobs = max_jobs
        self._ids: dict[str, str] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._ids

    @property
    def are_kept(self) -> bool:
        """Return whether the jobs of an instance outlive its session."""
        return self._archive is not None

    async def load(self) -> dict[str, dict[str, int]]:
        """Read the records of earlier services; return the failures by path and result."""
        if self._archive is None or not self._archive.root:
            return {}
        read = partial(_read, root=self._archive.root)
        try:
            ids, failures = await self._archive.reader.run(read)
        except HistoryUnavailable as error:
            _log.warning("earlier nested instances are not shown: %s", error.detail)
            return {}
        self._ids = {**ids, **self._ids}
        return failures

    def note(self, session: InstanceSession) -> None:
        """Note the end of the session of an instance whose jobs are in the history."""
        if session.history is None or not len(session.table):
            return
        self._ids.pop(session.path, None)
        self._ids[session.path] = session.identity
        while len(self._ids) > _MAX_CHILDREN:
            del self._ids[next(iter(self._ids))]

    def instance(self, path: str) -> ArchivedInstance:
        """Return the instance at *path*, not started; raises ``KeyError``."""
        identity = self._ids[path]
        assert self._archive is not None  # noqa: S101 - there are no IDs without one
        return ArchivedInstance(self._archive.folder, identity, self._max_jobs, self._max_jobs)


def _read(
    database: sqlite3.Connection, root: str
) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
    """Return the instances below a root, the oldest first, and the failures in the newest."""
    found = list_instances(database, limit=_MAX_CHILDREN, root=root)
    failures = count_failures(database, found[:_MAX_COUNTED])
    return {one.path: one.id for one in reversed(found)}, failures
