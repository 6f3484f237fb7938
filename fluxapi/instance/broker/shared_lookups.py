"""Lookups of outputs in the KVS, of which the readers of one job share the lists.

The list of a running job is looked up anew for each reader, as it grows; a job may make it tens of
megabytes, and hundreds of clients may read it at the same time.
"""

from __future__ import annotations

import asyncio
from functools import partial
from weakref import WeakValueDictionary

from fluxapi.process.joined_call import JoinedCall

from .kvs_lookup import look_up
from .references import References
from .rpc import RpcThread

__all__ = ["SharedLookups"]


class SharedLookups:
    """The lookups of one eventlog of each job, one at a time for a job."""

    def __init__(self, rpc: RpcThread, name: str) -> None:
        self._rpc = rpc
        self._name = name
        self._calls: dict[int, JoinedCall[References]] = {}
        self._lists: WeakValueDictionary[int, References] = WeakValueDictionary()

    async def find(self, jobid: int) -> References:
        """Return a list as it is now; raise as :func:`.kvs_lookup.look_up` does."""
        call = self._calls.get(jobid)
        if call is None:
            call = self._calls[jobid] = JoinedCall(partial(self._look_up, jobid))
        return await call.get()

    async def close(self) -> None:
        """Cancel the lookups in flight."""
        await asyncio.gather(*(call.aclose() for call in self._calls.values()))

    async def _look_up(self, jobid: int) -> References:
        try:
            found = await look_up(self._rpc, jobid, self._name)
        finally:
            if not self._calls[jobid].is_awaited:
                del self._calls[jobid]
        kept = self._lists.get(jobid)
        if kept is not None and kept.equals(found):
            return kept
        self._lists[jobid] = found
        return found
