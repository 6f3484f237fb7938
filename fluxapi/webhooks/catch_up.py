"""Reads events again that could not be stored when they came, once there is room for them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator

from fluxapi.errors import FluxapiError, JobNotFound
from fluxapi.instance.protocol import JobRecords
from fluxapi.model.eventlog import UNINDEXED, Event
from fluxapi.model.fold import BAD_VALUE, apply, begin
from fluxapi.model.job import Job
from fluxapi.process.background import BackgroundTask
from fluxapi.table.index import Facets, facets
from fluxapi.table.table import Table

from .hooks import Hooks
from .lanes import Hook
from .outbox import Outbox

__all__ = ["CatchUp"]

_log = logging.getLogger(__name__)

_INTERVAL_S = 0.5
_UNAVAILABLE_PAUSE_S = 5.0
_SLICE_EVENTS = 500
"""Events that are folded before other tasks run."""


class CatchUp(BackgroundTask):
    """The task that reads the eventlogs of jobs whose events are missing, one at a time."""

    def __init__(self, hooks: Hooks, outbox: Outbox, instance: JobRecords, table: Table) -> None:
        super().__init__("webhook catch-up")
        self._hooks = hooks
        self._outbox = outbox
        self._instance = instance
        self._table = table

    async def run(self) -> None:
        """Look for webhooks that are behind and have room again."""
        while True:
            for hook in self._hooks.enabled:
                while self._may_read(hook):
                    if not await self._read_next(hook):
                        await asyncio.sleep(_UNAVAILABLE_PAUSE_S)
                        break
                hook.catch_up()
            await asyncio.sleep(_INTERVAL_S)

    def _may_read(self, hook: Hook) -> bool:
        return bool(hook.dirty) and hook.has_much_room and self._hooks.get(hook.id) is hook

    async def _read_next(self, hook: Hook) -> bool:
        """Read the events of one job; return whether the instance answered."""
        jobid = next(iter(hook.dirty))
        job = self._table.get(jobid)
        try:
            events = await self._instance.eventlog(jobid)
        except JobNotFound:
            events, job = [], None
        except FluxapiError as error:
            _log.info("webhooks: cannot read the events of a job again: %s", error.detail)
            if jobid in hook.dirty:
                # Flux may not answer for this job alone: others come first.
                hook.dirty[jobid] = hook.dirty.pop(jobid)
            return False
        if job is None:
            hook.webhook.lost += 1
            hook.is_changed = True
            hook.dirty.pop(jobid, None)
            _log.warning("webhook %s: Flux has purged a job before its events were sent", hook.id)
            return True
        await self._take(hook, job, events)
        return True

    async def _take(self, hook: Hook, job: Job, events: list[Event]) -> None:
        # Events that arrive meanwhile keep the job among those to be read again.
        start = hook.dirty.get(job.id)
        if start is None:
            return  # The webhook was disabled meanwhile.
        reached = start
        for number, (index, event, after) in enumerate(_folded(job, events)):
            if number % _SLICE_EVENTS == _SLICE_EVENTS - 1:
                await asyncio.sleep(0)
            if index < start:
                continue
            if hook.matcher.events is None or event.name in hook.matcher.events:
                has_room = self._outbox.take_again(hook, job.id, index, event, after)
            else:
                has_room = True
            reached = index + 1
            if not has_room:
                break
        else:
            # All known events are queued; any that the eventlog did not have yet come next.
            now = self._table.get(job.id)
            if now is None or reached >= now.nevents:
                hook.dirty.pop(job.id, None)
                return
        if job.id not in hook.dirty:
            return
        if reached > start:
            hook.dirty[job.id] = reached
        else:
            # The eventlog lags behind the journal: other jobs come first.
            hook.dirty[job.id] = hook.dirty.pop(job.id)
            await asyncio.sleep(_INTERVAL_S)


def _folded(job: Job, events: list[Event]) -> Iterator[tuple[int, Event, Facets]]:
    """Yield the events that have an index, and the facets of the job after each."""
    now = facets(job)
    folded = begin(job.id, None)
    index = 0
    for event in events:
        with contextlib.suppress(*BAD_VALUE):
            apply(folded, event)
        if event.name in UNINDEXED:
            continue
        # The names are those of the job now: they come from the jobspec, which seldom changes.
        after = facets(folded)._replace(
            queue=now.queue, name=now.name, group=now.group, nodelist=now.nodelist
        )
        yield index, event, after
        index += 1
