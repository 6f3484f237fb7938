"""All jobs as they are, kept up to date, with proof: the service's digest of what it holds."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING

import msgspec

from . import backoff
from .errors import EventsLost
from .job import Job
from .record import Record
from .stream import Channel, Message
from .transport import decoded

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["JobChange", "JobsWatch"]

_GIVE_UP = 5
"""New snapshots in a row that do not match their digest."""


class JobChange(Record, frozen=True):
    """A job that is new or has changed, or that is no longer among those that are watched."""

    id: str
    job: Job | None
    """The record; ``None`` when it is gone."""
    gone: bool = False


class _Snapshot(msgspec.Struct):
    first: bool
    more: bool
    jobs: list[Job]


class _Gone(msgspec.Struct):
    id: str


class _Mark(msgspec.Struct):
    live: bool
    count: int | None = None
    digest: str | None = None


class JobsWatch:
    """Iterate over it to follow jobs: first each that is there, newest first, then what changes.

    ``jobs`` is what is held, by id. Each mark of the service has a digest of what it holds; where
    that differs from what is held here a new snapshot is taken, and what differs is given.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._held: dict[str, Job] = {}
        self._coming: dict[str, Job] | None = None
        self._sum = 0
        self._wrong = 0
        self._items: AsyncGenerator[JobChange | None, None] | None = None
        self.jobs: Mapping[str, Job] = MappingProxyType(self._held)
        self.verified = 0
        """Marks whose digest was that of what is held."""
        self.mismatches = 0
        """Marks whose digest was not."""
        self._closed = False
        self.live: bool | None = None
        """Whether the service follows its Flux instance, as of its last mark."""

    def __repr__(self) -> str:
        state = "connected" if self.connected else "not connected"
        return f"<JobsWatch {len(self._held)} jobs, {state}, verified {self.verified} times>"

    @property
    def connected(self) -> bool:
        """Whether there is a connection at the moment."""
        return self._channel.connected

    async def ready(self) -> Self:
        """Return once ``jobs`` is all of them and proven; they are not given one by one then."""
        seen = self.verified
        while self.verified == seen:
            await self._next()
        return self

    async def aclose(self) -> None:
        """End it; ``jobs`` stays as it is."""
        self._closed = True
        items, self._items = self._items, None
        if items is not None:
            await items.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> JobChange:
        while True:
            item = await self._next()
            if item is not None:
                return item

    async def _next(self) -> JobChange | None:
        """The next change; ``None`` for a mark."""
        if self._closed:
            raise StopAsyncIteration
        if self._items is None:
            self._items = self._read()
        try:
            return await self._items.__anext__()
        except asyncio.CancelledError:
            # The next call goes on where this one ended.
            self._items = None
            raise

    async def _read(self) -> AsyncGenerator[JobChange | None, None]:
        while True:
            async with aclosing(self._channel.messages()) as messages:
                async for message in messages:
                    for change in self._take(message):
                        yield change
                    if message.kind == "bookmark":
                        if not self._agrees(decoded(message.data, _Mark)):
                            break
                        yield None
            await self._begin_anew()

    def _take(self, message: Message) -> list[JobChange]:
        if message.kind == "job":
            return self._put(decoded(message.data, Job))
        if message.kind == "gone":
            return self._drop(decoded(message.data, _Gone).id)
        if message.kind == "snapshot":
            return self._snapshot(decoded(message.data, _Snapshot))
        if message.kind == "reset":
            self._channel.cursor = None
        if message.kind == "open":
            # Pieces of a snapshot that did not come whole come again.
            self._coming = None
        return []

    def _snapshot(self, piece: _Snapshot) -> list[JobChange]:
        """Take what differs from what is held; what is held and not in any piece is gone."""
        if piece.first or self._coming is None:
            self._coming = {}
        changes: list[JobChange] = []
        for job in piece.jobs:
            self._coming[job.id] = job
            changes += self._put(job)
        if not piece.more:
            for jobid in [jobid for jobid in self._held if jobid not in self._coming]:
                changes += self._drop(jobid)
            self._coming = None
        return changes

    def _put(self, job: Job) -> list[JobChange]:
        known = self._held.get(job.id)
        if known == job:
            return []
        if known is not None:
            self._sum -= _proof(known)
        self._sum += _proof(job)
        self._held[job.id] = job
        return [JobChange(job.id, job)]

    def _drop(self, jobid: str) -> list[JobChange]:
        known = self._held.pop(jobid, None)
        if known is None:
            return []
        self._sum -= _proof(known)
        return [JobChange(jobid, None, gone=True)]

    def _agrees(self, mark: _Mark) -> bool:
        """Whether what is held is what the service holds; true also where it does not say."""
        self.live = mark.live
        if mark.digest is None:
            return True
        if mark.count == len(self._held) and mark.digest == f"{self._sum % 2**32:08x}":
            self.verified += 1
            self._wrong = 0
            return True
        self.mismatches += 1
        self._wrong += 1
        return False

    async def _begin_anew(self) -> None:
        if self._wrong > _GIVE_UP:
            raise EventsLost("What comes is not what the service says that it holds.", "digest")
        self._channel.cursor = None
        if self._wrong > 1:
            await backoff.pause(backoff.delay(self._wrong))


def _proof(job: Job) -> int:
    """docs/events.md, "Prove that nothing was missed"."""
    return zlib.crc32(f"{job.id} {job.revision}".encode())
