"""Output of jobs."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from typing import Any

import msgspec

from fluxapi.client.body import converted, decoded
from fluxapi.client.download import pieces_of
from fluxapi.client.errors import ClientError
from fluxapi.client.lines import lines
from fluxapi.client.output import (
    MAX_TAIL_ENTRIES,
    OmittedOutput,
    Output,
    OutputEntry,
    OutputLine,
    by_source,
    entry_of,
    last_lines,
    output_of,
    tail_size,
)
from fluxapi.client.request import MAX_TEXT_BYTES, Query, Request
from fluxapi.model.output import source_of

from .base import LogEntry, Methods, job_path

__all__ = ["OutputMethods"]

_MAX_MATCHES = 5000
"""Matches of one request."""

_MAX_STOPS = 3
"""Answers in a row that come no further than the one before them, after which no other is asked
for."""

_COUNT = re.compile(r"[0-9]{1,18}", re.ASCII)


class OutputMethods(Methods):
    """The methods that read the output of jobs."""

    async def output(
        self, id: str | int, *, tail: int | None = None, stream: str | None = None
    ) -> Output:
        """Return the output of a job, or its last ``tail`` lines (at most 10,000).

        Each file that receives output has a tail of its own. ``stream`` (``stdout`` or ``stderr``)
        limits it to one stream.
        """
        if tail is not None and tail <= 0:
            return output_of([])
        size = None if tail is None else tail_size(tail)
        while True:
            entries, searched = await self._entries(id, size, stream)
            if tail is None or size is None:
                return output_of(entries)
            kept: list[OutputEntry] = []
            missing = False
            for part in by_source(entries):
                found, has_all = last_lines(part, min(tail, MAX_TAIL_ENTRIES))
                kept += found
                missing = missing or not (has_all or len(part) < size)
            if not missing or size == MAX_TAIL_ENTRIES:
                return output_of(kept, searched)
            size = min(size * 4, MAX_TAIL_ENTRIES)

    async def iter_output(
        self, id: str | int, *, header: bool = False, task: int | None = None
    ) -> AsyncIterator[OutputEntry]:
        """Yield the output of a job so far, entry by entry, without keeping it in memory.

        With *header*, an entry with this name and the number of streams comes first; with *task*,
        only the output of this task comes.
        """
        request = Request(
            "GET",
            f"{job_path(id)}/output",
            {"task": task},
            headers={"Accept": "application/x-ndjson"},
            repeatable=True,
            stream=True,
        )
        async with aclosing(lines(self._transport, request)) as found:
            async for line in found:
                entry = decoded(line, LogEntry)
                if header or entry.name != "header":
                    yield entry_of(entry.context or {}, entry.name, entry.timestamp, None)

    async def follow_output(
        self,
        id: str | int,
        *,
        tail: int | None = None,
        stream: str | None = None,
        after: Iterable[int] = (),
    ) -> AsyncIterator[OutputEntry]:
        """Yield the output of a job, past and live, until it ends; resume after a disconnect.

        ``tail`` starts with that many of the last entries that hold data; ``stream`` (``stdout``
        or ``stderr``) limits it to one stream. ``after`` continues an earlier call after the
        entries with these indexes, the last one of the output and of each file.
        """
        seen = {source_of(index): index for index in after}
        query = {"tail": None if seen else tail, "stream": stream}
        cursor = ",".join(map(str, seen.values())) or None
        channel = self._channel(f"{job_path(id)}/output/stream", query, cursor=cursor)
        async with aclosing(channel.messages()) as messages:
            async for message in messages:
                if message.kind != "output":
                    continue
                streamed = decoded(message.data, _StreamedEntry)
                index, source = streamed.index, source_of(streamed.index)
                if index > seen.get(source, -1):
                    seen[source] = index
                    fields = decoded(message.data, dict[str, Any])
                    for member in ("index", "name", "timestamp"):
                        fields.pop(member, None)
                    entry = entry_of(fields, streamed.name, streamed.timestamp, index)
                    if entry.raw or entry.name != "data":
                        yield entry

    async def output_lines(
        self,
        id: str | int,
        *,
        first: int | None = None,
        before: int | None = None,
        count: int = 500,
        stream: str | None = None,
        task: int | None = None,
        source: int = 0,
    ) -> AsyncIterator[OutputLine]:
        """Yield lines of the output of a job with their numbers, which filters do not change.

        Args:
            id: The job.
            first: The number of the first line, from 1.
            before: The last lines before the one with this number, instead of *first*.
            count: Lines at most; the service sends 5,000 at most.
            stream: Only ``stdout`` or ``stderr``.
            task: Only the output of this task.
            source: 0 is the output eventlog; files that receive output count from 1.
        """
        query: dict[str, Any] = {"stream": stream, "task": task, "source": source}
        if before is not None:
            # The service reads backward, and may send fewer lines.
            query |= {"before": before}
        place, left = _Place(), count
        while True:
            query["count"] = left
            if before is None:
                query["first"] = first
            end: _End | None = None
            async with aclosing(self._items(id, "lines", query)) as items:
                async for item in items:
                    if item.get("type") == "line":
                        line = converted(item, OutputLine)
                        first, left = line.line + 1, left - 1
                        yield line
                    elif item.get("reason") == "limit":
                        end = converted(item, _End)
            if end is None or before is not None or left <= 0:
                return
            place.advance(end)

    async def search_output(
        self,
        id: str | int,
        text: str | None = None,
        *,
        errors: bool = False,
        case: bool = False,
        limit: int | None = None,
        stream: str | None = None,
        task: int | None = None,
    ) -> AsyncIterator[OutputLine]:
        """Yield the lines in all of the output of a job that match, as they are found.

        Args:
            id: The job.
            text: The text to find, as it stands.
            errors: Find lines that report an error, instead of *text*; without any, the first line
                on stderr.
            case: Distinguish capital letters.
            limit: Matches at most.
            stream: Only ``stdout`` or ``stderr``.
            task: Only the output of this task.
        """
        query: dict[str, Any] = {"q": text, "stream": stream, "task": task}
        query |= {"errors": True} if errors else {"case": case or None}
        place, left = _Place(), limit
        while left is None or left > 0:
            query["limit"] = _MAX_MATCHES if left is None else min(left, _MAX_MATCHES)
            end: _End | None = None
            async with aclosing(self._items(id, "search", query)) as items:
                async for item in items:
                    if item.get("type") == "match":
                        left = None if left is None else left - 1
                        yield converted(item, OutputLine)
                    elif item.get("type") == "end":
                        end = converted(item, _End)
            if end is None or end.reason == "end":
                return
            # The service ends a search after a time; go on after the last line that it has read.
            place.advance(end)
            query |= {"source": place.source, "after": place.line}

    async def omitted_output(self, id: str | int) -> OmittedOutput | None:
        """Return what the history has left out of the output of a past job, ``None`` if nothing.

        Lines and searches have nothing of that part.
        """
        async with aclosing(self._items(id, "lines", {"first": 1, "count": 1})) as items:
            async for item in items:
                if "omitted" in item:
                    return converted(item["omitted"], OmittedOutput)
        return None

    async def _items(
        self, id: str | int, what: str, query: Query
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the items of an answer about lines."""
        request = Request(
            "GET",
            f"{job_path(id)}/output/{what}",
            query,
            headers={"Accept": "application/x-ndjson"},
            repeatable=True,
            stream=True,
        )
        async with aclosing(lines(self._transport, request)) as found:
            async for line in found:
                yield decoded(line, dict[str, Any])

    async def download(
        self, id: str | int, *, stream: str = "stdout", file: int = 0
    ) -> AsyncIterator[bytes]:
        """Yield the bytes of a file that receives the output of a job; resume after a disconnect.

        Args:
            id: The job.
            stream: ``stdout`` or ``stderr``.
            file: The number of the file, if tasks or nodes have files of their own.

        Raises:
            Conflict: The file cannot be read, or has changed while it was read.
            NotFound: The stream does not go to a file, or there is no such job.
        """
        path = f"{job_path(id)}/files/{stream}"
        async with aclosing(pieces_of(self._transport, path, {"file": file})) as pieces:
            async for piece in pieces:
                yield piece

    async def _entries(
        self, id: str | int, tail: int | None, stream: str | None
    ) -> tuple[list[OutputEntry], int]:
        """Return entries, and the number of bytes searched if that was not enough."""
        request = Request(
            "GET",
            f"{job_path(id)}/output",
            {"tail": tail, "stream": stream},
            headers={"Accept": "application/x-ndjson"},
            repeatable=True,
            max_bytes=MAX_TEXT_BYTES,
        )
        answer = await self._transport.ask(request)
        logged = [decoded(line, LogEntry) for line in answer.body.splitlines() if line]
        searched = answer.headers.get("Output-Searched-Bytes", "")
        entries = [
            entry_of(entry.context or {}, entry.name, entry.timestamp, None)
            for entry in logged
            if entry.name != "header"
        ]
        return entries, int(searched) if _COUNT.fullmatch(searched) else 0


class _End(msgspec.Struct):
    """Why and where the answer to a request for lines has ended."""

    source: int
    line: int
    reason: str = "end"


class _Place:
    """How far several answers about the lines of an output have come."""

    def __init__(self) -> None:
        self.source = 0
        self.line = 0
        self._stops = 0

    def advance(self, end: _End) -> None:
        """Take the end of an answer; raise ``ClientError`` if the answers come no further.

        A file is read from its beginning each time. An answer may also end before the one that
        came before it, while others wait for the service, so a few of these are no error.
        """
        if (end.source, end.line) > (self.source, self.line):
            self.source, self.line, self._stops = end.source, end.line, 0
            return
        self._stops += 1
        if self._stops >= _MAX_STOPS:
            what = f"output file {self.source}" if self.source else "the output"
            raise ClientError(
                f"The service does not get beyond line {self.line} of {what}, which is too long to "
                "be read in one request. Nothing of the rest was read."
            )


class _StreamedEntry(msgspec.Struct):
    index: int
    timestamp: float
    name: str = "data"
