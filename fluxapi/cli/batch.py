"""Bulk submission: reading jobs from lines, submitting them, and reporting progress."""

from __future__ import annotations

import argparse
import asyncio
import codecs
import contextlib
import shlex
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Protocol

import msgspec

from .blocking import interruptible
from .exit_codes import FAILED, OK
from .ids import shown_id
from .notification import notification
from .option_words import is_other_request
from .terminal import note, progress_wanted, put
from .text import plural, safe

if TYPE_CHECKING:
    from typing_extensions import Self

    from fluxapi.client import AsyncClient, BulkItem, Event, EventStream, Reset

    from .notification import Notification

__all__ = ["Item", "Tracker", "read", "submit"]

_JOBS_PER_REQUEST = 500
"""Jobs in one request, which takes a few tenths of a second, so that the bar advances."""

_MAX_REPORTED_JOBS = 20
"""Rejected jobs that are reported one by one."""

_MAX_REPORTED_WARNINGS = 100


@dataclass(frozen=True, slots=True)
class Item:
    """A job, and its place: the number of its line or copy, from 1.

    A line that is not a job has an ``error`` instead of a ``job``.
    """

    place: str
    job: Mapping[str, Any] | None
    error: str = ""


def read(lines: IO[bytes], options: Mapping[str, Any]) -> Iterator[Item]:
    """Yield the jobs of a file lazily; a line overrides ``options``."""
    for number, raw in enumerate(_each_line(lines), 1):
        # Some editors write a byte order mark before the first line.
        line = (raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw).strip()
        if not line or line.startswith(b"#"):
            continue
        try:
            yield Item(f"line {number}", _job(line, options))
        except ValueError as error:
            yield Item(f"line {number}", None, str(error))


def _each_line(lines: IO[bytes]) -> Iterator[bytes]:
    each = iter(lines)
    while True:
        with interruptible():
            line = next(each, b"")
        if not line:
            return
        yield line


def _job(line: bytes, options: Mapping[str, Any]) -> dict[str, Any]:
    if line.startswith(b"{"):
        try:
            fields = msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise ValueError(f"invalid JSON of a job: {error}") from None
        if "jobspec" in fields:
            return fields
        return {**options, **fields}
    try:
        command = shlex.split(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("not valid UTF-8") from None
    return {**options, "command": command}


class Bar(Protocol):
    """A display of progress."""

    def submitted(self, count: int) -> None:
        """Add *count* submitted jobs."""

    def rejected(self, count: int) -> None:
        """Add *count* jobs that were not accepted."""

    def ended(self, done: int, failed: int) -> None:
        """Show that *done* jobs have ended, *failed* of them without success."""


class NoBar:
    """A display that shows nothing."""

    def submitted(self, count: int) -> None:
        """Do nothing."""

    def rejected(self, count: int) -> None:
        """Do nothing."""

    def ended(self, done: int, failed: int) -> None:
        """Do nothing."""


async def submit(
    flux: AsyncClient, items: Iterable[Item], total: int | None, arguments: argparse.Namespace
) -> int:
    """Submit jobs; return exit status 1 if any was rejected or failed, else 0."""
    with notification(arguments, waits=arguments.wait, needs="--wait") as notice:
        return await _run(flux, items, total, arguments, notice)


async def _run(
    flux: AsyncClient,
    items: Iterable[Item],
    total: int | None,
    arguments: argparse.Namespace,
    notice: Notification,
) -> int:
    shown = progress_wanted() and not arguments.no_progress
    resumed = arguments.idempotency_key is not None
    key = arguments.idempotency_key or uuid.uuid4().hex
    arguments = argparse.Namespace(**{**vars(arguments), "idempotency_key": key})
    async with contextlib.AsyncExitStack() as stack:
        bar: Bar = NoBar()
        if shown:
            from .progress import progress_bar  # noqa: PLC0415 - loads rich

            bar = stack.enter_context(progress_bar(total, waits=arguments.wait))
        tracker = None
        if arguments.wait:
            events = await stack.enter_async_context(
                flux.events(event=["finish", "exception", "clean"], on_reset="continue")
            )
            tracker = await stack.enter_async_context(Tracker(flux, events, bar, resumed=resumed))
        accepted, rejected = await _submit(flux, items, bar, tracker, arguments)
        failed = 0
        ends = ""
        if tracker is not None:
            with _says_how_to_continue(lambda: accepted, key, "submitted"):
                await tracker.finish()
            failed = tracker.failed
            ends = f"; {accepted - failed - tracker.purged:,} completed, {failed:,} failed"
            if tracker.purged:
                ends += f", {tracker.purged:,} purged since they ended"
    done = f"{plural(accepted, 'job')} submitted"
    rejections = f", {rejected:,} rejected" if rejected else ""
    note(f"{done}{rejections}{ends}.")
    if tracker is not None:
        completed = accepted - failed - tracker.purged
        notice.tell_counts({"completed": completed, "failed": failed, "purged": tracker.purged})
    return FAILED if rejected or failed else OK


async def _submit(
    flux: AsyncClient,
    items: Iterable[Item],
    bar: Bar,
    tracker: Tracker | None,
    arguments: argparse.Namespace,
) -> tuple[int, int]:
    """Submit jobs; return the number of accepted and of rejected ones."""
    from fluxapi.client import ClientError  # noqa: PLC0415 - already imported

    rejections, warnings = Rejections(), Warnings()
    places: dict[int, str] = {}
    accepted = 0
    group: str | None = None

    def take(item: BulkItem) -> None:
        nonlocal accepted, group
        place = places.pop(item.index)
        group = item.group or group
        if item.id is None:
            rejections.add(place, str(item.error))
            bar.rejected(1)
            return
        accepted += 1
        bar.submitted(1)
        warnings.tell(place, item)
        if tracker is not None:
            tracker.expect(item.id)
        if not arguments.quiet:
            put(shown_id(item.id))

    key = arguments.idempotency_key
    jobs = _jobs(items, places, rejections)
    with _says_how_to_continue(lambda: accepted, key, "submitted so far"):
        try:
            async for item in flux.submit_many(
                jobs, chunk=_JOBS_PER_REQUEST, group=arguments.group, idempotency_key=key
            ):
                take(item)
        except ClientError as error:
            for known in error.submitted:
                if known.index in places:
                    take(known)
            raise
    if group is not None and progress_wanted():
        note(f"group {group}")
    return accepted, rejections.count


@contextlib.contextmanager
def _says_how_to_continue(accepted: Callable[[], int], key: str, what: str) -> Iterator[None]:
    """Say with which key to continue if the work is interrupted, or gives up."""
    from fluxapi.client import ClientError  # noqa: PLC0415 - already imported

    try:
        yield
    except (ClientError, asyncio.CancelledError, KeyboardInterrupt) as error:
        if not is_other_request(error):
            note(
                f"{plural(accepted(), 'job')} {what}; to continue, "
                f"repeat the command with --idempotency-key={shlex.quote(key)}"
            )
        raise


def _jobs(
    items: Iterable[Item], places: dict[int, str], rejections: Rejections
) -> Iterator[Mapping[str, Any]]:
    """Yield the valid jobs, and record the place of each in ``places``."""
    index = 0
    for item in items:
        if item.job is None:
            rejections.add(item.place, item.error)
            continue
        places[index] = item.place
        index += 1
        yield item.job


class Rejections:
    """A count of rejected jobs, of which the first ones are reported."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, place: str, why: str) -> None:
        """Add the rejected job at this place."""
        self.count += 1
        if self.count <= _MAX_REPORTED_JOBS:
            note(f"{place}: {safe(why)}")
        elif self.count == _MAX_REPORTED_JOBS + 1:
            note("more jobs are rejected; only their number is reported")


class Warnings:
    """A reporter of the warnings about batch scripts, each text once."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def tell(self, place: str, item: BulkItem) -> None:
        """Report the warnings about the job at this place that are new."""
        for warning in item.warnings:
            if warning not in self._told and len(self._told) < _MAX_REPORTED_WARNINGS:
                note(f"{place}: {safe(warning)}")
                self._told.add(warning)
                if len(self._told) == _MAX_REPORTED_WARNINGS:
                    note("more warnings are not reported")


class Tracker:
    """A counter of ended jobs, fed by events. It holds the ID of each job that is still active.

    Args:
        resumed: An earlier command may have submitted some of the jobs, and their events may be
            older than the stream.
    """

    def __init__(
        self,
        flux: AsyncClient,
        events: EventStream[Event | Reset],
        bar: Bar,
        *,
        resumed: bool = False,
    ) -> None:
        self._flux = flux
        self._events = events
        self._bar = bar
        self._resumed = resumed
        self._expected: set[str] = set()
        self._early: dict[str, bool] = {}
        """Jobs that ended before the response to their submission; if resumed, before all were."""
        self._bad: set[str] = set()
        self._done = 0
        self.failed = 0
        self.purged = 0
        """Jobs of an earlier command that are not known anymore."""
        self._events_lost = False
        self._all_known = False
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.ensure_future(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._task

    def expect(self, jobid: str) -> None:
        """Add a job to count."""
        if jobid in self._early and not self._resumed:
            self._count(failed=self._early.pop(jobid))
        else:
            self._expected.add(jobid)

    async def finish(self) -> None:
        """Wait until all expected jobs have ended."""
        unclear = await self._take_older() if self._resumed else []
        self._all_known = True
        self._early.clear()
        while self._expected and not self._events_lost:
            self._changed.clear()
            waiting = asyncio.ensure_future(self._changed.wait())
            assert self._task is not None  # noqa: S101 - it is entered
            await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if self._task.done():
                self._task.result()
                break
        for jobid in [*unclear, *sorted(self._expected)]:
            # Events are missing: ask for the job.
            job = await self._flux.wait(jobid)
            self._count(failed=not job.success)

    async def _take_older(self) -> list[str]:
        """Count the jobs that have ended; return those that have had some of the events."""
        found = await self._flux.get_many(sorted(self._expected))
        unclear = []
        self._expected.difference_update(found.unknown)
        self.purged = len(found.unknown)
        for job in found.jobs:
            if not job.is_active:
                self._expected.discard(job.id)
                self._count(failed=not job.success)
            elif job.state == "CLEANUP" or (job.exception and job.exception.occurred):
                self._expected.discard(job.id)
                unclear.append(job.id)
            elif job.id in self._early:
                # It ended after this answer was made.
                self._expected.discard(job.id)
                self._count(failed=self._early[job.id])
        return unclear

    async def _follow(self) -> None:
        from fluxapi.client import Reset  # noqa: PLC0415 - already imported

        async for event in self._events:
            if isinstance(event, Reset):
                self._events_lost = True
                self._changed.set()
                return
            jobid, context = event.id, event.context or {}
            if event.name == "clean":
                failed = jobid in self._bad
                self._bad.discard(jobid)
                self._end(jobid, failed=failed)
            elif context.get("status") or (
                event.name == "exception" and context.get("severity") == 0
            ):
                self._bad.add(jobid)

    def _end(self, jobid: str, *, failed: bool) -> None:
        if not self._all_known and (self._resumed or jobid not in self._expected):
            self._early[jobid] = failed
        elif jobid in self._expected:
            self._expected.discard(jobid)
            self._count(failed=failed)

    def _count(self, *, failed: bool) -> None:
        self._done += 1
        self.failed += failed
        self._bar.ended(self._done, self.failed)
        self._changed.set()
