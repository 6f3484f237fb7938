"""Submitting several jobs: their IDs as they come, log files, a progress bar, and their end."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shlex
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import submit_body
from .exit_codes import FAILED, OK, Failure
from .ids import shown_id
from .notification import Notification, notification
from .option_words import in_options, is_other_request
from .request_check import check_request
from .streams import Streams, log_files
from .submit_follow import ENDED, follow
from .terminal import note, progress_wanted, put
from .text import plural

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient, BulkItem

    from .progress import ProgressBar

__all__ = ["Planned", "copies", "dry_run", "submit_all", "submit_one"]

_JOBS_PER_REQUEST = 500
"""Jobs in one request, which takes a few tenths of a second, so that IDs come as jobs are made."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A job to submit, the text before its errors, and the files of its messages and output."""

    fields: Mapping[str, Any]
    label: str = ""
    log: str | None = None
    log_stderr: str | None = None


def copies(fields: Mapping[str, Any], arguments: argparse.Namespace) -> list[Planned]:
    """Return the job, or its copies of ``--cc`` or ``--bcc``."""
    log, log_stderr = arguments.log, arguments.log_stderr
    ids = submit_body.copies(arguments)
    if ids is None:
        return [Planned(fields, "", log, log_stderr)]
    jobs = submit_body.replicate(fields, ids, variable=arguments.cc is not None)
    return [
        Planned(job, f"cc={number}: ", _numbered(log, number), _numbered(log_stderr, number))
        for number, job in zip(ids, jobs, strict=True)
    ]


def _numbered(name: str | None, number: int) -> str | None:
    return name and name.replace("{cc}", str(number))


def dry_run(jobs: Iterable[Planned]) -> int:
    """Check all requests, then print them; raise ``Failure`` for the first invalid one."""
    lines = []
    for job in jobs:
        try:
            check_request(job.fields)
        except Failure as failure:
            raise Failure(f"{job.label}{failure.sentence}", failure.status) from None
        lines.append(json.dumps(job.fields))
    for line in lines:
        put(line)
    return OK


async def submit_one(flux: AsyncClient, job: Planned, arguments: argparse.Namespace) -> int:
    """Submit a job, print its ID, and follow it as the options say; return the exit status."""
    with _notification(arguments) as notice:
        with log_files() as logs, _bar(arguments, 1) as bar:
            streams = logs.streams(job.log, job.log_stderr)
            jobid = await flux.submit(idempotency_key=arguments.idempotency_key, **job.fields)
            if bar is not None:
                bar.submitted(1)
            if not arguments.quiet:
                streams.put(shown_id(jobid))
            status = await follow(flux, {jobid: streams}, arguments, bar)
        await _tell(notice, flux, [jobid], arguments)
    return status


async def submit_all(
    flux: AsyncClient, jobs: Sequence[Planned], arguments: argparse.Namespace
) -> int:
    """Submit jobs in bulk, print their IDs, and follow them; return the highest exit status."""
    with _notification(arguments) as notice:
        with log_files() as logs, _bar(arguments, len(jobs)) as bar:
            # Each file is opened before the first job is submitted.
            streams = [logs.streams(job.log, job.log_stderr) for job in jobs]
            run = _Run(jobs, streams, arguments, bar)
            await run.submit(flux)
            if not run.ids:
                return run.status
            status = max(run.status, await follow(flux, run.ids, arguments, bar))
        await _tell(notice, flux, list(run.ids), arguments)
    return status


def _notification(
    arguments: argparse.Namespace,
) -> contextlib.AbstractContextManager[Notification]:
    waits = arguments.watch or arguments.wait_event is not None
    return notification(arguments, waits=waits, needs="--wait, --wait-event or --watch")


async def _tell(
    notice: Notification, flux: AsyncClient, ids: list[str], arguments: argparse.Namespace
) -> None:
    """Tell that the jobs have ended, or have had the event of ``--wait-event``."""
    if arguments.watch or arguments.wait_event == ENDED:
        await notice.tell_jobs(flux, ids)
    else:
        notice.send(f"{plural(len(ids), 'job')} had the event {arguments.wait_event} or ended")


class _Run:
    """A submission: the IDs so far with their streams, and the exit status."""

    def __init__(
        self,
        jobs: Sequence[Planned],
        streams: Sequence[Streams],
        arguments: argparse.Namespace,
        bar: ProgressBar | None,
    ) -> None:
        self._jobs = jobs
        self._streams = streams
        self._arguments = arguments
        self._bar = bar
        self._taken = 0
        self._group: str | None = None
        self.ids: dict[str, Streams] = {}
        self.status = OK

    async def submit(self, flux: AsyncClient) -> None:
        """Submit all jobs; an error says how to continue."""
        from fluxapi.client import ClientError  # noqa: PLC0415 - already imported

        key = self._arguments.idempotency_key or uuid.uuid4().hex
        try:
            async for item in flux.submit_many(
                (job.fields for job in self._jobs),
                chunk=_JOBS_PER_REQUEST,
                group=self._arguments.group,
                idempotency_key=key,
            ):
                self._take(item)
        except (ClientError, asyncio.CancelledError) as error:
            for known in getattr(error, "submitted", ()):
                if known.index >= self._taken:
                    self._take(known)
            if not is_other_request(error):
                note(
                    f"{plural(len(self.ids), 'job')} submitted so far; to continue, "
                    f"repeat the command with --idempotency-key={shlex.quote(key)}"
                )
            raise
        if self._group is not None and not self._arguments.quiet and progress_wanted():
            note(f"group {self._group}")

    def _take(self, item: BulkItem) -> None:
        """Print the ID of a job, or why it was rejected."""
        self._taken = item.index + 1
        self._group = item.group or self._group
        streams = self._streams[item.index]
        if item.id is None:
            why = in_options(item.error) if item.error is not None else ""
            streams.note(f"{self._jobs[item.index].label}{why}")
            self.status = FAILED
            if self._bar is not None:
                self._bar.rejected(1)
            return
        self.ids[item.id] = streams
        if self._bar is not None:
            self._bar.submitted(1)
        if not self._arguments.quiet:
            streams.put(shown_id(item.id))


@contextlib.contextmanager
def _bar(arguments: argparse.Namespace, total: int) -> Iterator[ProgressBar | None]:
    """Show a progress bar if one is wanted and standard error is a terminal."""
    if not arguments.progress:
        yield None
    elif not progress_wanted():
        note("standard error is not a terminal; --progress is ignored")
        yield None
    else:
        from .progress import progress_bar  # noqa: PLC0415 - loads rich

        waits = bool(arguments.wait_event or arguments.watch)
        with progress_bar(total, waits=waits, rate=arguments.jps, elapsed=not arguments.jps) as bar:
            yield bar
