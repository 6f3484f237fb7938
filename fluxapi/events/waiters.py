"""Requests that wait until jobs or groups of jobs have changed.

Thousands may wait for one job. So a change that does not end their wait resumes none of them, and
those whose wait ends are not all resumed in one pass of the event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice

from fluxapi.errors import TooManyRequests
from fluxapi.model.job import Job
from fluxapi.model.message import problem
from fluxapi.process.client_shares import ClientShares
from fluxapi.process.timeslice import told_by_client
from fluxapi.table.changes import Changes
from fluxapi.table.groups import GroupRow
from fluxapi.table.table import Table

__all__ = ["Waiters"]

_MAX_LISTED_JOBS = 200_000
"""IDs in the lists of all requests that wait for a list: some 40 MB. Those of jobs that have ended,
or that do not exist, count, too, since the response names them."""

_SMALL_LIST = 2_000
"""IDs in the lists of one client when others have used most of the limit."""

_RETRY_AFTER_S = 5

_MAX_RESUMED_PER_PASS = 16
"""Requests that are resumed in one pass of the event loop, at about 0.1 ms each."""


class _ListWaiter:
    """A request that waits for the jobs of a list to end."""

    __slots__ = ("future", "needs_all", "pending")

    def __init__(self, pending: set[int], future: asyncio.Future[None], *, needs_all: bool) -> None:
        self.pending = pending
        self.future = future
        self.needs_all = needs_all


class _Resumer:
    """Resumes requests, a few in each pass of the event loop."""

    def __init__(self) -> None:
        self._due: dict[asyncio.Future[None], None] = {}

    def resume(self, waiters: Iterable[asyncio.Future[None]]) -> None:
        """Resume the requests that wait for these futures soon."""
        is_idle = not self._due
        self._due.update(dict.fromkeys(waiters))
        if is_idle and self._due:
            asyncio.get_running_loop().call_soon(self._resume_some)

    async def wait_for(self, waiter: asyncio.Future[None], timeout: float) -> None:
        """Return once *waiter* was resumed, or after *timeout* seconds.

        Raises ``ConnectionResetError`` if the client of the request leaves.
        """
        timer = asyncio.get_running_loop().call_later(timeout, self.resume, (waiter,))
        try:
            with told_by_client(partial(self.resume, (waiter,))):
                await waiter
        finally:
            timer.cancel()

    def _resume_some(self) -> None:
        for waiter in list(islice(self._due, _MAX_RESUMED_PER_PASS)):
            del self._due[waiter]
            if not waiter.done():
                waiter.set_result(None)
        if self._due:
            asyncio.get_running_loop().call_soon(self._resume_some)


class Waiters:
    """The requests that wait for a change of *table*."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._by_key: dict[int | str, dict[asyncio.Future[None], Callable[[], bool]]] = {}
        """Futures and their conditions by job ID, or by the ID of a group."""
        self._lists: set[_ListWaiter] = set()
        self._listed = ClientShares(_MAX_LISTED_JOBS, _SMALL_LIST)
        self._collectors: dict[asyncio.Future[None], None] = {}
        """The requests that wait for any waitable job, in the order of their arrival."""
        self._released = False
        self._resumer = _Resumer()
        self._arrival: asyncio.Future[None] | None = None
        """Is set when a request begins to wait, while :meth:`none_for` waits for that."""

    def __len__(self) -> int:
        """Return how many requests wait."""
        return sum(map(len, self._by_key.values())) + len(self._lists) + len(self._collectors)

    async def wait(
        self, jobid: int, condition: Callable[[Job | None], bool], timeout: float
    ) -> Job | None:
        """Return the job once ``condition`` holds for it or ``timeout`` seconds have passed.

        Returns at once while the service shuts down.
        """
        await self._until(jobid, lambda: condition(self._table.get(jobid)), timeout)
        return self._table.get(jobid)

    async def wait_for_group(
        self, group: str, condition: Callable[[GroupRow | None], bool], timeout: float
    ) -> GroupRow | None:
        """Return the group once ``condition`` holds for it or ``timeout`` seconds have passed.

        Returns at once while the service shuts down.
        """
        groups = self._table.groups
        await self._until(group, lambda: condition(groups.get(group)), timeout)
        return groups.get(group)

    async def wait_for_ends(
        self,
        jobids: Iterable[int],
        timeout: float,
        *,
        needs_all: bool,
        length: int = 1,
        client: str = "",
    ) -> None:
        """Return once one of the jobs, or all of them, have ended, or after *timeout* seconds.

        A change costs each such request as much as looking up the jobs that have changed, whatever
        the length of its list. Returns at once while the service shuts down.

        Args:
            jobids: The jobs.
            timeout: Seconds to wait.
            needs_all: True to wait for all jobs, False for one of them.
            length: The number of IDs that the request has listed.
            client: The name of the client that waits, as limits know it.

        Raises:
            TooManyRequests: The lists of all requests, or of this client, are too long together.
        """
        known = set(jobids)
        pending = {jobid for jobid in known if not self._has_ended(jobid)}
        if self._released or not pending or (len(pending) < len(known) and not needs_all):
            return
        count = max(length, len(pending))
        if not self._listed.has_room(client, count):
            raise TooManyRequests(
                problem("too_many_waits", wait_seconds=_RETRY_AFTER_S),
                retry_after=_RETRY_AFTER_S,
            )
        waiter = _ListWaiter(
            pending, asyncio.get_running_loop().create_future(), needs_all=needs_all
        )
        self._lists.add(waiter)
        self._listed.add(client, count)
        self._arrive()
        try:
            await self._resumer.wait_for(waiter.future, timeout)
        finally:
            self._lists.discard(waiter)
            self._listed.add(client, -count)

    async def wait_for_collectable(self, timeout: float) -> None:
        """Return once a waitable job has ended, or no active one is left, or after *timeout*.

        An end resumes one request, so it costs the same however many jobs and requests there are.
        Callers check again, and call :meth:`resume_collectors` once they have collected or given
        up. Returns at once while the service shuts down.
        """
        if self._released:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._collectors[waiter] = None
        self._arrive()
        try:
            await self._resumer.wait_for(waiter, timeout)
        finally:
            del self._collectors[waiter]

    async def none_for(self, seconds: float) -> None:
        """Return once a request waits, or after *seconds*."""
        if self._by_key or self._lists or self._collectors:
            return
        loop = asyncio.get_running_loop()
        self._arrival = loop.create_future()
        timer = loop.call_later(seconds, self._arrive)
        try:
            await self._arrival
        finally:
            timer.cancel()
            self._arrival = None

    def _arrive(self) -> None:
        """Note that a request waits now."""
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def resume_collectors(self) -> None:
        """Resume a request for each end to collect, or all if no job is left that could end."""
        waitable = self._table.waitable
        count = waitable.ended_count if waitable.active_count else len(self._collectors)
        self._resumer.resume(list(islice(self._collectors, count)))

    def wake(self, changes: Changes) -> None:
        """Resume the requests whose wait ends with these changes."""
        if self._by_key:
            shapes = (*changes.changed.values(), *changes.after.values(), *changes.gone.values())
            groups = {shape.facets.group for shape in shapes if shape is not None}
            keys: list[int | str] = [*changes.changed, *changes.gone, *groups]
            for key in keys:
                waiting = self._by_key.get(key, {})
                self._resumer.resume([waiter for waiter, holds in waiting.items() if holds()])
        if self._lists:
            ended = {jobid for jobid in (*changes.changed, *changes.gone) if self._has_ended(jobid)}
            for listed in self._lists:
                if ended.isdisjoint(listed.pending):
                    continue
                listed.pending -= ended
                if not (listed.needs_all and listed.pending):
                    self._resumer.resume((listed.future,))
        if self._collectors:
            self.resume_collectors()

    @property
    def is_released(self) -> bool:
        """Return whether requests no longer wait, since the service shuts down."""
        return self._released

    def release(self) -> None:
        """Release every request, now and from now on, as if its timeout had expired."""
        self._released = True
        for waiters in self._by_key.values():
            self._resumer.resume(waiters)
        self._resumer.resume(listed.future for listed in self._lists)
        self._resumer.resume(self._collectors)

    def _has_ended(self, jobid: int) -> bool:
        job = self._table.get(jobid)
        return job is None or job.is_inactive

    async def _until(self, key: int | str, holds: Callable[[], bool], timeout: float) -> None:
        """Wait until *holds* after a change of the job or group *key*, or the timeout."""
        deadline = time.monotonic() + timeout
        while not holds() and not self._released and (left := deadline - time.monotonic()) > 0:
            waiter = asyncio.get_running_loop().create_future()
            self._by_key.setdefault(key, {})[waiter] = holds
            self._arrive()
            try:
                await self._resumer.wait_for(waiter, left)
            finally:
                self._forget(key, waiter)

    def _forget(self, key: int | str, waiter: asyncio.Future[None]) -> None:
        waiters = self._by_key.get(key)
        if waiters is not None:
            waiters.pop(waiter, None)
            if not waiters:
                del self._by_key[key]
