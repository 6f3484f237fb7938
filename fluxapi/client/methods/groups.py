"""Groups of jobs."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Literal

import msgspec

from fluxapi.client.body import decoded
from fluxapi.client.group import Group
from fluxapi.client.job import JobId
from fluxapi.client.lines import lines
from fluxapi.client.output import OutputEntry, by_source, entry_of, last_lines, tail_size
from fluxapi.client.pagination import Paged, next_page
from fluxapi.client.request import Request
from fluxapi.model.group import group_id

from .base import LogEntry, Methods
from .polling import poll

__all__ = ["GroupMethods"]

_PLAIN = re.compile(r"\w[\w.-]*\Z", re.ASCII)

_PAGE_SIZE = 1000
"""Groups in one page."""


class GroupMethods(Methods):
    """The methods that list groups of jobs and wait for them.

    To list, follow or cancel the jobs of a group, pass ``group`` to the methods for jobs.
    """

    def groups(
        self,
        *,
        active: bool | None = None,
        user: str | int | None = None,
        text: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Group]:
        """Iterate over groups, newest first; pages are fetched as needed.

        Args:
            active: Only groups with a job that has not ended.
            user: Only groups of the user with this name or ID.
            text: Only groups with each of these words in name or ID, in any case.
            limit: The most groups to return.
        """
        query = {"active": active, "user": user, "text": text}
        return Paged(page.groups async for page in self._group_pages(query, limit))

    async def group(self, group: str) -> Group:
        """Return the group with this name or ID; raise ``NotFound`` if no job of it is known."""
        return await self._transport.get(_path(group), Group)

    async def wait_group(
        self,
        group: str,
        timeout: float | None = None,
        *,
        until: Literal["all", "any"] = "all",
        ended: int = 0,
    ) -> Group:
        """Wait until all jobs of a group have ended, or with ``any`` until more have ended.

        Args:
            group: The name or ID of the group.
            timeout: Seconds after which it raises ``TimeoutError``.
            until: ``all`` or ``any``.
            ended: With ``any``, how many jobs had ended before, purged ones included.

        Raises:
            NotFound: No job of the group is known.
            TimeoutError: The condition does not hold after ``timeout`` seconds.
        """

        def is_over(found: Group) -> bool:
            over = found.total - found.active + found.purged
            return not found.active or (until == "any" and over > ended)

        query = {"until": until, "ended": ended}
        path = f"{_path(group)}/wait"
        found = await poll(
            self._transport, path, Group, query=query, is_over=is_over, timeout=timeout
        )
        if not is_over(found):
            raise TimeoutError(f"{found.active} jobs of group {found.id} are active.")
        return found

    async def group_output(
        self, group: str, *, tail: int | None = None, stream: str | None = None
    ) -> AsyncIterator[tuple[str, OutputEntry]]:
        """Yield the output of a group so far, job by job, oldest first: job IDs and entries.

        Args:
            group: The name or ID of the group.
            tail: Only the last lines of each job, at most 10,000.
            stream: ``stdout`` or ``stderr``.
        """
        size = None if tail is None else tail_size(tail)
        kept: list[OutputEntry] = []
        last = ""
        async for jobid, entry in self._group_entries(group, size, stream):
            if tail is None:
                yield jobid, entry
                continue
            if jobid != last:
                for one in _tails(kept, tail):
                    yield last, one
                last, kept = jobid, []
            kept.append(entry)
        for one in _tails(kept, tail or 0):
            yield last, one

    async def _group_entries(
        self, group: str, tail: int | None, stream: str | None
    ) -> AsyncGenerator[tuple[str, OutputEntry], None]:
        request = Request(
            "GET",
            f"{_path(group)}/output",
            {"tail": tail, "stream": stream},
            headers={"Accept": "application/x-ndjson"},
            repeatable=True,
            stream=True,
        )
        async with aclosing(lines(self._transport, request)) as found:
            async for line in found:
                entry = decoded(line, _Entry)
                yield (
                    entry.id,
                    entry_of(entry.context or {}, entry.name, entry.timestamp, None),
                )

    async def _group_pages(
        self, query: Mapping[str, str | int | bool | None], limit: int | None
    ) -> AsyncGenerator[_Page, None]:
        left, following = limit, None
        while left is None or left > 0:
            size = _PAGE_SIZE if left is None else min(left, _PAGE_SIZE)
            asked = {**query, "limit": size, "page": following}
            page = await self._transport.get("/groups", _Page, asked)
            yield page
            following = next_page(following, page.next)
            if following is None:
                return
            left = None if left is None else left - len(page.groups)


def _path(group: str) -> str:
    """Return the path of a group; a name that a path cannot hold as it is becomes its ID."""
    return f"/groups/{group if _PLAIN.match(group) else group_id(group)}"


class _Entry(LogEntry, kw_only=True):
    id: JobId


class _Page(msgspec.Struct):
    groups: list[Group]
    next: str | None


def _tails(entries: list[OutputEntry], tail: int) -> list[OutputEntry]:
    """Return the last lines of each source of a job's output."""
    return [one for part in by_source(entries) for one in last_lines(part, tail)[0]]
