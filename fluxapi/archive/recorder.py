"""The recorder of one instance: collects the events of each job, and stores the job at its end."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from time import time

import msgspec

from fluxapi.instance.protocol import ChangeBatch
from fluxapi.model.eventlog import Event, JournalMessage, Purged, encode_event
from fluxapi.model.record import encode
from fluxapi.table.changes import Changes
from fluxapi.table.table import Table

from .ended_job import Detail, EndedJob, facts_of, fold, redacted
from .source import Source
from .writer import ArchiveWriter

__all__ = ["MAX_EVENTLOG_BYTES", "Recorder"]

MAX_EVENTLOG_BYTES = 1 << 20
"""Eventlog of one job that is stored; an ordinary one has a kilobyte."""

_MAX_MEMBER_BYTES = 1 << 20
"""Jobspec or R of one job that is stored."""

_MAX_COLLECTED_BYTES = 256 << 20
"""Events, jobspecs and Rs of active jobs; jobs beyond are read from Flux when they have ended."""

_ENTRY_BYTES = 300
"""Memory of an entry without its texts."""

_NOT_IN_EVENTLOG = frozenset({"annotations", "invalidate"})

_encoder = msgspec.json.Encoder()


class _Entry(msgspec.Struct, gc=False):
    """The texts that the journal has sent of one active job."""

    jobspec: bytes = b""
    R: bytes = b""
    events: bytearray = msgspec.field(default_factory=bytearray)
    exact: bool = True

    @property
    def size(self) -> int:
        return len(self.jobspec) + len(self.R) + len(self.events) + _ENTRY_BYTES


class Recorder:
    """The jobs of one instance on their way into the history.

    Args:
        source: The instance.
        table: Its table, which has taken each batch before :meth:`take` gets it.
        writer: Stores the jobs.
        stored: IDs of jobs that are stored, in ascending order: the first backlog repeats them.
        on_stored: Is called with the ID of a job that is on its way to the database.
        on_gap: Is called when a job has ended and was not stored as a whole, with its ID, or with
            ``None`` if any job may be missing.
    """

    def __init__(
        self,
        source: Source,
        table: Table,
        writer: ArchiveWriter,
        stored: Sequence[int],
        *,
        on_stored: Callable[[int], None],
        on_gap: Callable[[int | None], None],
    ) -> None:
        self.source = source
        self._table = table
        self._writer = writer
        self._stored: Sequence[int] | None = stored
        self._on_stored = on_stored
        self._on_gap = on_gap
        self._active: dict[int, _Entry] = {}
        self._bytes = 0
        self._is_listing = False

    def take(self, batch: ChangeBatch, _changes: Changes) -> None:
        """Collect the events of a batch, and store the jobs that have ended in it."""
        for change in batch:
            if isinstance(change, Purged):
                self._purge(change)
            elif not isinstance(change, JournalMessage):
                self._is_listing = True
                self._active.clear()
                self._bytes = 0
            elif change.is_sentinel:
                self._end_listing()
            elif not self._is_listing or not self._is_stored(change):
                self._collect(change)

    def _purge(self, change: Purged) -> None:
        for jobid in change.ids:
            self._discard(jobid)
        if not self._writer.purge(self.source, change.ids, time()):
            self._on_gap(None)

    def _end_listing(self) -> None:
        self._is_listing = False
        # A later listing repeats the whole journal; few of its jobs have ended meanwhile.
        self._stored = None
        self._on_gap(None)

    def _is_stored(self, message: JournalMessage) -> bool:
        """Return whether a job of a listing has ended and need not be stored now."""
        if not _has_ended(message):
            return False
        if self._stored is None:
            return True
        place = bisect_left(self._stored, message.id)
        return place < len(self._stored) and self._stored[place] == message.id

    def _collect(self, message: JournalMessage) -> None:
        jobid = message.id
        entry = self._active.get(jobid)
        if entry is None:
            is_new = bool(message.events) and message.events[0].name == "submit"
            if not is_new or self._bytes > _MAX_COLLECTED_BYTES:
                self._pass_by(message)
                return
            entry = self._active[jobid] = _Entry()
            size = 0
        else:
            size = entry.size
        ends = self._add(entry, message)
        if ends is None:
            self._bytes += entry.size - size
            return
        del self._active[jobid]
        self._bytes -= size
        if ends:
            self._store(jobid, entry)

    def _pass_by(self, message: JournalMessage) -> None:
        """Note that a job of which nothing was collected has ended."""
        if _has_ended(message):
            self._on_gap(message.id)

    def _add(self, entry: _Entry, message: JournalMessage) -> bool | None:
        """Add the events of a message; return true for a job that has ended, false for no job."""
        if message.partial:
            entry.exact = False
        elif message.jobspec is not None:
            entry.jobspec = self._member(entry, redacted(message.jobspec))
        if message.R is not None:
            entry.R = self._member(entry, message.R)
        ends: bool | None = None
        for event in message.events:
            name = event.name
            if name == "invalidate":
                return False
            if name not in _NOT_IN_EVENTLOG:
                self._add_event(entry, event)
            if name == "clean":
                ends = True
        return ends

    @staticmethod
    def _add_event(entry: _Entry, event: Event) -> None:
        # The journal does not tell whether the eventlog keeps a memo.
        if event.name == "memo" or event.truncated:
            entry.exact = False
        if len(entry.events) < MAX_EVENTLOG_BYTES:
            entry.events += encode_event(event)
            entry.events += b"\n"
        else:
            entry.exact = False

    @staticmethod
    def _member(entry: _Entry, value: object) -> bytes:
        text = _encoder.encode(value)
        if len(text) > _MAX_MEMBER_BYTES or text == b"{}":
            # The journal's reader leaves out what is too large, too.
            entry.exact = False
            return b""
        return text

    def _store(self, jobid: int, entry: _Entry) -> None:
        detail = Detail(bytes(entry.events), entry.jobspec, entry.R)
        job = self._table.get(jobid)
        if job is not None and job.is_inactive:
            record = self._table.encode(jobid)
        else:
            # It was purged in the same batch, or the table is full.
            job = fold(jobid, detail)
            record = encode(job)
        if job.t_inactive <= self._writer.upkeep.horizon:
            return
        ended = EndedJob(jobid, facts_of(job), record, detail, entry.exact)
        if not self._writer.add(self.source, ended):
            self._on_gap(None)
            return
        if job.t_run:
            self._on_stored(jobid)
        if not entry.exact:
            self._on_gap(jobid)

    def _discard(self, jobid: int) -> None:
        entry = self._active.pop(jobid, None)
        if entry is not None:
            self._bytes -= entry.size


def _has_ended(message: JournalMessage) -> bool:
    return any(event.name == "clean" for event in reversed(message.events))
