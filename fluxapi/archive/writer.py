"""The thread that writes into the history, many jobs in one commit."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from fluxapi.errors import HistoryUnavailable

from .database import connect, open_database, reason_of
from .ended_job import EndedJob
from .source import Source
from .statements import Purge, write

__all__ = ["MAX_QUEUED_BYTES", "ArchiveWriter"]

_log = logging.getLogger(__name__)

MAX_QUEUED_BYTES = 64 << 20
"""Jobs that wait for the thread; those beyond are read from Flux later."""

_MAX_BATCH = 500
_GATHER_S = 0.2
"""Time in which jobs gather before a commit, so that a burst of short jobs costs few of them."""

_RETRY_S = 5.0
"""Pause after a failed write."""

_PURGED_ID_BYTES = 64

Item = EndedJob | Purge


class ArchiveWriter:
    """A thread with a bounded queue; its methods may be called from any thread.

    While the database cannot be written, nothing is taken. Whoever offers a job that is not taken
    offers it again after ``on_room``, which the thread calls when it takes jobs again.

    Attributes:
        written: Jobs that were written since the start.
        refused: Jobs that were not taken, or were in a batch that failed.
        problem: A sentence that says why nothing is written now, or ``None``.
    """

    def __init__(self, statedir: Path) -> None:
        self._statedir = statedir
        self._queue: deque[tuple[Source, Item]] = deque()
        self._bytes = 0
        self._is_busy = False
        self._closing = False
        self._has_refused = False
        self._changed = threading.Condition()
        self._on_room: dict[str, Callable[[], None]] = {}
        self._thread = threading.Thread(target=self._run, name="fluxapi-history", daemon=True)
        self.written = 0
        self.refused = 0
        self.problem: str | None = None

    def start(self) -> None:
        """Open the database, which blocks, and start the thread."""
        try:
            open_database(self._statedir)
        except HistoryUnavailable as error:
            self._fail(error, [])
        self._thread.start()

    @property
    def queued_bytes(self) -> int:
        """Return the bytes of the jobs that wait to be written."""
        return self._bytes

    @property
    def has_room(self) -> bool:
        """Return whether :meth:`add` would take a job now."""
        return self.problem is None and self._bytes < MAX_QUEUED_BYTES and not self._closing

    def register(self, source: Source, on_room: Callable[[], None]) -> None:
        """Call *on_room* whenever jobs are taken again after some of any instance were not."""
        with self._changed:
            self._on_room[source.id] = on_room

    def forget(self, source: Source) -> None:
        """Call the function of *source* no more."""
        with self._changed:
            self._on_room.pop(source.id, None)

    def add(self, source: Source, job: EndedJob) -> bool:
        """Queue a job; return false if there is no room for it."""
        return self._put(source, job, job.size)

    def purge(self, source: Source, ids: Sequence[int], time: float) -> bool:
        """Queue a note that Flux has purged these jobs; return false if there is no room for it."""
        return self._put(source, Purge(tuple(ids), time), len(ids) * _PURGED_ID_BYTES)

    def _put(self, source: Source, item: Item, size: int) -> bool:
        with self._changed:
            if not self.has_room:
                self.refused += isinstance(item, EndedJob)
                self._has_refused = True
                return False
            self._queue.append((source, item))
            self._bytes += size
            if len(self._queue) == 1:
                self._changed.notify_all()
        return True

    def flush(self, timeout: float) -> bool:
        """Wait until all that was queued is written; return false if that takes too long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_idle, timeout)

    def close(self, timeout: float) -> bool:
        """Write what is queued and end the thread; return false if that takes too long."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def _is_idle(self) -> bool:
        return not self._queue and not self._is_busy

    def _run(self) -> None:
        database: sqlite3.Connection | None = None
        while self._wait():
            batch = self._take()
            try:
                if database is None:
                    database = connect(open_database(self._statedir))
                bad = write(database, batch, time.time())
            except (OSError, sqlite3.Error, HistoryUnavailable) as error:
                if database is not None:
                    database.close()
                    database = None
                self._fail(error, batch)
            else:
                self._succeed(batch, bad)
        if database is not None:
            database.close()

    def _wait(self) -> bool:
        """Return true when there is something to write, or to try again, and false at the end."""
        with self._changed:
            if self.problem is not None:
                self._changed.wait_for(lambda: self._closing, _RETRY_S)
                return not self._closing
            self._changed.wait_for(lambda: self._closing or self._queue)
            if not self._closing and len(self._queue) < _MAX_BATCH:
                self._changed.wait_for(lambda: self._closing, _GATHER_S)
            return bool(self._queue)

    def _take(self) -> list[tuple[Source, Item]]:
        with self._changed:
            self._is_busy = True
            return [self._queue.popleft() for _ in range(min(len(self._queue), _MAX_BATCH))]

    def _succeed(self, batch: Sequence[tuple[Source, Item]], bad: int) -> None:
        with self._changed:
            self.written += sum(isinstance(item, EndedJob) for _, item in batch) - bad
            self.refused += bad
            self._release(batch)
            if self.problem is not None:
                _log.info("the history is written again")
                self.problem = None
            wake = self._has_refused and self.has_room and not self._queue
            if wake:
                self._has_refused = False
            listeners = list(self._on_room.values()) if wake else []
            self._changed.notify_all()
        if bad:
            _log.error("%d jobs cannot be stored: they are in no form that a database takes", bad)
        for listener in listeners:
            listener()

    def _fail(self, error: Exception, batch: Sequence[tuple[Source, Item]]) -> None:
        if isinstance(error, HistoryUnavailable):
            problem = error.detail
        else:
            problem = f"The history cannot be written: {reason_of(error)}."
        with self._changed:
            # Memory stays bounded while nothing is written: all of this is read from Flux later.
            dropped = [*batch, *self._queue]
            self._queue.clear()
            self.refused += sum(isinstance(item, EndedJob) for _, item in dropped)
            self._has_refused = True
            self._bytes = 0
            self._is_busy = False
            if self.problem is None:
                _log.error("%s", problem)
            self.problem = problem
            self._changed.notify_all()

    def _release(self, batch: Sequence[tuple[Source, Item]]) -> None:
        self._bytes -= sum(
            item.size if isinstance(item, EndedJob) else len(item.ids) * _PURGED_ID_BYTES
            for _, item in batch
        )
        self._is_busy = False
