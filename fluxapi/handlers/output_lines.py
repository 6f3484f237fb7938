"""Lines of an output by their numbers, and the search in all of an output.

Both answer with NDJSON, so that a reader sees what was found while the rest is read: items of type
``line`` or ``match``, ``progress`` at least every half second, and ``end``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple

from aiohttp import web

from fluxapi.archive.stored_output import Omitted
from fluxapi.errors import NotFound
from fluxapi.events.output.line_scan import EVENTLOG, Limit, LineScanner, Progress, Scan
from fluxapi.events.output.viewer import FILES_RIGHT
from fluxapi.http import keys
from fluxapi.http.clients import clients_of
from fluxapi.http.negotiation import accepted
from fluxapi.instance.protocol import OutputSource
from fluxapi.model.output_lines import OutputLine, Part
from fluxapi.model.output_search import (
    ErrorWords,
    Match,
    Needle,
    Wanted,
    is_remark,
    part_of,
    shown,
)
from fluxapi.sessions.session import InstanceSession

from .output import find
from .sending import send_promptly
from .support import json_bytes

__all__ = ["OFFERS", "lines", "search"]

OFFERS = ("application/x-ndjson",)

_LINES = 500
_MATCHES = 200

_LINE_BYTES = 128
"""Approximate memory of a line besides its data."""

_ERRORS = "stderr"

_NO_SOURCE = "The output of the job has no source {}."


class _Source:
    """One source of the output of a job; of a past job, ``omitted`` may be left out."""

    def __init__(
        self,
        source: OutputSource,
        jobid: int,
        number: int,
        client: str,
        *,
        is_past: bool,
        omitted: Omitted | None = None,
    ) -> None:
        self.source = source
        self.jobid = jobid
        self.number = number
        self.client = client
        self.is_past = is_past
        self.omitted = omitted

    def scan(self, part: Part, **wanted: Any) -> Scan:
        """Return a request for lines of the source."""
        return Scan(
            self.source, self.jobid, self.number, self.is_past, part, client=self.client, **wanted
        )


async def lines(request: web.Request) -> web.StreamResponse:
    """Return lines of an output with their numbers."""
    accepted(request, OFFERS)
    fields = request[keys.QUERY]
    number = fields.get("source", EVENTLOG)
    source = next((it for it in await _sources(request, number) if it.number == number), None)
    if source is None:
        raise NotFound(_NO_SOURCE.format(number))
    session, count = request[keys.SESSION], fields.get("count", _LINES)
    part = Part(fields.get("stream"), fields.get("task"))
    before = fields.get("before")
    if before is not None:
        pieces = _before(session, source, part, before, count)
    else:
        scan = source.scan(part, after=fields.get("first", 1) - 1, first=fields.get("at", 0))
        pieces = _from(session, scan, count, source.omitted)
    return await send_promptly(request, OFFERS[0], pieces)


async def search(request: web.Request) -> web.StreamResponse:
    """Return the lines of an output that hold a text, or that report an error."""
    accepted(request, OFFERS)
    fields = request[keys.QUERY]
    wanted: Wanted = ErrorWords()
    if "q" in fields:
        wanted = Needle(fields["q"], case=fields.get("case", False))
    first = fields.get("source", EVENTLOG)
    sources = [it for it in await _sources(request) if it.number >= first]
    if not sources:
        raise NotFound(_NO_SOURCE.format(first))
    pieces = _found(request[keys.SESSION], sources, wanted, fields)
    return await send_promptly(request, OFFERS[0], pieces)


async def _sources(request: web.Request, number: int | None = None) -> list[_Source]:
    """Return the sources of the output of a job: the output eventlog, and its files.

    With *number*, only this one is needed.
    """
    jobid, is_past = await find(request)
    session, client = request[keys.SESSION], clients_of(request)[-1]
    if is_past:
        # Files that receive output are not kept.
        records = session.past.records
        omitted = await records.omitted(jobid)
        return [_Source(records, jobid, EVENTLOG, client, is_past=True, omitted=omitted)]
    log = _Source(session.instance, jobid, EVENTLOG, client, is_past=False)
    if number == EVENTLOG:
        return [log]
    may_read = request[keys.PRINCIPAL].may(FILES_RIGHT)
    files = await session.files.sources(jobid, None, may_read=may_read) or []
    return [
        log,
        *(_Source(file, jobid, file.number, client, is_past=False) for file in files),
    ]


async def _from(
    session: InstanceSession, scan: Scan, count: int, omitted: Omitted | None
) -> AsyncGenerator[bytes, None]:
    """Yield the first *count* lines that a scan wants."""
    limit = Limit()
    if not count:
        yield _end(Progress(scan.after, 0), "count", omitted)
        return
    async with aclosing(session.lines.lines(scan, limit)) as found:
        async for item in found:
            if isinstance(item, OutputLine):
                yield _line(item, scan.number)
                count -= 1
                if not count:
                    yield _end(Progress(item.number, limit.searched), "count", omitted)
                    return
            elif item.is_end or item.is_cut:
                yield _end(item, "end" if item.is_end else "limit", omitted)
            else:
                yield _told(item)


async def _before(
    session: InstanceSession, source: _Source, part: Part, before: int, count: int
) -> AsyncGenerator[bytes, None]:
    """Yield the last *count* lines of *part* before the line with the number *before*.

    The output is read in steps from one known place to the next, the last step first.
    """
    with session.lines.kept.reserve() as reserved:
        limit = Limit()
        steps: list[deque[OutputLine]] = []
        left, room, last = count, reserved.size, Progress(0, 0)
        is_full = False
        while before > 1 and left > 0 and not is_full:
            place = session.lines.place(source.scan(part, after=before - 2))
            step = _Step(source.scan(part, after=place.lines), before, left, room)
            async for progress in step.read(session.lines, limit):
                last = progress
                yield _told(progress)
            steps.append(step.kept)
            left -= len(step.kept)
            room -= step.held
            is_full = step.is_full or last.is_cut
            before = place.lines + 1
        reserved.shrink(reserved.size - room)
        while steps:
            for line in steps.pop():
                yield _line(line, source.number)
        yield _end(last, "limit" if is_full else "count", source.omitted)


class _Step:
    """The last lines of a part of an output.

    Attributes:
        kept: The lines.
        held: Their bytes.
        is_full: Lines were left out since they have too many bytes.
    """

    def __init__(self, scan: Scan, before: int, count: int, room: int) -> None:
        self._scan = scan
        self._before = before
        self._count = count
        self._room = room
        self.kept: deque[OutputLine] = deque()
        self.held = 0
        self.is_full = False

    async def read(self, scanner: LineScanner, limit: Limit) -> AsyncGenerator[Progress, None]:
        """Read the part, and yield the progress."""
        reading = scanner.lines(self._scan, limit, until=self._before - 1)
        async with aclosing(reading) as found:
            async for item in found:
                if isinstance(item, Progress):
                    yield item
                elif item.number < self._before:
                    self._keep(item)

    def _keep(self, line: OutputLine) -> None:
        self.kept.append(line)
        self.held += len(line.data) + _LINE_BYTES
        while len(self.kept) > self._count or self.held > self._room:
            self.is_full = self.is_full or len(self.kept) <= self._count
            self.held -= len(self.kept.popleft().data) + _LINE_BYTES


async def _found(
    session: InstanceSession, sources: list[_Source], wanted: Wanted, fields: Mapping[str, Any]
) -> AsyncGenerator[bytes, None]:
    """Yield the lines in which *wanted* is found, at most as many as the request allows."""
    part = Part(fields.get("stream"), fields.get("task"))
    most, counts_on = fields.get("limit", _MATCHES), fields.get("count", False)
    limit, last, matches = Limit(), Progress(0, 0), 0
    omitted = sources[0].omitted
    scans = [source.scan(part, holds=wanted.holds) for source in sources]
    scans[0] = scans[0]._replace(after=fields.get("after", 0))
    reading = _matches(session, scans, wanted, limit)
    async with aclosing(reading) as found:
        async for item in found:
            if isinstance(item, Progress):
                last = item
                yield _told(item, matches)
                continue
            last = item.place(limit)
            matches += 1
            if matches <= most:
                yield _line(item.line, item.source, item.match)
            if matches >= most and not counts_on:
                yield _end(last, "count", omitted, matches)
                return
    is_whole = last.is_end and not scans[0].number and not scans[0].after
    if not matches and is_whole and isinstance(wanted, ErrorWords):
        line = await _first_on_stderr(session, sources, part, limit)
        if line is not None:
            matches = 1
            yield line
    yield _end(last, "end" if last.is_end else "limit", omitted, matches)


class _Found(NamedTuple):
    """A line that matches, and its source, after those with so many lines."""

    line: OutputLine
    match: Match
    source: int
    before: int

    def place(self, limit: Limit) -> Progress:
        """Return the place after the line."""
        return Progress(self.before + self.line.number, limit.searched, self.source, self.before)


async def _matches(
    session: InstanceSession, scans: list[Scan], wanted: Wanted, limit: Limit
) -> AsyncGenerator[_Found | Progress, None]:
    """Yield the matches in each source, and the progress."""
    before = 0
    for scan in scans:
        async with aclosing(session.lines.lines(scan, limit)) as found:
            async for item in found:
                if isinstance(item, Progress):
                    item.lines += before
                    item.source, item.before = scan.number, before
                    last = item
                    yield item
                elif (match := wanted.find(item)) is not None:
                    yield _Found(item, match, scan.number, before)
        before = last.lines
        if last.is_cut:
            return


async def _first_on_stderr(
    session: InstanceSession, sources: list[_Source], part: Part, limit: Limit
) -> bytes | None:
    """Return the first line on stderr, since there is often one where none says why.

    Blank lines do not count, nor do remarks of the job shell.
    """
    if part.stream not in {None, _ERRORS}:
        return None
    for source in sources:
        scan = source.scan(Part(_ERRORS, part.task))
        async with aclosing(session.lines.lines(scan, limit)) as found:
            async for item in found:
                if not isinstance(item, OutputLine):
                    continue
                text = shown(item.data)
                if text.strip() and not is_remark(text):
                    return _line(item, source.number, part_of(text, 0, len(text)))
    return None


def _line(line: OutputLine, source: int, match: Match | None = None) -> bytes:
    members: dict[str, Any] = {
        "type": "line" if match is None else "match",
        "line": line.number,
        "source": source,
        "index": line.index,
        "timestamp": line.timestamp,
        "stream": line.stream,
        "rank": line.rank,
    }
    if match is None:
        members["text"] = line.data.decode("utf-8", "replace")
        if line.size > len(line.data):
            members["left_out"] = line.size - len(line.data)
    else:
        members |= match._asdict()
    if line.is_open:
        members["open"] = True
    return json_bytes(members) + b"\n"


def _told(progress: Progress, matches: int | None = None) -> bytes:
    return json_bytes({"type": "progress", **_place(progress, matches)}) + b"\n"


def _end(
    progress: Progress, reason: str, omitted: Omitted | None, matches: int | None = None
) -> bytes:
    """Return the last item; *reason* is ``end`` of the output, ``count`` or ``limit``."""
    members = {"type": "end", "reason": reason, **_place(progress, matches)}
    if omitted is not None:
        members["omitted"] = _omitted(omitted)
    return json_bytes(members) + b"\n"


def _omitted(omitted: Omitted) -> dict[str, Any]:
    """Return the members that tell what the history has left out."""
    members = {"bytes": omitted.bytes, "at_least": omitted.is_least, "after": omitted.after}
    if omitted.lines is not None:
        members["lines"] = omitted.lines
    return members


def _place(progress: Progress, matches: int | None) -> dict[str, Any]:
    """Return the members that tell how far a request has come."""
    members = {
        "source": progress.source,
        "line": progress.lines - progress.before,
        "lines": progress.lines,
        "searched": progress.searched,
    }
    if matches is not None:
        members["matches"] = matches
    return members
