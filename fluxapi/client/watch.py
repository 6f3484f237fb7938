"""A live set of jobs, verified by the digests of the service."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING

import msgspec

from . import backoff
from .body import decoded
from .errors import EventsLost
from .job import Job
from .limits import Moment
from .record import Record
from .stream import Channel, Message

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["JobChange", "JobsWatch"]

_MAX_MISMATCHES = 5
"""Snapshots in a row with a digest mismatch after which the watch fails."""


class JobChange(Record, frozen=True):
    """A job that is new or has changed, or that no longer matches the filter."""

    id: str
    job: Job | None
    """The record; ``None`` if the job is gone."""
    gone: bool = False


class _Snapshot(msgspec.Struct):
    first: bool
    more: bool
    jobs: list[Job]


class _Gone(msgspec.Struct):
    id: str


class _Bookmark(msgspec.Struct):
    live: bool
    lost_since: Moment | None = None
    count: int | None = None
    digest: str | None = None


class JobsWatch:
    """An iterator over jobs: first each existing job, newest first, then each change.

    ``jobs`` holds the current jobs by ID. Each bookmark of the service has a digest of its jobs;
    if it differs from the digest of ``jobs``, the watch takes a new snapshot and yields the
    differences.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._jobs: dict[str, Job] = {}
        self._in_snapshot: dict[str, Job] | None = None
        self._checksum = 0
        self._mismatches_in_row = 0
        self._items: AsyncGenerator[JobChange | None, None] | None = None
        self.jobs: Mapping[str, Job] = MappingProxyType(self._jobs)
        self.verified = 0
        """Number of bookmarks whose digest matched."""
        self.mismatches = 0
        """Number of bookmarks whose digest did not match."""
        self._closed = False
        self.live: bool | None = None
        """``False`` if the service had lost its Flux instance at the last bookmark."""
        self.lost_since: float | None = None
        """When the service lost its Flux instance, at the last bookmark."""
        # Called when ``live`` becomes ``False``, and when it becomes ``True`` again.
        self.on_live: Callable[[], object] | None = None

    def __repr__(self) -> str:
        state = "connected" if self.connected else "not connected"
        return f"<JobsWatch {len(self._jobs)} jobs, {state}, verified {self.verified} times>"

    @property
    def connected(self) -> bool:
        """``True`` while the watch is connected."""
        return self._channel.connected

    async def ready(self) -> Self:
        """Wait until ``jobs`` is complete and verified; these jobs are not yielded one by one."""
        seen = self.verified
        while self.verified == seen:
            await self._next()
        return self

    async def aclose(self) -> None:
        """End the watch; ``jobs`` stays as it is."""
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
        """Return the next change; ``None`` for a bookmark."""
        if self._closed:
            raise StopAsyncIteration
        if self._items is None:
            self._items = self._read()
        try:
            return await self._items.__anext__()
        except asyncio.CancelledError:
            # The next call continues here.
            self._items = None
            raise

    async def _read(self) -> AsyncGenerator[JobChange | None, None]:
        while True:
            async with aclosing(self._channel.messages()) as messages:
                async for message in messages:
                    for change in self._apply(message):
                        yield change
                    if message.kind == "bookmark":
                        if not self._verify(decoded(message.data, _Bookmark)):
                            break
                        yield None
            await self._restart()

    def _apply(self, message: Message) -> list[JobChange]:
        if message.kind == "job":
            return self._set(decoded(message.data, Job))
        if message.kind == "gone":
            return self._remove(decoded(message.data, _Gone).id)
        if message.kind == "snapshot":
            return self._apply_snapshot(decoded(message.data, _Snapshot))
        if message.kind == "reset":
            self._channel.cursor = None
        if message.kind == "open":
            # An incomplete snapshot starts over.
            self._in_snapshot = None
        return []

    def _apply_snapshot(self, part: _Snapshot) -> list[JobChange]:
        """Apply a part of a snapshot; after the last part, drop jobs that were in none."""
        if part.first or self._in_snapshot is None:
            self._in_snapshot = {}
        changes: list[JobChange] = []
        for job in part.jobs:
            self._in_snapshot[job.id] = job
            changes += self._set(job)
        if not part.more:
            for jobid in [jobid for jobid in self._jobs if jobid not in self._in_snapshot]:
                changes += self._remove(jobid)
            self._in_snapshot = None
        return changes

    def _set(self, job: Job) -> list[JobChange]:
        known = self._jobs.get(job.id)
        if known == job:
            return []
        if known is not None:
            self._checksum -= _checksum_of(known)
        self._checksum += _checksum_of(job)
        self._jobs[job.id] = job
        return [JobChange(job.id, job)]

    def _remove(self, jobid: str) -> list[JobChange]:
        known = self._jobs.pop(jobid, None)
        if known is None:
            return []
        self._checksum -= _checksum_of(known)
        return [JobChange(jobid, None, gone=True)]

    def _verify(self, bookmark: _Bookmark) -> bool:
        """Return whether the digest matches, or the bookmark has none."""
        had_lost = self.live is False
        self.live, self.lost_since = bookmark.live, bookmark.lost_since
        if self.on_live is not None and had_lost is self.live:
            self.on_live()
        if bookmark.digest is None:
            return True
        if bookmark.count == len(self._jobs) and bookmark.digest == f"{self._checksum % 2**32:08x}":
            self.verified += 1
            self._mismatches_in_row = 0
            return True
        self.mismatches += 1
        self._mismatches_in_row += 1
        return False

    async def _restart(self) -> None:
        if self._mismatches_in_row > _MAX_MISMATCHES:
            raise EventsLost("The jobs received do not match the digest of the service.", "digest")
        self._channel.cursor = None
        if self._mismatches_in_row > 1:
            await backoff.pause(backoff.delay(self._mismatches_in_row))


def _checksum_of(job: Job) -> int:
    """Return the checksum of a job (docs/events.md, "Verify that nothing was missed")."""
    return zlib.crc32(f"{job.id} {job.revision}".encode())
