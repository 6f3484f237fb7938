"""Lookups of outputs in the KVS, of which the readers of one job share the lists.

The list of a running job is looked up anew for each reader, as it grows; a job may make it tens of
megabytes, and hundreds of clients may read it at the same time.
"""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

from .kvs_lookup import look_up
from .references import References
from .rpc import RpcThread

__all__ = ["SharedLookups"]


class _Lookup:
    """One lookup, which those share who ask before it begins."""

    __slots__ = ("has_begun", "task")

    def __init__(self) -> None:
        self.has_begun = False
        self.task: asyncio.Task[References]


class SharedLookups:
    """The lookups of one eventlog of each job, one at a time for a job."""

    def __init__(self, rpc: RpcThread, name: str) -> None:
        self._rpc = rpc
        self._name = name
        self._last: dict[int, _Lookup] = {}
        self._lists: WeakValueDictionary[int, References] = WeakValueDictionary()

    async def find(self, jobid: int) -> References:
        """Return a list as it is now; raise as :func:`.kvs_lookup.look_up` does."""
        last = self._last.get(jobid)
        if last is None or last.has_begun:
            lookup = _Lookup()
            begun = last.task if last is not None else None
            lookup.task = asyncio.create_task(self._look_up(jobid, lookup, begun), name="lookup")
            self._last[jobid] = last = lookup
        # The cancellation of one reader must not cancel the lookup for the others.
        return await asyncio.shield(last.task)

    async def close(self) -> None:
        """Cancel the lookups in flight."""
        tasks = [lookup.task for lookup in self._last.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_up(
        self, jobid: int, lookup: _Lookup, before: asyncio.Task[References] | None
    ) -> References:
        try:
            if before is not None:
                await asyncio.wait([before])
            lookup.has_begun = True
            found = await look_up(self._rpc, jobid, self._name)
        finally:
            if self._last.get(jobid) is lookup:
                del self._last[jobid]
        kept = self._lists.get(jobid)
        if kept is not None and kept.equals(found):
            return kept
        self._lists[jobid] = found
        return found
