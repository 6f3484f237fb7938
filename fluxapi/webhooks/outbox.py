"""From the journal to the store: matches each event with the webhooks, and stores what they want.

The consumer of the journal calls :meth:`Outbox.observe`, which only tests filters and appends to a
bounded queue. A task stores the queue in batches, together with the cursor, so that after a restart
each event is either stored or read again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from fluxapi.errors import NotStored
from fluxapi.instance.protocol import ChangeBatch
from fluxapi.model.eventlog import Event
from fluxapi.model.jobid import encode_f58
from fluxapi.notices.notice import Notice, job_notice
from fluxapi.process.background import BackgroundTask
from fluxapi.table.changes import Changes
from fluxapi.table.index import Facets
from fluxapi.table.table import Table

from .group_watch import GroupWatch
from .hooks import Hooks
from .lanes import Hook
from .port import FOREVER, Changeset, DeliveryStore, NewDelivery, Pending
from .recall import Recall, Recalled

__all__ = ["Outbox"]

_log = logging.getLogger(__name__)

_MAX_QUEUED = 20_000
_MAX_QUEUED_BYTES = 32 << 20
"""Notices that wait to be stored; events beyond are read again later."""

_MAX_DIRTY_JOBS = 100_000
"""Jobs of one webhook whose events are read again later."""

_MAX_BATCH = 500
"""Deliveries that are written at once."""

_NOTICE_OVERHEAD_BYTES = 1000
_GATHER_S = 0.02
"""Time in which outcomes are gathered for one write."""

_RETRY_PAUSE_S = 1.0
"""Time after which a write that failed, as on a full disk, is tried again."""


@dataclass(slots=True)
class _Queued:
    """A notice for some webhooks; see :class:`NewDelivery`.

    ``seen`` is the time of the newest event that was examined before it.
    """

    hooks: list[Hook]
    notice: Notice
    key: str
    upto: int
    at: float
    seen: float
    size: int = _NOTICE_OVERHEAD_BYTES


class Outbox(BackgroundTask):
    """The task that stores notices, and the queue in front of it."""

    def __init__(
        self, hooks: Hooks, store: DeliveryStore, on_stored: Callable[[list[Pending]], None]
    ) -> None:
        super().__init__("webhook outbox")
        self.problem: str | None = None
        """Why nothing can be stored, or ``None``."""
        self.changes = Changeset()
        """Changes that are written with the next batch."""
        self.instance = ""
        self._hooks = hooks
        self._store = store
        self._on_stored = on_stored
        self._table: Table | None = None
        self._recall: Recall | None = None
        self._groups = GroupWatch()
        self._queue: deque[_Queued] = deque()
        self._queued_bytes = 0
        self._examined = 0.0
        """The time of the last event that was examined."""
        self._seen = 0.0
        """The same, outside of a backlog, whose jobs come in no order: the cursor."""
        self._stored = 0.0
        self._wake = asyncio.Event()
        self._has_begun = True

    def attach(self, table: Table, instance: str, recall: Recall | None) -> None:
        """Observe the journal that feeds *table*; *recall* says what an earlier service took."""
        self._table, self.instance, self._recall = table, instance, recall
        self._has_begun = False

    async def begin(self) -> None:
        """Have the store note the instance before it stores anything; raise ``NotStored``."""
        if not self._has_begun:
            await self._store.begin(self.instance)
            self._has_begun = True

    @property
    def is_empty(self) -> bool:
        """Return whether nothing waits to be stored."""
        is_changed = any(hook.is_changed for hook in self._hooks)
        return not self._queue and not self.changes and not is_changed

    @property
    def queued(self) -> int:
        """Return the number of notices that wait to be stored."""
        return len(self._queue)

    def wake(self) -> None:
        """Write what has changed."""
        self._wake.set()

    def observe(self, piece: ChangeBatch, changes: Changes) -> None:
        """Take what the consumer of the journal has just fed to the table."""
        if not self._hooks.enabled or self._table is None:
            return
        if self._table.history is not None:
            self._observe_backlog(piece)
            return
        if changes.posted:
            if self._hooks.wants_jobs:
                for it in changes.posted:
                    hooks = self._hooks.of_event(it.event.name)
                    if hooks:
                        self._take(hooks, it.id, it.index, it.event, it.facets)
            self._examined = changes.posted[-1].event.timestamp
        if changes.changed and self._wants_groups:
            self._groups.observe(changes, self._table)
        # During another backlog, the table does not know all jobs of a group yet.
        if not self._table.replaying:
            self._take_groups()
            self._seen = self._examined

    @property
    def _wants_groups(self) -> bool:
        return bool(self._hooks.of_kind("group-done") or self._hooks.of_kind("first-failure"))

    def _observe_backlog(self, piece: ChangeBatch) -> None:
        """Take the events that an earlier service has not taken."""
        table, recall = self._table, self._recall
        if recall is None or table is None:
            return
        for found in recall.events(piece, table):
            self._take_recalled(found, recall)
        if self._wants_groups:
            recall.note_groups(piece, table, self._groups)
        if not table.replaying:
            self._take_groups(recall)
            self._recall = None
            self._seen = self._examined

    def _take_recalled(self, found: Recalled, recall: Recall) -> None:
        hooks = [
            hook
            for hook in self._hooks.of_event(found.event.name)
            # The further events of a job that is read again are read with it.
            if (found.index is None or found.id not in hook.dirty) and recall.is_new(hook, found)
        ]
        if hooks:
            self._take(hooks, found.id, found.index, found.event, found.facets)
        self._examined = max(self._examined, found.event.timestamp)

    def _take_groups(self, recall: Recall | None = None) -> None:
        if self._table is None:
            return
        for kind, group, notice in self._groups.notices(self._table, self.instance):
            hooks = [
                hook
                for hook in self._hooks.of_kind(kind)
                if hook.matcher.takes_group(group.id, group.userid)
                and (recall is None or recall.is_new_notice(hook, notice))
            ]
            if hooks:
                self.post(hooks, notice)

    def post(self, hooks: Iterable[Hook], notice: Notice, mark: str | None = None) -> None:
        """Queue a notice that is no event of a job; such a notice is never read again.

        With it, *mark* is stored, which stays until it is removed.
        """
        if len(self._queue) >= 2 * _MAX_QUEUED:
            self._lose(hooks)
            return
        chosen = []
        for hook in hooks:
            if hook.has_reserve:
                chosen.append(hook)
            else:
                self._lose([hook])
        if chosen:
            key, at = (notice.id, notice.time) if mark is None else (mark, FOREVER)
            self._append(_Queued(chosen, notice, key, 1, at, self._seen))

    def _take(
        self, hooks: Iterable[Hook], jobid: int, index: int | None, event: Event, facets: Facets
    ) -> None:
        """Queue an event for those webhooks whose filters admit it."""
        chosen = []
        is_full = len(self._queue) >= _MAX_QUEUED or self._queued_bytes >= _MAX_QUEUED_BYTES
        for hook in hooks:
            if not hook.matcher.selection.takes(jobid, facets):
                continue
            if not is_full and jobid not in hook.dirty and hook.has_room:
                chosen.append(hook)
            elif index is None or (jobid not in hook.dirty and len(hook.dirty) >= _MAX_DIRTY_JOBS):
                self._lose([hook])
            else:
                hook.miss(jobid, index, event.timestamp)
        if chosen:
            self._queue_event(chosen, jobid, index, event)

    def take_again(self, hook: Hook, jobid: int, index: int, event: Event, facets: Facets) -> bool:
        """Queue an event that was read again; return whether there is room for further ones."""
        if hook.matcher.selection.takes(jobid, facets):
            self._queue_event([hook], jobid, index, event)
        return hook.has_room and len(self._queue) < _MAX_QUEUED

    def _queue_event(self, hooks: list[Hook], jobid: int, index: int | None, event: Event) -> None:
        table = self._table
        record = None
        if table is not None and jobid in table:
            record = msgspec.Raw(table.encode(jobid))
        notice = job_notice(self.instance, jobid, index, event, record)
        name = encode_f58(jobid)
        key, upto = (notice.id, 1) if index is None else (name, index + 1)
        texts = (record, notice.data["event"].get("context"))
        size = sum(len(bytes(text)) for text in texts if isinstance(text, msgspec.Raw))
        size += _NOTICE_OVERHEAD_BYTES
        self._append(_Queued(hooks, notice, key, upto, event.timestamp, self._seen, size))

    def _append(self, item: _Queued) -> None:
        self._queue.append(item)
        self._queued_bytes += item.size
        for hook in item.hooks:
            hook.queued += 1
        self._wake.set()

    def _lose(self, hooks: Iterable[Hook]) -> None:
        for hook in hooks:
            if not hook.webhook.lost:
                _log.warning(
                    "webhook %s: too many messages wait, so some of its events are lost", hook.id
                )
            hook.webhook.lost += 1
            hook.is_changed = True

    async def run(self) -> None:
        """Store whatever comes."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if not self._queue:
                # Outcomes can wait for each other: one that is lost is a message sent twice.
                await asyncio.sleep(_GATHER_S)
            while not self.is_empty:
                if not await self._try_to_write():
                    await asyncio.sleep(_RETRY_PAUSE_S)

    async def _try_to_write(self) -> bool:
        """Return whether everything of a batch was written."""
        try:
            await self._write()
        except NotStored as error:
            if self.problem is None:
                _log.error("webhooks are not stored: %s", error.detail)
            self.problem = error.detail
            return False
        return True

    async def flush(self) -> None:
        """Write everything now, once; raise ``NotStored``."""
        while not self.is_empty:
            await self._write()

    async def _write(self) -> None:
        await self.begin()
        batch = self._next_batch()
        changes, self.changes = self.changes, Changeset()
        changes.added += [
            NewDelivery(hook.id, it.notice.subject, it.key, it.upto, it.at, it.notice)
            for it in batch
            for hook in it.hooks
            if self._hooks.get(hook.id) is hook
        ]
        self._add_states(changes, batch)
        # A webhook that was removed meanwhile must not come back, nor must its marks.
        changes.webhooks = {
            name: it for name, it in changes.webhooks.items() if self._hooks.get(name) is not None
        }
        changes.marks = [it for it in changes.marks if self._hooks.get(it[0]) is not None]
        try:
            added, dropped = await self._store.commit(changes)
        except BaseException:
            self._queue.extendleft(reversed(batch))
            changes.added = []
            self.changes = _joined(changes, self.changes)
            raise
        self.problem = None
        self._queued_bytes -= sum(it.size for it in batch)
        for it in batch:
            for hook in it.hooks:
                hook.queued -= 1
        for name, count in dropped.items():
            hook_or_none = self._hooks.get(name)
            if hook_or_none is not None:
                hook_or_none.webhook.lost += count
                hook_or_none.is_changed = True
        self._on_stored(added)

    def _next_batch(self) -> list[_Queued]:
        batch: list[_Queued] = []
        left = _MAX_BATCH
        while self._queue and left > 0:
            batch.append(self._queue.popleft())
            left -= len(batch[-1].hooks)
        return batch

    def _add_states(self, changes: Changeset, batch: list[_Queued]) -> None:
        """Add the cursor, and the states of webhooks, which say where they are behind it."""
        for hook in self._hooks:
            if hook.is_changed:
                hook.is_changed = False
                changes.webhooks[hook.id] = msgspec.structs.replace(hook.webhook)
        # The rest of the queue is later than the last of the batch.
        cursor = batch[-1].seen if batch and self._queue else self._seen
        if cursor and cursor != self._stored:
            changes.cursor = self._stored = cursor

    @property
    def stored_cursor(self) -> float:
        """Return the cursor that was stored last; 0.0 before the first."""
        return 0.0 if self.changes.cursor is not None else self._stored

    def save_cursor(self) -> None:
        """Have the cursor written, even if nothing else has changed."""
        if self._seen and self._seen != self._stored and not self._queue:
            self.changes.cursor = self._seen
            self._wake.set()


def _joined(first: Changeset, second: Changeset) -> Changeset:
    """Return the changes of both; the second are newer."""
    return Changeset(
        added=[],
        delivered=first.delivered + second.delivered,
        retried=first.retried + second.retried,
        dead=first.dead + second.dead,
        webhooks=first.webhooks | second.webhooks,
        marks=first.marks + second.marks,
        unmarks=first.unmarks + second.unmarks,
        cursor=second.cursor if second.cursor is not None else first.cursor,
    )
