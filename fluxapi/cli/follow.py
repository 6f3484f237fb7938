"""Following the output of many jobs at once, over a fixed number of streams."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fluxapi.model.output import source_of

from .attach import Writer, attach, explain, reported_reasons, unless_interrupted
from .each import concerns_all
from .exit_codes import FAILED, OK, of_job
from .ids import shown_id
from .streams import TERMINAL, Streams
from .terminal import note
from .text import plural

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient, Job

__all__ = ["attach_all"]

MAX_STREAMS = 64
"""Jobs followed at the same time; each uses a connection."""

TURN_S = 2.0
"""Seconds after which a job that is followed gives its stream to one that waits for its turn."""


async def attach_all(
    flux: AsyncClient,
    ids: list[str],
    *,
    label: bool = False,
    named: bool = False,
    tail: int | None = None,
    only: str | None = None,
    streams: Callable[[str], Streams] = lambda _: TERMINAL,
    on_end: Callable[[Job], object] = lambda _: None,
) -> int:
    """Attach to several jobs at once, and return their highest exit status.

    A job that is not there, or whose output cannot be read, counts as 1 and is reported; the
    number of such jobs is reported at the end.
    """
    if len(ids) == 1:
        return await attach(
            flux, ids[0], label=label, named=named, tail=tail, only=only, streams=streams(ids[0])
        )
    jobs = [
        _Followed(
            flux,
            jobid,
            Writer(jobid, label=label, named=named, only=only, streams=streams(jobid)),
            tail,
            only,
            on_end=on_end,
        )
        for jobid in dict.fromkeys(ids)
    ]
    hint = (
        f"detached; the {len(jobs)} jobs continue. Press Ctrl-C again within 2 s to cancel all of "
        "them. To attach to one again: fluxapi output --follow JOBID."
    )
    return await unless_interrupted(flux, ids, _follow(jobs), hint)


class _Followed:
    """One job, and how much of its output has been written."""

    def __init__(
        self,
        flux: AsyncClient,
        jobid: str,
        writer: Writer,
        tail: int | None,
        only: str | None,
        *,
        on_end: Callable[[Job], object],
    ) -> None:
        self._flux = flux
        self._jobid = jobid
        self._writer = writer
        self._tail = tail
        self._only = only
        self._on_end = on_end
        self._seen: dict[int, int] = {}
        self.is_lost = False

    async def read(self) -> int:
        """Write the output from where it was left to its end; return the job's exit status."""
        from fluxapi.client import ClientError  # noqa: PLC0415 - already imported

        try:
            async with reported_reasons(self._flux, self._jobid):
                entries = self._flux.follow_output(
                    self._jobid, tail=self._tail, stream=self._only, after=self._seen.values()
                )
                async for entry in entries:
                    # No await between these lines, so that no entry is lost or written twice.
                    self._writer.write(entry)
                    if entry.index is not None:
                        self._seen[source_of(entry.index)] = entry.index
            job = await self._flux.wait(self._jobid)
        except ClientError as error:
            if concerns_all(error):
                raise
            self.is_lost = True
            self._writer.streams.note(f"{shown_id(self._jobid)}: {error}")
            return FAILED
        self._on_end(job)
        explain(job, self._writer.streams)
        return of_job(job)


async def _follow(jobs: Sequence[_Followed]) -> int:
    """Follow jobs, at most :data:`MAX_STREAMS` at a time; the others get their turn."""
    waiting = deque(jobs)
    highest = OK

    async def take_turns() -> None:
        nonlocal highest
        while waiting:
            job = waiting.popleft()
            status = await _turn(job, waiting)
            if status is None:
                waiting.append(job)
            else:
                highest = max(highest, status)

    workers = [asyncio.ensure_future(take_turns()) for _ in range(min(MAX_STREAMS, len(waiting)))]
    try:
        for done in asyncio.as_completed(workers):
            await done
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    lost = sum(job.is_lost for job in jobs)
    if lost:
        note(f"The output of {lost:,} of {plural(len(jobs), 'job')} could not be followed.")
    return highest


async def _turn(job: _Followed, waiting: deque[_Followed]) -> int | None:
    """Follow a job until it ends, or until its turn is over and another one waits."""
    task = asyncio.ensure_future(job.read())
    try:
        while True:
            done, _ = await asyncio.wait({task}, timeout=TURN_S)
            if done:
                return task.result()
            if waiting:
                return None
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
