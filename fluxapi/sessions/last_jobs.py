"""Store the jobs that end with a session, and their outputs, before it closes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from fluxapi.archive.archive import InstanceHistory
from fluxapi.errors import FluxapiError
from fluxapi.events.consumer import JournalConsumer
from fluxapi.instance.protocol import ChangeBatch, JobEnder, RunCanceler
from fluxapi.process.timeout import within
from fluxapi.table.changes import Changes

__all__ = ["store_last_jobs", "until_lost"]

_log = logging.getLogger(__name__)

_STATES = ("RUN", "CLEANUP")

_END_SHARE = 0.75
"""Share of the time for the jobs of an instance that ends with the service."""

_STORE_SHARE = 0.6
"""Share of the remaining time for jobs and outputs that are missing in the history."""


async def store_last_jobs(
    history: InstanceHistory,
    journal: JournalConsumer,
    timeout: Callable[[], float],
    *,
    whole: bool = False,
) -> None:
    """End the jobs that end with the service, and store all jobs and outputs that are missing.

    Args:
        history: The parts that store them.
        journal: Follows the instance.
        timeout: Returns the seconds until the session has to be closed.
        whole: The instance is about to shut down. It cancels its jobs after its initial program
            has ended, which may be this service, so they are canceled here.
    """
    instance = journal.instance
    limit = timeout() * _END_SHARE
    ends = time.monotonic() + limit
    ending = isinstance(instance, JobEnder)
    if isinstance(instance, JobEnder):
        await instance.end_jobs(limit)
    elif whole and isinstance(instance, RunCanceler):
        ending = await _cancel(instance)
    if ending:
        await _within(_jobs_have_ended(journal), ends - time.monotonic() + 0.1 * limit)
    if journal.lost_since is not None:
        return
    history.keeper.hurry()
    waiting = asyncio.gather(*(task.is_idle.wait() for task in history.tasks))
    if not await _within(waiting, timeout() * _STORE_SHARE):
        count = history.keeper.waiting
        _log.warning(
            "the service ends before the history is complete: %s; the next start reads what Flux "
            "still has then",
            f"{count} outputs wait to be read" if count else "it was not compared with Flux yet",
        )


async def _cancel(instance: RunCanceler) -> bool:
    try:
        await instance.cancel_running()
    except FluxapiError as error:
        _log.warning(
            "running jobs are not canceled before the shutdown, so the history may lack them: %s",
            error.detail,
        )
        return False
    return True


async def until_lost(journal: JournalConsumer, timeout: float) -> None:
    """Follow the journal of an instance that is shut down to its end, at most *timeout* seconds."""
    lost = asyncio.Event()
    journal.on_lost.append(lost.set)
    try:
        if journal.lost_since is None:
            await _within(lost.wait(), timeout)
    finally:
        journal.on_lost.remove(lost.set)


async def _jobs_have_ended(journal: JournalConsumer) -> None:
    changed = asyncio.Event()

    def observe(_batch: ChangeBatch, _changes: Changes) -> None:
        changed.set()

    journal.observers.append(observe)
    try:
        while any(journal.table.index.state.get(state) for state in _STATES):
            changed.clear()
            await changed.wait()
    finally:
        journal.observers.remove(observe)


async def _within(waiting: Awaitable[object], seconds: float) -> bool:
    """Return whether *waiting* has ended within some seconds."""
    try:
        await within(max(seconds, 0.0), waiting)
    except asyncio.TimeoutError:
        return False
    return True
