"""The table of all jobs of the instance, folded from its journal; it answers all reads.

The code is synchronous. Only the journal consumer changes the table, by :meth:`Table.feed`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from itertools import islice
from typing import Any, NamedTuple

from fluxapi.instance.protocol import Change
from fluxapi.model.eventlog import UNINDEXED, Event, JournalMessage, Purged, Resync, admit
from fluxapi.model.fold import adopt, apply_all, begin
from fluxapi.model.job import Job, checksum
from fluxapi.model.job_end import is_waitable
from fluxapi.model.keymark import KeySigner
from fluxapi.model.reason import PENDING
from fluxapi.model.record import encode, is_final, record

from .backlog import BacklogBuffer
from .bad_events import BadEvents
from .capacity import Capacity
from .changes import Changes, Posted, Shape
from .groups import Groups
from .index import Facets, Index, facets
from .known_keys import KnownKeys
from .links import Links
from .queue_counts import QueueCounts
from .recent_changes import RecentChanges
from .row_cache import RowCache
from .submit_times import SubmitTimes
from .waitable import Waitable

__all__ = ["DIGEST_MODULUS", "Progress", "Table", "Test"]

Test = Callable[[Any], bool]
"""A test of a job or, without filters on time and text, of its facets."""


class Progress(NamedTuple):
    """The jobs of a backlog that were read, and the number of all, if it is known."""

    read: int
    total: int | None


DIGEST_MODULUS = 1 << 32
"""A digest is the sum of checksums modulo this number."""


class Table:
    """A table of jobs by ID, with indexes.

    It keeps at most ``max_inactive`` inactive jobs; those with the lowest IDs are dropped first.
    With a ``capacity``, :meth:`feed` raises ``TableFull`` beyond it.
    """

    def __init__(
        self,
        *,
        max_inactive: int = 1_000_000,
        max_keys: int = 100_000,
        history: BacklogBuffer | None = None,
        signer: KeySigner | None = None,
        capacity: Capacity | None = None,
    ) -> None:
        self.index = Index()
        self.groups = Groups()
        self.queues = QueueCounts()
        self.links = Links()
        self._capacity = capacity
        self.history = history
        """The buffer for the newest events of the first backlog, if they are needed."""
        self._signer = signer or KeySigner()
        self.digest = 0
        """The sum of the checksums of all rows, modulo :data:`DIGEST_MODULUS`."""
        self._jobs: dict[int, Job] = {}
        self.jobs: Mapping[int, Job] = self._jobs
        self._settled = RowCache()
        self._pending = RowCache()
        """The rows of pending jobs; a reader adds the reason why each job waits."""
        self.recent = RecentChanges()
        self.times = SubmitTimes()
        self.waitable = Waitable(self._jobs, max_inactive)
        self.keys = KnownKeys(max_keys)
        self._max_inactive = max_inactive
        self.replays = 0
        """The number of complete backlogs that do not have the jobs that the instance has lost."""
        self._replay: set[int] | None = set()
        self._may_lose = True
        self._listed: int | None = None
        self._purged: set[int] = set()
        self._memos: dict[int, float] = {}
        """The time of the last published memo by job ID."""
        self._bad_events = BadEvents()
        self._trimmed = -1
        """The highest ID dropped for ``max_inactive``; older inactive jobs are not new."""

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, jobid: object) -> bool:
        return jobid in self._jobs

    def __getitem__(self, jobid: int) -> Job:
        """Return the job; callers must not change it; raise ``KeyError``."""
        return self._jobs[jobid]

    def get(self, jobid: int) -> Job | None:
        """Return the job, or ``None``; callers must not change it."""
        return self._jobs.get(jobid)

    def record(self, jobid: int) -> dict[str, Any]:
        """Return the record of a job (see :mod:`fluxapi.model.record`); raise ``KeyError``."""
        return record(self._jobs[jobid])

    def encode(self, jobid: int) -> bytes:
        """Return the record as JSON, cached until the job changes; raise ``KeyError``."""
        row = self._settled.get(jobid) or self._pending.get(jobid)
        if row is None:
            job = self._jobs[jobid]
            row = encode(job)
            if is_final(job):
                (self._pending if job.state in PENDING else self._settled).put(jobid, row)
        return row

    def settled_rows(self, jobids: Iterable[int]) -> list[bytes | None]:
        """Return :meth:`encode` of each job; ``None`` for a pending one, or one to encode first."""
        return self._settled.get_all(jobids)

    def select(self, jobids: Iterable[int], test: Test | None = None) -> list[int]:
        """Return the *jobids* that are in the table and pass the test."""
        jobs = self._jobs
        if test is None:
            return [jobid for jobid in jobids if jobid in jobs]
        return [jobid for jobid in jobids if (job := jobs.get(jobid)) is not None and test(job)]

    def stats(self) -> dict[str, Any]:
        """Return the counts of jobs: ``total``, by ``states`` and by ``results``."""
        return {
            "total": len(self._jobs),
            "states": {state: len(ids) for state, ids in self.index.state.items() if ids},
            "results": {result: len(ids) for result, ids in self.index.result.items() if ids},
        }

    @property
    def replaying(self) -> bool:
        """True while the backlog is being read."""
        return self._replay is not None

    @property
    def trimmed(self) -> int:
        """The highest ID that was dropped for ``max_inactive``, or −1."""
        return self._trimmed

    @property
    def progress(self) -> Progress | None:
        """How far the backlog was read; ``None`` if it is not being read."""
        if self._replay is None:
            return None
        read, listed = len(self._replay), self._listed
        return Progress(read, None if listed is None else max(read, listed))

    def begin_replay(self, jobs: int | None = None, *, is_same: bool = False) -> None:
        """Begin a complete listing, of *jobs* if that is known; see :class:`Resync`.

        At its end, jobs that are not in it are removed.
        """
        self._replay, self._listed, self._may_lose = set(), jobs, not is_same
        self._purged.clear()
        if self.history is not None:
            self.history.clear()

    def feed(self, batch: Iterable[Change]) -> Changes:
        """Fold a batch of journal messages in order, and return the changes."""
        changes = Changes()
        for message in batch:
            if isinstance(message, Purged):
                for jobid in message.ids:
                    self._drop(jobid, changes)
                if self._replay is not None:
                    self._purged.update(message.ids)
            elif isinstance(message, Resync):
                self.begin_replay(message.jobs, is_same=message.is_same)
            elif message.is_sentinel:
                self._end_replay(changes)
            else:
                self._take(admit(message), changes)
        self._refile(changes)
        self._trim(changes)
        if self._capacity is not None:
            changed = [self._jobs[jobid] for jobid in changes.changed]
            self._capacity.weigh(changed, changes.gone)
            self._capacity.check(len(self._jobs), len(self._replay or ()), len(self._purged))
        return changes

    def _take(self, message: JournalMessage, changes: Changes) -> None:
        if self._replay is not None:
            self._replay.add(message.id)
            # A purge is not part of the journal, so it may arrive before the backlog.
            if message.id not in self._purged:
                self._replace(message, changes)
            return
        for event in message.events:
            self._fold(message, event, changes)

    def _replace(self, message: JournalMessage, changes: Changes) -> None:
        """Rebuild the job from its eventlog in the backlog; keep its live annotations."""
        old = self._jobs.get(message.id)
        new = begin(message.id, message.jobspec)
        posted = len(changes.posted)
        if self.history is not None:
            self._collect(self.history, new, message)
        else:
            # Readers have seen the events that were folded before, and all events of dropped jobs;
            # all others were missed. A job that has not ended was never dropped, however old.
            has_ended = any(event.name == "clean" for event in message.events)
            was_dropped = has_ended and message.id <= self._trimmed
            unseen = len(message.events) if was_dropped else 0
            known = unseen if old is None else old.nevents
            for event in message.events:
                index = None if event.name in UNINDEXED else new.nevents
                self._apply(new, (event,), message)
                if self._is_news(new, event, index, known):
                    changes.posted.append(Posted(message.id, index, event, facets(new)))
        if old is None and new.is_inactive and message.id <= self._trimmed:
            self.waitable.leave(message.id)
            self._memos.pop(message.id, None)
            return  # It was dropped; free space is for new jobs.
        if old is not None:
            adopt(new, old)
            # A missed memo may leave the row unchanged, but must be published.
            if new == old and len(changes.posted) == posted:
                return
        self._note(message.id, old, changes)
        self._jobs[message.id] = new
        if old is not None:
            self.links.remove(old)
        self.links.add(new)
        self._learn_key(new, message)

    def _is_news(self, job: Job, event: Event, index: int | None, known: int) -> bool:
        """Return whether an event in the backlog of a job with *known* events is unpublished."""
        if index is not None:
            return index >= known
        last = self._memos.get(job.id, 0.0 if known else float("-inf"))
        if event.name != "memo" or job.nevents < known or event.timestamp <= last:
            return False
        self._memos[job.id] = event.timestamp
        return True

    def _collect(self, history: BacklogBuffer, new: Job, message: JournalMessage) -> None:
        """Collect the newest events of the first backlog, for clients that resume later."""
        before = copy(new) if history.wants(message.events) else None
        self._apply(new, message.events, message)
        if before is not None:
            history.add(before, new, message.events)
        if new.nevents == len(message.events):
            return  # It has no memos.
        for event in message.events:
            if event.name == "memo":
                last = self._memos.get(new.id, 0.0)
                self._memos[new.id] = max(event.timestamp, last)

    def _fold(self, message: JournalMessage, event: Event, changes: Changes) -> None:
        job = self._jobs.get(message.id)
        if event.name == "invalidate":
            self._drop(message.id, changes)
            self.keys.free(message.id)
            changes.invalid.add(message.id)
            return
        if job is None:
            if event.name != "submit":
                self._bad_events.warn(message.id, event, "the job is not known")
                return
            job = begin(message.id, message.jobspec)
            self._note(message.id, None, changes)
            self._jobs[message.id] = job
            self.links.add(job)
        else:
            self._note(message.id, job, changes)
        index = None if event.name in UNINDEXED else job.nevents
        self._apply(job, (event,), message)
        if event.name == "submit":
            self._learn_key(job, message)
        elif event.name == "memo":
            self._memos[job.id] = max(event.timestamp, self._memos.get(job.id, 0.0))
        changes.posted.append(Posted(message.id, index, event, facets(job)))

    def _apply(self, job: Job, events: Iterable[Event], message: JournalMessage) -> None:
        """Fold *events* of a message."""
        for event, error in apply_all(job, events, message.R):
            self._bad_events.warn(job.id, event, error)
        for event in events:
            if event.name == "submit":
                self.groups.admit(job, self._signer.owner)
                if is_waitable(event):
                    self.waitable.add(job.id)
            elif event.name == "clean":
                self.waitable.end(job.id)

    def _touch(self, jobid: int) -> None:
        self._settled.drop(jobid)
        self._pending.drop(jobid)
        self.recent.add(jobid)

    def _note(self, jobid: int, job: Job | None, changes: Changes) -> None:
        if jobid in changes.changed:
            return
        if job is None:
            self.recent.add(jobid)
            changes.changed[jobid] = None
        else:
            self._touch(jobid)
            changes.changed[jobid] = Shape(facets(job), checksum(job))

    def _drop(self, jobid: int, changes: Changes) -> None:
        job = self._jobs.pop(jobid, None)
        if job is None:
            return
        self._touch(jobid)
        self.links.remove(job)
        self._memos.pop(jobid, None)
        self.waitable.leave(jobid)
        # Until the end of a batch, the index has the facets from before the batch.
        before = changes.changed.pop(jobid, Shape(facets(job), checksum(job)))
        # Readers have never seen a row that was added in this batch.
        if before is not None:
            changes.gone[jobid] = before

    def _end_replay(self, changes: Changes) -> None:
        if self._replay is not None:
            for jobid in self._jobs.keys() - self._replay:
                if self._is_lost(self._jobs[jobid]):
                    self.keys.free(jobid)
                self._drop(jobid, changes)
            self.keys.settle()
            self.replays += self._may_lose
        self._replay = None
        self._purged.clear()

    def _is_lost(self, job: Job) -> bool:
        """Return whether a job that is missing in a listing was lost or refused, and never ran."""
        return not job.is_inactive if self._may_lose else job.state == "NEW"

    def _refile(self, changes: Changes) -> None:
        digest = self.digest
        if changes.gone:
            self.index.remove((jobid, old.facets) for jobid, old in changes.gone.items())
            for jobid, shape in changes.gone.items():
                self.groups.remove(shape.facets, is_purged=jobid not in changes.invalid)
                self.queues.remove(shape.facets)
            digest -= sum(old.checksum for old in changes.gone.values())
        fresh: list[tuple[int, Facets]] = []
        for jobid, old in changes.changed.items():
            job = self._jobs[jobid]
            new = facets(job)
            revision = checksum(job)
            changes.after[jobid] = Shape(new, revision)
            digest += revision
            self.times.add(jobid, job.t_submit)
            if old is None:
                fresh.append((jobid, new))
                continue
            digest -= old.checksum
            if old.facets != new:
                self.index.move(jobid, old.facets, new)
                self.groups.move(old.facets, new, job)
                self.queues.remove(old.facets)
                self.queues.add(new)
        if fresh:
            self.index.add(fresh, more_follow=self.replaying)
            self.groups.add((values, self._jobs[jobid]) for jobid, values in fresh)
            for _, values in fresh:
                self.queues.add(values)
        self.digest = digest % DIGEST_MODULUS

    def _trim(self, changes: Changes) -> None:
        inactive = self.index.state.get("INACTIVE")
        excess = 0 if inactive is None else len(inactive) - self._max_inactive
        if inactive is not None and excess > 0:
            for jobid in list(islice(inactive, excess)):
                job = self._jobs[jobid]
                filed = facets(job)
                self.index.remove([(jobid, filed)])
                self.groups.remove(filed, is_purged=True)
                self.queues.remove(filed)
                self.digest = (self.digest - checksum(job)) % DIGEST_MODULUS
                self._drop(jobid, changes)
                self._trimmed = max(self._trimmed, jobid)

    def _learn_key(self, job: Job, message: JournalMessage) -> None:
        known_by = self._signer.read(message.jobspec, job.userid)
        # Others were submitted without a key, or by another user.
        if known_by is not None:
            is_listed = self._replay is not None
            self.keys.learn(known_by.key, message.id, known_by.digest, is_listed=is_listed)
