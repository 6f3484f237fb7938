"""Records of jobs."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from fluxapi.client.event import Event
from fluxapi.client.job import Job, JobList
from fluxapi.client.options import ListFilter, StoredKey
from fluxapi.client.pagination import Paged, next_page
from fluxapi.client.request import MAX_TEXT_BYTES, Request
from fluxapi.client.results import Dependencies, FoundJobs
from fluxapi.client.signatures import with_options

from .base import MAX_IDS, LogEntry, Methods, encode_id, job_path

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["JobMethods"]

_PAGE_SIZE = 1000
"""Jobs in one page."""


class JobMethods(Methods):
    """The methods that list jobs and read their records."""

    @with_options(ListFilter)
    def jobs(self, *, limit: int | None = None, **filter: Unpack[ListFilter]) -> AsyncIterator[Job]:
        """Iterate over jobs, newest first, at most ``limit``; pages are fetched as needed."""
        return Paged(page.jobs async for page in self._pages(limit, filter))

    @with_options(ListFilter)
    async def list_jobs(self, *, limit: int | None = None, **filter: Unpack[ListFilter]) -> JobList:
        """Return jobs as a list; ``events`` continues from its ``cursor`` without a gap."""
        found = JobList()
        async for page in self._pages(limit, filter):
            found.extend(page.jobs)
            found.cursor = found.cursor or page.cursor
            found.more = page.next is not None
        return found

    async def get(self, id: str | int) -> Job:
        """Return a job; raise ``NotFound`` if there is none."""
        return await self._transport.get(job_path(id), Job)

    async def dependencies(self, id: str | int, *, limit: int = 100) -> Dependencies:
        """Return the jobs that a job waits for, and those that wait for it, at most *limit*."""
        return await self._transport.get(
            f"{job_path(id)}/dependencies", Dependencies, {"limit": limit}
        )

    async def get_many(self, ids: Iterable[str | int]) -> FoundJobs:
        """Return the jobs of a list of IDs; unknown ones are listed, and are no error."""
        names = [str(id) for id in ids]
        found = FoundJobs([], [], "")
        for start in range(0, max(len(names), 1), MAX_IDS):
            body = {"ids": names[start : start + MAX_IDS]}
            some = await self._transport.post("/jobs/query", body, FoundJobs, repeatable=True)
            found.jobs.extend(some.jobs)
            found.unknown.extend(some.unknown)
            found = FoundJobs(found.jobs, found.unknown, found.cursor or some.cursor)
        return found

    async def eventlog(self, id: str | int) -> list[Event]:
        """Return the eventlog of a job, as stored by Flux."""
        entries = await self._transport.get(f"{job_path(id)}/eventlog", list[LogEntry])
        name = encode_id(id)
        # As on the event channel, memos have no index.
        count = itertools.count()
        return [
            Event(
                name,
                entry.name,
                entry.timestamp,
                None if entry.name == "memo" else next(count),
                entry.context,
            )
            for entry in entries
        ]

    async def jobspec(self, id: str | int) -> dict[str, Any]:
        """Return the jobspec (RFC 25) of a job, as stored by Flux."""
        return await self._transport.get(f"{job_path(id)}/jobspec", dict[str, Any])

    async def R(self, id: str | int) -> dict[str, Any]:  # noqa: N802 - RFC 20's name
        """Return the resources (RFC 20) of a job; raise ``NotFound`` before they are allocated."""
        return await self._transport.get(f"{job_path(id)}/R", dict[str, Any])

    async def stored(self, id: str | int, key: StoredKey) -> str:
        """Return a record of a job as the text that Flux stores; raise ``NotFound``.

        Args:
            id: The job.
            key: The record: ``eventlog``, ``guest.exec.eventlog``, ``jobspec`` or ``R``.
        """
        path, query, headers = f"{job_path(id)}/{key}", {}, {}
        if key not in {"jobspec", "R"}:
            path, query = f"{job_path(id)}/eventlog", {"path": key}
            headers = {"Accept": "text/plain"}
        request = Request(
            "GET", path, query, headers=headers, repeatable=True, max_bytes=MAX_TEXT_BYTES
        )
        return (await self._transport.ask(request)).body.decode("utf-8", "replace")

    async def _pages(self, limit: int | None, filter: ListFilter) -> AsyncGenerator[_Page, None]:
        """Yield pages with at most ``limit`` jobs in total."""
        left, following = limit, None
        while left is None or left > 0:
            size = _PAGE_SIZE if left is None else min(left, _PAGE_SIZE)
            query = {"limit": size, "page": following, **filter}
            page = await self._transport.get("/jobs", _Page, query)
            yield page
            following = next_page(following, page.next)
            if following is None:
                return
            left = None if left is None else left - len(page.jobs)


class _Page(msgspec.Struct):
    jobs: list[Job]
    next: str | None
    cursor: str
