"""All jobs of the instance, folded from its journal; the only thing that reads are answered from.

Plain synchronous code. Nothing but :meth:`Table.feed` changes the table, and only the journal calls
it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from fluxapi.model.eventlog import Event, JournalMessage, Purged
from fluxapi.model.job import Job, adopt, apply, begin
from fluxapi.model.record import encode, record

from .index import Facets, Index, facets

__all__ = ["Changes", "Table"]

_log = logging.getLogger(__name__)

_ROWS = 20_000
"""Encoded rows kept: those that were asked for last, at about 700 bytes each."""


@dataclass(slots=True)
class Changes:
    """What one :meth:`Table.feed` did: ids whose row is new or other, ids that are gone."""

    changed: dict[int, Facets | None] = field(default_factory=dict)
    gone: dict[int, Facets] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.changed or self.gone)


class Table:
    """Jobs by id, with indexes. At most ``max_inactive`` inactive jobs: the oldest ids go first."""

    def __init__(self, *, max_inactive: int = 1_000_000, max_keys: int = 100_000) -> None:
        self.index = Index()
        self._jobs: dict[int, Job] = {}
        self._rows: dict[int, bytes] = {}
        self._keys: dict[str, tuple[int, str]] = {}
        self._max_inactive = max_inactive
        self._max_keys = max_keys
        self._replay: set[int] | None = set()
        self.watermark = 0.0

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, jobid: object) -> bool:
        return jobid in self._jobs

    def get(self, jobid: int) -> Job | None:
        """The job, or ``None``; callers read it and never change it."""
        return self._jobs.get(jobid)

    def record(self, jobid: int) -> dict[str, Any]:
        """The record of a job (see :mod:`fluxapi.model.job`); raises ``KeyError``."""
        return record(self._jobs[jobid])

    def encode(self, jobid: int) -> bytes:
        """The record as JSON, kept until the job changes; raises ``KeyError``."""
        row = self._rows.get(jobid)
        if row is None:
            row = self._rows[jobid] = encode(self._jobs[jobid])
            if len(self._rows) > _ROWS:
                del self._rows[next(iter(self._rows))]
        return row

    def stats(self) -> dict[str, Any]:
        """Counts: ``total``, by ``states`` and by ``results``."""
        return {
            "total": len(self._jobs),
            "states": {state: len(ids) for state, ids in self.index.state.items() if ids},
            "results": {result: len(ids) for result, ids in self.index.result.items() if ids},
        }

    def idempotent(self, key: str) -> tuple[int, str] | None:
        """The job that was submitted with an Idempotency-Key, and the digest of its request."""
        known = self._keys.get(key)
        return known if known is not None and known[0] in self._jobs else None

    @property
    def replaying(self) -> bool:
        """Whether the backlog is still coming in."""
        return self._replay is not None

    def begin_replay(self) -> None:
        """A new stream of the journal begins with the whole backlog: see what is left after it."""
        self._replay = set()

    def feed(self, batch: Iterable[JournalMessage | Purged]) -> Changes:
        """Fold a batch of journal messages, in order; returns what it changed."""
        changes = Changes()
        for message in batch:
            if isinstance(message, Purged):
                for jobid in message.ids:
                    self._drop(jobid, changes)
            elif message.is_sentinel:
                self._end_replay(changes)
            elif self._replay is not None:
                self._replay.add(message.id)
                self._replace(message, changes)
            else:
                for event in message.events:
                    self._fold(message, event, changes)
        self._refile(changes)
        self._trim(changes)
        return changes

    def _replace(self, message: JournalMessage, changes: Changes) -> None:
        """Backlog: build the job anew from its whole eventlog, keep what only came live."""
        old = self._jobs.get(message.id)
        new = begin(message.id, message.jobspec)
        for event in message.events:
            self._apply(new, event, message)
        if old is not None:
            adopt(new, old)
            if new == old:
                return
        self._note(message.id, old, changes)
        self._jobs[message.id] = new
        self._learn_key(message)

    def _fold(self, message: JournalMessage, event: Event, changes: Changes) -> None:
        job = self._jobs.get(message.id)
        if event.name == "invalidate":
            self._drop(message.id, changes)
            return
        if job is None:
            if event.name != "submit":
                _log.warning("journal: event %s of unknown job %d", event.name, message.id)
                return
            job = begin(message.id, message.jobspec)
            self._note(message.id, None, changes)
            self._jobs[message.id] = job
            self._learn_key(message)
        else:
            self._note(message.id, job, changes)
        self._apply(job, event, message)

    def _apply(self, job: Job, event: Event, message: JournalMessage) -> None:
        try:
            apply(job, event, message.R)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            _log.warning("journal: job %d: bad %s event: %r", job.id, event.name, error)
        self.watermark = max(self.watermark, event.timestamp)

    def _note(self, jobid: int, job: Job | None, changes: Changes) -> None:
        self._rows.pop(jobid, None)
        if jobid not in changes.changed:
            changes.changed[jobid] = None if job is None else facets(job)

    def _drop(self, jobid: int, changes: Changes) -> None:
        job = self._jobs.pop(jobid, None)
        if job is None:
            return
        self._rows.pop(jobid, None)
        # A job that this batch made or changed is filed under what it was before the batch.
        filed = changes.changed.pop(jobid, facets(job))
        if filed is not None:
            changes.gone[jobid] = filed

    def _end_replay(self, changes: Changes) -> None:
        if self._replay is not None:
            for jobid in self._jobs.keys() - self._replay:
                self._drop(jobid, changes)
        self._replay = None

    def _refile(self, changes: Changes) -> None:
        if changes.gone:
            self.index.remove(changes.gone.items())
        fresh: list[tuple[int, Facets]] = []
        for jobid, old in changes.changed.items():
            new = facets(self._jobs[jobid])
            if old is None:
                fresh.append((jobid, new))
            elif old != new:
                self.index.move(jobid, old, new)
        if fresh:
            self.index.add(fresh)

    def _trim(self, changes: Changes) -> None:
        inactive = self.index.state.get("INACTIVE", ())
        excess = len(inactive) - self._max_inactive
        if excess > 0:
            victims = {jobid: facets(self._jobs[jobid]) for jobid in list(inactive[:excess])}
            for jobid in victims:
                del self._jobs[jobid]
                self._rows.pop(jobid, None)
                changes.changed.pop(jobid, None)
            self.index.remove(victims.items())
            changes.gone.update(victims)

    def _learn_key(self, message: JournalMessage) -> None:
        try:
            mark = message.jobspec["attributes"]["user"]["fluxapi"]  # type: ignore[index]
            key, digest = mark["key"], mark["digest"]
        except (KeyError, TypeError):
            return  # submitted without a key, or by somebody else
        self._keys[key] = (message.id, digest)
        if len(self._keys) > self._max_keys:
            del self._keys[next(iter(self._keys))]
