"""Memos: which of them are in the eventlog, which the journal does not say.

A memo with a true ``volatile`` in its request (flux-core, src/modules/job-manager/annotate.c) is
told to the journal like any other, but has no place in the eventlog. To give the events after it
their right index, the job manager is asked for the eventlog as it holds it. A memo is known there
by its time: the job manager merges later memos into the context of the first one that it holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fluxapi.errors import JobNotFound
from fluxapi.instance.protocol import JournalBatch
from fluxapi.model.eventlog import Event, JournalMessage

__all__ = ["mark"]

_LIVE = 1
"""Events in a live message; one of the backlog holds the whole eventlog."""


async def mark(batch: JournalBatch, eventlog: Callable[[int], Awaitable[list[Event]]]) -> None:
    """Say ``volatile`` of the memos in a batch of the journal that are in no eventlog."""
    found = [
        message
        for message in batch
        if isinstance(message, JournalMessage)
        and len(message.events) == _LIVE
        and message.events[0].name == "memo"
    ]
    if not found:
        return
    jobs = list({message.id for message in found})
    answers = await asyncio.gather(*(_kept(jobid, eventlog) for jobid in jobs))
    kept = dict(zip(jobs, answers, strict=True))
    for message in found:
        message.volatile = message.events[0].timestamp not in kept[message.id]


async def _kept(jobid: int, eventlog: Callable[[int], Awaitable[list[Event]]]) -> set[float]:
    """The times of the memos that are in the eventlog."""
    try:
        return {event.timestamp for event in await eventlog(jobid) if event.name == "memo"}
    except JobNotFound:
        return set()  # purged since: no event of it will follow
