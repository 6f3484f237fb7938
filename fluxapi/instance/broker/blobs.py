"""Blobs of the content store; concurrent readers share each load.

``content.load`` (flux-core, src/modules/content/cache.c) returns the blob with a given hash. Only
the instance owner may call it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from fluxapi.errors import InstanceUnavailable

from .calls import Call
from .rpc import RpcThread

__all__ = ["Blobs"]

_TOPIC = b"content.load"

_MAX_CACHE_BYTES = 64 << 20
"""Bytes of cached blobs; the newest stays, however large it is."""

_KEEP_S = 2.0
"""Time without a reader after which a blob is dropped; readers of one output follow each other."""

_MAX_LOADS = 2
"""Loads in flight; a blob contains the output of a job in half a second."""


@dataclass
class _Kept:
    blob: bytes
    read: float
    """When it was read last, by the clock of the event loop."""


class Blobs:
    """A loader and cache of blobs by reference (RFC 10)."""

    def __init__(self, rpc: RpcThread, limit: int = _MAX_CACHE_BYTES) -> None:
        self._rpc = rpc
        self._limit = limit
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        self._size = 0
        self._loading: dict[bytes, asyncio.Task[bytes]] = {}
        self._room = asyncio.Semaphore(_MAX_LOADS)

    async def load(self, reference: bytes) -> bytes:
        """Return a blob; raise Flux's error, or ``InstanceUnavailable``."""
        found = self._kept.get(reference)
        if found is not None:
            self._kept.move_to_end(reference)
            found.read = asyncio.get_running_loop().time()
            return found.blob
        task = self._loading.get(reference)
        if task is None:
            task = asyncio.create_task(self._load(reference), name="blob")
            self._loading[reference] = task
            task.add_done_callback(lambda done: self._loaded(reference, done))
        # The cancellation of one reader must not cancel the load for the others.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Cancel the loads in flight, and drop what is kept."""
        if self._timer is not None:
            self._timer.cancel()
        self._kept.clear()
        tasks = list(self._loading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _loaded(self, reference: bytes, task: asyncio.Task[bytes]) -> None:
        del self._loading[reference]
        if not task.cancelled():
            task.exception()  # All readers may have left before it failed.

    async def _load(self, reference: bytes) -> bytes:
        try:
            digest = bytes.fromhex(reference.rpartition(b"-")[2].decode())
        except ValueError:
            raise InstanceUnavailable("Flux returned an invalid reference to a blob.") from None
        async with self._room:
            blob: bytes = await self._rpc.call(Call(_TOPIC, digest, raw=True))
        loop = asyncio.get_running_loop()
        self._kept[reference] = _Kept(blob, loop.time())
        self._size += len(blob)
        while self._size > self._limit and len(self._kept) > 1:
            self._drop_oldest()
        if self._timer is None:
            self._timer = loop.call_later(_KEEP_S, self._expire)
        return blob

    def _drop_oldest(self) -> None:
        self._size -= len(self._kept.popitem(last=False)[1].blob)

    def _expire(self) -> None:
        """Drop the blobs that nobody has read for a while."""
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._kept:
            left = next(iter(self._kept.values())).read + _KEEP_S - loop.time()
            if left > 0:
                self._timer = loop.call_later(left, self._expire)
                break
            self._drop_oldest()
