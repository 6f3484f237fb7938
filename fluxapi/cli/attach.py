"""Attaching the terminal to jobs: their live output and their exit status."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Coroutine, Iterable
from shlex import quote
from typing import TYPE_CHECKING, Any

from fluxapi.model.unmet import noted

from .exit_codes import FAILED, INTERRUPTED, OK, of_job
from .hangup import while_read
from .ids import shown_id
from .named_jobs import with_shown_ids
from .streams import TERMINAL, Streams
from .terminal import note, progress_wanted, put
from .text import safe

if TYPE_CHECKING:
    from typing_extensions import Self

    from fluxapi.client import AsyncClient, Job, OutputEntry

__all__ = [
    "Interrupts",
    "Writer",
    "attach",
    "explain",
    "highest_of",
    "reported_reasons",
    "unless_interrupted",
    "wait_all",
    "wait_any",
    "wait_group",
]

_MAX_AWAITED_JOBS = 64
"""Jobs awaited at the same time; each uses a connection."""

_MAX_EXPLAINED_JOBS = 20
"""Failed jobs of a group that are reported one by one."""

_SECOND_PRESS_S = 2.0
"""Time for a second Ctrl-C, as in ``flux job attach``."""

_REASON_INTERVAL_S = 2.0

_ENDS = {"CANCELED": "canceled", "TIMEOUT": "timed out"}
"""The words for results that an exception brings about."""

_CANCEL_NOTE = "interrupted by Ctrl-C"
_STDERR = "stderr"


class Writer:
    """A writer of one job's output to standard output and standard error, unchanged.

    With *label*, each line begins with its task ranks; with *named*, with the job ID before them.
    """

    def __init__(
        self,
        jobid: str,
        *,
        label: bool = False,
        only: str | None = None,
        named: bool = False,
        streams: Streams = TERMINAL,
    ) -> None:
        self.streams = streams
        self._jobid = jobid
        self._name = f"{shown_id(jobid)}: " if named else ""
        self._label = label
        self._only = only
        self._paths: set[str] = set()
        self._partial: set[tuple[str, str]] = set()

    def write(self, entry: OutputEntry) -> None:
        """Write an entry; messages of the job shell go to standard error."""
        if self._only is not None and entry.stream not in {"", self._only}:
            return
        if entry.name == "redirect" and entry.path and entry.path not in self._paths:
            self._paths.add(entry.path)
            self.streams.note(f"{shown_id(self._jobid)}: {entry.stream} is written to {entry.path}")
        if entry.name == "file" and "unread" in entry.context:
            self._tell_unread(entry)
        if entry.name == "log":
            self.streams.put_raw(f"{safe(_log_line(entry))}\n".encode(), error=True)
        elif entry.raw:
            data = self._labeled(entry) if self._label else entry.raw
            self.streams.put_raw(data, error=entry.stream == _STDERR)

    def _tell_unread(self, entry: OutputEntry) -> None:
        """Report why a file is not shown."""
        host = entry.context.get("host")
        where = f"{entry.path} on {host}" if host else str(entry.path)
        why = entry.context["unread"]
        self.streams.note(safe(f"{shown_id(self._jobid)}: {where} is not shown. {why}"))

    def _labeled(self, entry: OutputEntry) -> bytes:
        """Prefix each line with its task ranks; a line may arrive in parts."""
        key = entry.stream, entry.rank
        mark = f"{self._name}{safe(entry.rank)}: ".encode()
        shown = b"".join(
            line if number == 0 and key in self._partial else mark + line
            for number, line in enumerate(entry.raw.splitlines(keepends=True))
        )
        if entry.raw.endswith(b"\n"):
            self._partial.discard(key)
        else:
            self._partial.add(key)
        return shown


def _log_line(entry: OutputEntry) -> str:
    """Format a message of the job shell as ``flux job attach`` does."""
    context = entry.context
    rank = f"[{context['rank']}]" if "rank" in context else ""
    component = f"{context['component']}: " if context.get("component") else ""
    return f"flux-shell{rank}: {component}{context.get('message', '')}"


async def _stream(
    flux: AsyncClient,
    jobid: str,
    writer: Writer,
    *,
    tail: int | None = None,
    only: str | None = None,
) -> None:
    async for entry in flux.follow_output(jobid, tail=tail, stream=only):
        writer.write(entry)


@contextlib.asynccontextmanager
async def reported_reasons(flux: AsyncClient, jobid: str) -> AsyncIterator[None]:
    """Report why the job waits, if standard error is a terminal, until it starts."""
    task = asyncio.ensure_future(_report_reasons(flux, jobid) if progress_wanted() else _nothing())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _report_reasons(flux: AsyncClient, jobid: str) -> None:
    reported: str | None = None
    place = ""
    while True:
        await asyncio.sleep(_REASON_INTERVAL_S)
        job = await flux.get(jobid)
        if job.t_run or not job.is_active:
            return
        if job.reason and job.reason != reported:
            reported = job.reason
            # The place changes with every job that starts, so it is reported once.
            told, place = place, place or _place(job)
            said = with_shown_ids(reported, job)
            note(f"{shown_id(jobid)} {said}{'' if told else place}")


def _place(job: Job) -> str:
    line = job.line
    if line is None or line.waiting == 1:
        return ""
    return f"; place {line.place} of {line.waiting} in its queue, by priority"


async def _nothing() -> None:
    """Return at once."""


def explain(job: Job, streams: Streams = TERMINAL) -> None:
    """Report on standard error why a job failed, if it did."""
    if job.success:
        return
    exception = job.exception
    if exception is not None and exception.occurred:
        why = f" ({with_shown_ids(noted(exception.note), job)})" if exception.note else ""
        what = _ENDS.get(job.result or "", exception.type or "exception")
        streams.note(f"{shown_id(job.id)}: {what}{why}")
    elif job.waitstatus is not None:
        code = of_job(job)
        streams.note(f"{shown_id(job.id)}: exited with code {code}")


async def attach(
    flux: AsyncClient,
    jobid: str,
    *,
    tail: int | None = None,
    label: bool = False,
    named: bool = False,
    only: str | None = None,
    streams: Streams = TERMINAL,
) -> int:
    """Stream a job's output until it ends, and return its exit status.

    Ctrl-C detaches; a second one within two seconds cancels the job.
    """

    async def follow() -> int:
        async with reported_reasons(flux, jobid):
            writer = Writer(jobid, label=label, named=named, only=only, streams=streams)
            await _stream(flux, jobid, writer, tail=tail, only=only)
        job = await flux.wait(jobid)
        explain(job, streams)
        return of_job(job)

    shown = shown_id(jobid)
    hint = (
        f"detached; job {shown} continues. Press Ctrl-C again within 2 s to cancel it. To attach "
        f"again: fluxapi output --follow {shown}. To cancel: fluxapi cancel {shown}."
    )
    return await unless_interrupted(flux, [jobid], follow(), hint)


async def unless_interrupted(
    flux: AsyncClient, ids: list[str], work: Coroutine[Any, Any, int], hint: str
) -> int:
    """Run *work* and return its status; Ctrl-C detaches, twice cancels the jobs.

    Raises ``BrokenPipeError`` when the reader of standard output is gone; the jobs continue.
    """
    with Interrupts() as interrupts:
        status = await interrupts.unless_pressed(while_read(work))
        if status is not None:
            return status
        note(hint)
        if await interrupts.unless_pressed(asyncio.sleep(_SECOND_PRESS_S, result=OK)) is not None:
            return INTERRUPTED
    await _cancel(flux, ids)
    return await wait_all(flux, ids) or FAILED


async def wait_all(flux: AsyncClient, ids: Iterable[str], *, quiet: bool = False) -> int:
    """Wait until jobs have ended, and return their highest exit status.

    Unknown jobs are reported, and count as failed.
    """
    from fluxapi.client import NotFound  # noqa: PLC0415 - already imported

    async def end(jobid: str) -> int:
        try:
            job = await flux.wait(jobid)
        except NotFound as error:
            note(str(error))
            return FAILED
        if not quiet:
            explain(job)
        return of_job(job)

    return await highest_of(end(jobid) for jobid in ids)


async def wait_any(flux: AsyncClient, ids: Iterable[str], *, quiet: bool = False) -> int:
    """Wait until any of the jobs has ended; print those that have, return their highest status.

    Unknown jobs are reported, and count as failed.
    """
    found = await flux.wait_any(ids)
    highest = FAILED if found.unknown else OK
    for jobid in found.unknown:
        note(f"There is no job {safe(jobid)}.")
    if found.unknown and found.active and not found.ended:
        found = await flux.wait_any(found.active)
    for job in (await flux.get_many(found.ended)).jobs:
        put(shown_id(job.id))
        highest = max(highest, of_job(job))
        if not quiet:
            explain(job)
    return highest


async def wait_group(
    flux: AsyncClient, group: str, *, one: bool = False, quiet: bool = False
) -> int:
    """Wait until all jobs of a group have ended, or *one* more of them.

    Return the highest exit status of those that have ended and are known.
    """
    if one:
        return await _wait_for_one_more(flux, group)
    found = await flux.wait_group(group)
    highest = explained = 0
    if not found.failed:
        return OK
    async for job in flux.jobs(group=group, result=["FAILED", "CANCELED", "TIMEOUT"]):
        highest = max(highest, of_job(job))
        explained += 1
        if not quiet and explained <= _MAX_EXPLAINED_JOBS:
            explain(job)
    if not quiet and explained > _MAX_EXPLAINED_JOBS:
        lister = f"fluxapi jobs -f failed,canceled,timeout --group={quote(safe(group))}"
        note(f"{explained:,} jobs did not complete; {lister} lists them")
    return highest


async def _wait_for_one_more(flux: AsyncClient, group: str) -> int:
    """Wait until one more job of a group has ended, and print its ID."""
    from fluxapi.client import Reset  # noqa: PLC0415 - already imported

    await flux.group(group)
    async with flux.events(group=group, event=["clean"], on_reset="continue") as events:
        # The stream is open, so the end of a job that is active now will be in it.
        if not (await flux.group(group)).is_active:
            return OK
        async for event in events:
            if not isinstance(event, Reset):
                put(shown_id(event.id))
                break
            if not (await flux.group(group)).is_active:
                break
    return OK


async def highest_of(works: Iterable[Coroutine[Any, Any, int]]) -> int:
    """Run coroutines, a limited number at a time, and return the highest result."""
    highest = OK
    running: set[asyncio.Task[int]] = set()
    try:
        for work in works:
            running.add(asyncio.ensure_future(work))
            if len(running) >= _MAX_AWAITED_JOBS:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                highest = max(highest, *await asyncio.gather(*done))
        for task in asyncio.as_completed(list(running)):
            highest = max(highest, await task)
    finally:
        for left in running:
            left.cancel()
        # Several may have failed at once; one of their errors is raised.
        await asyncio.gather(*running, return_exceptions=True)
    return highest


async def _cancel(flux: AsyncClient, ids: list[str]) -> None:
    from fluxapi.client import Conflict  # noqa: PLC0415 - already imported

    note(f"canceling {', '.join(map(shown_id, ids[:3]))}{' …' if len(ids) > 3 else ''}")  # noqa: PLR2004 - a few
    with contextlib.suppress(Conflict):  # the job has ended meanwhile
        if len(ids) == 1:
            await flux.cancel(ids[0], note=_CANCEL_NOTE)
        else:
            await flux.cancel_many(ids, note=_CANCEL_NOTE)


class Interrupts:
    """A queue of Ctrl-C presses within a context, so that none is lost."""

    def __init__(self) -> None:
        self._presses: asyncio.Queue[None] = asyncio.Queue()

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._presses.put_nowait, None)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        # Restore the default of Python, which ends the program.
        signal.signal(signal.SIGINT, signal.default_int_handler)

    async def unless_pressed(self, work: Coroutine[Any, Any, int]) -> int | None:
        """Return the result of *work*; on Ctrl-C cancel it and return ``None``."""
        task = asyncio.ensure_future(work)
        pressed = asyncio.ensure_future(self._presses.get())
        try:
            await asyncio.wait({task, pressed}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            pressed.cancel()
            await asyncio.gather(task, pressed, return_exceptions=True)
