"""The thread that writes into the history, many jobs in one commit."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from fluxapi.errors import HistoryUnavailable
from fluxapi.process.private_files import file_of

from .database import FILE_NAME, connect, open_database, reason_of
from .ended_job import EndedJob
from .limits import Limits
from .samples import Sample
from .settled_clock import SettledClock
from .source import Source
from .statements import EndedOutput, Item, LostOutputs, Purge, write
from .upkeep import Upkeep

__all__ = ["MAX_QUEUED_BYTES", "ArchiveWriter"]

_log = logging.getLogger(__name__)

MAX_QUEUED_BYTES = 64 << 20
"""Jobs that wait for the thread; those beyond are read from Flux later."""

_MAX_BATCH = 500
_GATHER_S = 0.2
"""Time in which jobs gather before a commit, so that a burst of short jobs costs few of them."""

_RETRY_S = 5.0
"""Pause after a failed write."""

_UPKEEP_S = 60.0
"""Time between two looks at the limits of the history."""

_STEP_PAUSE_S = 0.05
"""Time between two batches that are dropped, in which jobs and other services can write."""

_REPLACED = (
    "The file of the history was removed or replaced while the service ran; another one is begun "
    "with the jobs that Flux still has."
)


class ArchiveWriter:
    """A thread with a bounded queue; its methods may be called from any thread.

    While the database cannot be written, nothing is taken. Whoever offers a job that is not taken
    offers it again after ``on_room``, which the thread calls when it takes jobs again.

    Attributes:
        written: Jobs that were written since the start.
        outputs_written, outputs_missed: Outputs that were written, and those that were gone.
        refused: Jobs that were not taken, or were in a batch that failed.
        problem: A sentence that says why nothing is written now, or ``None``.
    """

    def __init__(self, statedir: Path, limits: Limits) -> None:
        self.upkeep = Upkeep(limits)
        self._upkeep_at = 0.0
        self._clock = SettledClock()
        self._statedir = statedir
        self._queue: deque[tuple[Source, Item]] = deque()
        self._bytes = 0
        self._is_busy = False
        self._closing = False
        self._flushing = 0
        self._has_refused = False
        self._changed = threading.Condition()
        self._on_room: dict[Callable[[], None], None] = {}
        self._thread = threading.Thread(target=self._run, name="fluxapi-history", daemon=True)
        self.written = 0
        self.refused = 0
        self.outputs_written = self.outputs_missed = 0
        self.problem: str | None = None

    def start(self) -> None:
        """Open the database, which blocks, and start the thread."""
        try:
            with contextlib.closing(connect(open_database(self._statedir))) as database:
                self.upkeep.look(database, time.time())
        except (HistoryUnavailable, sqlite3.Error) as error:
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

    def register(self, on_room: Callable[[], None]) -> None:
        """Call *on_room* whenever jobs are taken again after some of any instance were not."""
        with self._changed:
            self._on_room[on_room] = None

    def forget(self, on_room: Callable[[], None]) -> None:
        """Call *on_room* no more."""
        with self._changed:
            self._on_room.pop(on_room, None)

    def add(self, source: Source, job: EndedJob) -> bool:
        """Queue a job; return false if there is no room for it."""
        return self._put(source, job)

    def add_output(self, source: Source, output: EndedOutput) -> bool:
        """Queue the output of a job that was added before; return false if there is no room."""
        return self._put(source, output)

    def purge(self, source: Source, ids: Sequence[int], time: float) -> bool:
        """Queue a note that Flux has purged these jobs; return false if there is no room for it."""
        return self._put(source, Purge(tuple(ids), time))

    def sample(self, source: Source, sample: Sample) -> bool:
        """Queue a sample of an instance; return false if it is dropped for lack of room."""
        return self._put(source, sample)

    def lose_outputs(self, source: Source) -> bool:
        """Queue a note that no more outputs can be read; return false if there is no room."""
        return self._put(source, LostOutputs())

    def _put(self, source: Source, item: Item) -> bool:
        with self._changed:
            if not self.has_room:
                self.refused += isinstance(item, EndedJob)
                # A sample is not read again; it leaves a gap.
                self._has_refused |= not isinstance(item, Sample)
                return False
            self._queue.append((source, item))
            self._bytes += item.size
            if len(self._queue) == 1:
                self._changed.notify_all()
        return True

    def flush(self, timeout: float) -> bool:
        """Write what is queued without a pause; return false if that takes too long."""
        with self._changed:
            self._flushing += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: self._is_idle, timeout)
            finally:
                self._flushing -= 1

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
        path, file = self._statedir / FILE_NAME, None
        while self._wait():
            batch = self._take()
            try:
                if database is None:
                    open_database(self._statedir)
                    file = file_of(path)
                    database = connect(path)
                _check_file(path, file)
                bad = self._work(database, batch)
            except (OSError, sqlite3.Error, HistoryUnavailable) as error:
                if database is not None:
                    database.close()
                    database = None
                self._fail(error, batch)
            except Exception as error:  # noqa: BLE001 - the thread must not end in silence
                _log.exception("the history cannot be written")
                if database is not None:
                    database.close()
                    database = None
                self._fail(error, batch)
            else:
                self._succeed(batch, bad)
        if database is not None:
            database.close()

    def _work(self, database: sqlite3.Connection, batch: Sequence[tuple[Source, Item]]) -> int:
        """Write a batch, and drop a small one of what exceeds the limits if it is time."""
        bad = write(database, batch, time.time()) if batch or self.problem else 0
        if time.monotonic() >= self._upkeep_at and not self._closing:
            now = time.time()
            settled = self._clock.time(now, time.monotonic())
            more = self.upkeep.step(database, now, settled)
            self._upkeep_at = time.monotonic() + (_STEP_PAUSE_S if more else _UPKEEP_S)
        return bad

    def _wait(self) -> bool:
        """Return true when there is something to write, or to try again, and false at the end."""
        with self._changed:
            if self.problem is not None:
                self._changed.wait_for(lambda: self._closing, _RETRY_S)
                return not self._closing
            until_upkeep = max(self._upkeep_at - time.monotonic(), 0.0)
            self._changed.wait_for(lambda: self._closing or self._queue, until_upkeep)
            if not self._closing and self._queue and len(self._queue) < _MAX_BATCH:
                self._changed.wait_for(lambda: self._closing or self._flushing, _GATHER_S)
            return bool(self._queue) or not self._closing

    def _take(self) -> list[tuple[Source, Item]]:
        with self._changed:
            self._is_busy = True
            return [self._queue.popleft() for _ in range(min(len(self._queue), _MAX_BATCH))]

    def _succeed(self, batch: Sequence[tuple[Source, Item]], bad: int) -> None:
        with self._changed:
            self.written += sum(isinstance(item, EndedJob) for _, item in batch) - bad
            self.outputs_written += sum(
                isinstance(item, EndedOutput) and bool(item.data) for _, item in batch
            )
            self.refused += bad
            self._release(batch)
            if self.problem is not None:
                _log.info("the history can be written again")
                self.problem = None
            wake = self._has_refused and self.has_room and not self._queue
            if wake:
                self._has_refused = False
            listeners = list(self._on_room) if wake else []
            self._changed.notify_all()
        if bad:
            _log.error("%d jobs cannot be stored: the database does not accept their values", bad)
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
        self._bytes -= sum(item.size for _, item in batch)
        self._is_busy = False


def _check_file(path: Path, file: tuple[int, int] | None) -> None:
    """Raise ``HistoryUnavailable`` unless *path* still names the file that was opened."""
    if file_of(path) != file:
        raise HistoryUnavailable(_REPLACED)
