"""Following jobs that were just submitted: ``--wait``, ``--wait-event`` and ``--watch``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fluxapi.model.unmet import noted

from .attach import explain, highest_of
from .exit_codes import BY_SIGNAL, FAILED, OK, of_job
from .follow import attach_all
from .ids import shown_id
from .job_detail import event_line
from .streams import Streams
from .text import safe

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient, Event

    from .progress import ProgressBar

__all__ = ["ENDED", "follow"]

ENDED = "clean"
"""The last event of a job, which ``--wait`` waits for."""

_EVENTS = 2
"""Number of ``-v`` that shows events."""


async def follow(
    flux: AsyncClient,
    jobs: Mapping[str, Streams],
    arguments: argparse.Namespace,
    bar: ProgressBar | None,
) -> int:
    """Follow submitted jobs as the options say, and return their highest exit status."""
    ends = Ends(bar)
    if arguments.watch:
        return await attach_all(
            flux,
            list(jobs),
            label=arguments.label_io,
            named=len(jobs) > 1 or getattr(arguments, "names_jobs", False),
            streams=jobs.__getitem__,
            on_end=lambda job: ends.add(failed=not job.success),
        )
    if arguments.wait_event is None:
        return OK
    verbose = arguments.verbose or 0

    async def wait(jobid: str, streams: Streams) -> int:
        if arguments.wait_event == ENDED and not verbose:
            job = await flux.wait(jobid)
            explain(job, streams)
            status = of_job(job)
        else:
            status = await _until(flux, jobid, arguments.wait_event, streams, verbose)
        ends.add(failed=bool(status))
        return status

    return await highest_of(wait(jobid, streams) for jobid, streams in jobs.items())


class Ends:
    """A count of the jobs that are waited for no longer."""

    def __init__(self, bar: ProgressBar | None) -> None:
        self._bar = bar
        self._done = 0
        self._failed = 0

    def add(self, *, failed: bool) -> None:
        """Count a job, and show the numbers."""
        self._done += 1
        self._failed += failed
        if self._bar is not None:
            self._bar.ended(self._done, self._failed)


async def _until(flux: AsyncClient, jobid: str, name: str, streams: Streams, verbose: int) -> int:
    """Wait until a job has an event, or ends without it; return its exit status so far."""
    status, started = OK, False
    async for event in flux.job_events(jobid):
        context = event.context or {}
        started = started or event.name == "start"
        if verbose >= _EVENTS:
            streams.note(f"{shown_id(jobid)}: {event_line(event)}")
        if event.name == "exception" and context.get("severity") == 0:
            status = max(status, OK if started else FAILED)
            text = f" ({noted(str(context['note']))})" if context.get("note") else ""
            streams.note(safe(f"{shown_id(jobid)}: {context.get('type')}{text}"))
        elif event.name == "finish":
            status = max(status, _exit_status(event))
            if verbose:
                how = "failed" if status else "complete"
                streams.note(f"{shown_id(jobid)}: {how}: status={context.get('status')}")
        if event.name == name:
            return status
    streams.note(f"{shown_id(jobid)}: ended without the event {name}")
    return status


def _exit_status(event: Event) -> int:
    """Return the exit status that a finish event tells."""
    status = (event.context or {}).get("status")
    if not isinstance(status, int):
        return FAILED
    return BY_SIGNAL + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
