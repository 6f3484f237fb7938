"""Following jobs at the terminal: their output as it comes, and how they end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from .exit_codes import FAILED, INTERRUPTED, OK, of_job
from .hangup import while_read
from .ids import shown_id
from .terminal import note, progress_wanted, put_raw
from .text import safe

if TYPE_CHECKING:
    from typing_extensions import Self

    from fluxapi.client import AsyncClient, Job, OutputEntry

__all__ = ["Interrupts", "Writer", "attach", "attach_all", "explain", "wait_all"]

_AT_A_TIME = 64
"""Jobs that are followed at the same time: each takes a connection."""

_AGAIN = 2.0
"""Seconds for a second Ctrl-C, as for ``flux job attach``."""

_REASON_EVERY_S = 2.0

_NOTE = "interrupted by Ctrl-C"
_STDERR = "stderr"


class Writer:
    """Writes entries of one job's output where they belong, as they are."""

    def __init__(self, jobid: str, *, label: bool = False, only: str | None = None) -> None:
        self._jobid = jobid
        self._label = label
        self._only = only
        self._paths: set[str] = set()
        self._partial: set[tuple[str, str]] = set()

    def write(self, entry: OutputEntry) -> None:
        """Data as it is; what the job shell says about it in a line on standard error."""
        if self._only is not None and entry.stream not in {"", self._only}:
            return
        if entry.name == "redirect" and entry.path and entry.path not in self._paths:
            self._paths.add(entry.path)
            note(f"{shown_id(self._jobid)}: {entry.stream} goes to the file {entry.path}.")
        if entry.name == "log":
            put_raw(f"{safe(_log_line(entry))}\n".encode(), error=True)
        elif entry.raw:
            data = self._labeled(entry) if self._label else entry.raw
            put_raw(data, error=entry.stream == _STDERR)

    def _labeled(self, entry: OutputEntry) -> bytes:
        """Each line with its tasks in front; a line may come in pieces."""
        key = entry.stream, entry.rank
        mark = f"{safe(entry.rank)}: ".encode()
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
    """A message of the job shell, as ``flux job attach`` shows it."""
    context = entry.context
    where = f"[{context['rank']}]" if "rank" in context else ""
    component = f"{context['component']}: " if context.get("component") else ""
    return f"flux-shell{where}: {component}{context.get('message', '')}"


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
async def _reasons(flux: AsyncClient, jobid: str) -> AsyncIterator[None]:
    """Say on standard error why the job waits, where somebody looks, until it starts."""
    task = asyncio.ensure_future(_tell_reasons(flux, jobid) if progress_wanted() else _nothing())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _tell_reasons(flux: AsyncClient, jobid: str) -> None:
    told: str | None = None
    while True:
        await asyncio.sleep(_REASON_EVERY_S)
        job = await flux.get(jobid)
        if job.t_run or not job.is_active:
            return
        if job.reason and job.reason != told:
            told = job.reason
            note(f"{shown_id(jobid)} {told}")


async def _nothing() -> None:
    """Return at once."""


def explain(job: Job) -> None:
    """Say on standard error why a job did not end well; nothing of one that did."""
    if job.success:
        return
    exception = job.exception
    if exception is not None and exception.occurred:
        why = f" ({exception.note})" if exception.note else ""
        note(f"{shown_id(job.id)}: {exception.type or 'exception'}{why}")
    elif job.waitstatus is not None:
        code = of_job(job)
        note(f"{shown_id(job.id)}: ended with exit code {code}")


async def attach(
    flux: AsyncClient,
    jobid: str,
    *,
    tail: int | None = None,
    label: bool = False,
    only: str | None = None,
) -> int:
    """Stream a job's output to its end; the exit status that stands for how it ended.

    Ctrl-C detaches, a second one within two seconds cancels the job.
    """

    async def follow() -> int:
        async with _reasons(flux, jobid):
            writer = Writer(jobid, label=label, only=only)
            await _stream(flux, jobid, writer, tail=tail, only=only)
        job = await flux.wait(jobid)
        explain(job)
        return of_job(job)

    shown = shown_id(jobid)
    hint = (
        f"detached, {shown} goes on: fluxapi output --follow {shown} follows it, "
        f"fluxapi cancel {shown} ends it, and so does one more Ctrl-C within 2 s."
    )
    return await _until_pressed(flux, [jobid], follow(), hint)


async def _until_pressed(
    flux: AsyncClient, ids: list[str], work: Coroutine[Any, Any, int], hint: str
) -> int:
    """The status that ``work`` comes to; Ctrl-C ends it, and twice the jobs, too.

    Raises ``BrokenPipeError`` when whoever read standard output is gone; the jobs go on.
    """
    with Interrupts() as interrupts:
        status = await interrupts.unless_pressed(while_read(work))
        if status is not None:
            return status
        note(hint)
        if await interrupts.unless_pressed(asyncio.sleep(_AGAIN, result=OK)) is not None:
            return INTERRUPTED
    await _cancel(flux, ids)
    return await wait_all(flux, ids) or FAILED


async def attach_all(flux: AsyncClient, ids: list[str], *, label: bool = False) -> int:
    """The same for several jobs at once; the highest of their statuses."""
    if len(ids) == 1:
        return await attach(flux, ids[0], label=label)

    async def follow(jobid: str) -> int:
        async with _reasons(flux, jobid):
            await _stream(flux, jobid, Writer(jobid, label=label))
        job = await flux.wait(jobid)
        explain(job)
        return of_job(job)

    hint = (
        f"detached, the {len(ids)} jobs go on: fluxapi output --follow JOBID follows one, and one "
        "more Ctrl-C within 2 s cancels them all."
    )
    return await _until_pressed(flux, ids, _highest(follow(jobid) for jobid in ids), hint)


async def wait_all(flux: AsyncClient, ids: Iterable[str], *, quiet: bool = False) -> int:
    """Wait for jobs to end; the highest of their statuses."""

    async def end(jobid: str) -> int:
        job = await flux.wait(jobid)
        if not quiet:
            explain(job)
        return of_job(job)

    return await _highest(end(jobid) for jobid in ids)


async def _highest(works: Iterable[Coroutine[Any, Any, int]]) -> int:
    """The highest result; at most so many are under way, in order."""
    highest = OK
    running: set[asyncio.Task[int]] = set()
    try:
        for work in works:
            running.add(asyncio.ensure_future(work))
            if len(running) >= _AT_A_TIME:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                highest = max(highest, *(task.result() for task in done))
        for task in asyncio.as_completed(list(running)):
            highest = max(highest, await task)
    finally:
        for left in running:
            left.cancel()
    return highest


async def _cancel(flux: AsyncClient, ids: list[str]) -> None:
    from fluxapi.client import Conflict  # noqa: PLC0415 - it is there already

    note(f"canceling {', '.join(map(shown_id, ids[:3]))}{' …' if len(ids) > 3 else ''}")  # noqa: PLR2004 - a few
    with contextlib.suppress(Conflict):  # it has ended meanwhile
        if len(ids) == 1:
            await flux.cancel(ids[0], note=_NOTE)
        else:
            await flux.cancel_many(ids, note=_NOTE)


class Interrupts:
    """Ctrl-C, one press after the other, while the context lasts: none is lost in between."""

    def __init__(self) -> None:
        self._presses: asyncio.Queue[None] = asyncio.Queue()

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._presses.put_nowait, None)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        # As Python begins with, which ends the program.
        signal.signal(signal.SIGINT, signal.default_int_handler)

    async def unless_pressed(self, work: Coroutine[Any, Any, int]) -> int | None:
        """The result of ``work``, or ``None`` when Ctrl-C came first; it is given up then."""
        task = asyncio.ensure_future(work)
        pressed = asyncio.ensure_future(self._presses.get())
        try:
            await asyncio.wait({task, pressed}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            pressed.cancel()
            await asyncio.gather(task, pressed, return_exceptions=True)
