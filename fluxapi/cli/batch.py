"""Submitting many jobs: lines into jobs, jobs into ids, with what is seen of it meanwhile."""

from __future__ import annotations

import argparse
import asyncio
import codecs
import contextlib
import shlex
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Protocol

import msgspec

from .exit_codes import FAILED, OK
from .ids import shown_id
from .terminal import note, progress_wanted, put
from .text import plural, safe

if TYPE_CHECKING:
    from typing_extensions import Self

    from fluxapi.client import AsyncClient, BulkItem, Event, EventStream, Reset

__all__ = ["Item", "Tracker", "read", "submit"]

_CHUNK = 500
"""Jobs of one request: a few tenths of a second of it, so that the bar moves."""

_MAX_NOTES = 20
"""Refusals that are told one by one."""


@dataclass(frozen=True, slots=True)
class Item:
    """A job and where it comes from: the number of its line, or of its copy, from 1.

    ``error`` in place of ``job``: the line is none.
    """

    number: int
    job: Mapping[str, Any] | None
    error: str = ""


def read(lines: IO[bytes], options: Mapping[str, Any]) -> Iterator[Item]:
    """The jobs of a file, as they are needed; ``options`` hold where a line is silent."""
    for number, raw in enumerate(lines, 1):
        # Some editors put a byte order mark in front of the first line.
        line = (raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw).strip()
        if not line or line.startswith(b"#"):
            continue
        try:
            yield Item(number, _job(line, options))
        except ValueError as error:
            yield Item(number, None, str(error))


def _job(line: bytes, options: Mapping[str, Any]) -> dict[str, Any]:
    if line.startswith(b"{"):
        try:
            fields = msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise ValueError(f"it is not the JSON of a job: {error}") from None
        if "jobspec" in fields:
            return fields
        return {**options, **fields}
    try:
        command = shlex.split(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    return {**options, "command": command}


class Bar(Protocol):
    """What shows how far it is."""

    def submitted(self, count: int) -> None:
        """So many jobs more have been submitted."""

    def ended(self, done: int, failed: int) -> None:
        """So many of them have ended by now, and so many of these not well."""


class NoBar:
    """Nobody watches."""

    def submitted(self, count: int) -> None:
        """Nothing is shown."""

    def ended(self, done: int, failed: int) -> None:
        """Nothing is shown."""


async def submit(
    flux: AsyncClient, items: Iterable[Item], total: int | None, arguments: argparse.Namespace
) -> int:
    """Submit the jobs as they come; the exit status: 1 when any was refused, or ended badly."""
    shown = progress_wanted() and not arguments.no_progress
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
            tracker = await stack.enter_async_context(Tracker(flux, events, bar))
        accepted, refused = await _submit(flux, items, bar, tracker, arguments)
        failed = await tracker.finish() if tracker is not None else 0
    done = f"{plural(accepted, 'job')} submitted"
    refusals = f", {refused:,} refused" if refused else ""
    ends = f"; {accepted - failed:,} completed, {failed:,} failed" if tracker is not None else ""
    note(f"{done}{refusals}{ends}.")
    return FAILED if refused or failed else OK


async def _submit(
    flux: AsyncClient,
    items: Iterable[Item],
    bar: Bar,
    tracker: Tracker | None,
    arguments: argparse.Namespace,
) -> tuple[int, int]:
    """How many were accepted, and how many refused."""
    from fluxapi.client import ClientError  # noqa: PLC0415 - it is there already

    refusals = Refusals()
    numbers: dict[int, int] = {}
    accepted = 0

    def take(item: BulkItem) -> None:
        nonlocal accepted
        number = numbers.pop(item.index)
        if item.id is None:
            refusals.add(number, str(item.error))
            return
        accepted += 1
        bar.submitted(1)
        if tracker is not None:
            tracker.expect(item.id)
        if not arguments.quiet:
            put(shown_id(item.id))

    key = arguments.idempotency_key or uuid.uuid4().hex
    jobs = _jobs(items, numbers, refusals)
    try:
        async for item in flux.submit_many(jobs, chunk=_CHUNK, idempotency_key=key):
            take(item)
    except (ClientError, asyncio.CancelledError) as error:
        for known in getattr(error, "submitted", ()):
            if known.index in numbers:
                take(known)
        note(
            f"{plural(accepted, 'job')} submitted so far; the same command with "
            f"--idempotency-key={shlex.quote(key)} goes on from there and submits none twice."
        )
        raise
    return accepted, refusals.count


def _jobs(
    items: Iterable[Item], numbers: dict[int, int], refusals: Refusals
) -> Iterator[Mapping[str, Any]]:
    """The jobs of the good lines; ``numbers`` says of each that is under way which line it is."""
    index = 0
    for item in items:
        if item.job is None:
            refusals.add(item.number, item.error)
            continue
        numbers[index] = item.number
        index += 1
        yield item.job


class Refusals:
    """Jobs that were not submitted: the first ones are told, all are counted."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, number: int, why: str) -> None:
        """One more, at this line."""
        self.count += 1
        if self.count <= _MAX_NOTES:
            note(f"{number}: {safe(why)}")
        elif self.count == _MAX_NOTES + 1:
            note("there are more that are refused; they are counted.")


class Tracker:
    """Counts how jobs end, from the events of all jobs. Holds an id for each that has not ended."""

    def __init__(self, flux: AsyncClient, events: EventStream[Event | Reset], bar: Bar) -> None:
        self._flux = flux
        self._events = events
        self._bar = bar
        self._expected: set[str] = set()
        self._early: dict[str, bool] = {}
        """Ended before its id was known here, as its submission's answer was under way."""
        self._bad: set[str] = set()
        self._done = 0
        self._failed = 0
        self._lost = False
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
        """This job is one of those to count."""
        if jobid in self._early:
            self._count(failed=self._early.pop(jobid))
        else:
            self._expected.add(jobid)

    async def finish(self) -> int:
        """Return once all jobs that are expected have ended: how many of them not well."""
        self._all_known = True
        self._early.clear()
        while self._expected and not self._lost:
            self._changed.clear()
            waiting = asyncio.ensure_future(self._changed.wait())
            assert self._task is not None  # noqa: S101 - it is entered
            await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if self._task.done():
                self._task.result()
                break
        for jobid in sorted(self._expected):
            # Events are missing: the job itself says how it ended.
            job = await self._flux.wait(jobid)
            self._count(failed=not job.success)
        return self._failed

    async def _follow(self) -> None:
        from fluxapi.client import Reset  # noqa: PLC0415 - it is there already

        async for event in self._events:
            if isinstance(event, Reset):
                self._lost = True
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
        if jobid in self._expected:
            self._expected.discard(jobid)
            self._count(failed=failed)
        elif not self._all_known:
            self._early[jobid] = failed

    def _count(self, *, failed: bool) -> None:
        self._done += 1
        self._failed += failed
        self._bar.ended(self._done, self._failed)
        self._changed.set()
