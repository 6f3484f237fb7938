"""``fluxapi watch``: what happens, as it happens."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fluxapi.cli.arguments import Parsers, add_command, add_filter, add_ids, filters, natural, words
from fluxapi.cli.exit_codes import FAILED, OK, USAGE, Failure
from fluxapi.cli.fields import JobFields
from fluxapi.cli.format import Format, FormatError
from fluxapi.cli.hangup import while_read
from fluxapi.cli.ids import shown_id
from fluxapi.cli.listing import where
from fluxapi.cli.session import add_connection, connected
from fluxapi.cli.terminal import note, put
from fluxapi.cli.text import safe

from .jobs import add_format, chosen_format

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient, Job

__all__ = ["add"]

_FORMAT = (
    "{id.f58:>12} {username:<8.8} {name:<10.10+} {status:>9.9} {ntasks:>6} {nnodes:>6h} "
    "{contextual_time!F:>8h} {contextual_info}"
)
_RESULTS = ("completed", "failed", "canceled", "timeout")


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        "watch",
        "Print each job that changes from now on, or with --events each event, until Ctrl-C; of "
        "jobs that are given by id also their present state, until they have ended. A connection "
        "that is cut comes back, and nothing is missed. Unlike flux watch, this shows states and "
        "not output, and includes jobs submitted later: `fluxapi output --follow JOBID` and "
        "`fluxapi submit --watch` show output.",
    )
    add_ids(parser, "*", "follow these jobs")
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument(
        "-a", "--active", action="store_true", help="begin with all jobs that are active now"
    )
    begin.add_argument(
        "-A", "--all", action="store_true", help="begin with all jobs, inactive ones too"
    )
    parser.add_argument("--events", action="store_true", help="events in place of jobs")
    parser.add_argument(
        "--event",
        metavar="NAME,…",
        type=words,
        action="extend",
        help="only events of these names, such as finish; implies --events",
    )
    parser.add_argument(
        "--since", metavar="CURSOR", help="events from this cursor on; 0 is all that are kept"
    )
    parser.add_argument(
        "-f",
        "--filter",
        metavar="STATE|RESULT,…",
        type=filters,
        action="extend",
        help="only jobs in these states, or with these results",
    )
    add_filter(parser)
    parser.add_argument("--lines", metavar="N", type=natural, help="end after N lines")
    add_format(parser, _FORMAT)
    parser.add_argument("--json", action="store_true", help="one JSON object on a line")
    add_connection(parser, user=False)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    chosen = chosen_format(arguments.format)
    queues = arguments.queue or ()
    if len(queues) > 1:
        raise Failure("--queue takes one queue here.", USAGE)
    filter = where(arguments)
    if queues:
        filter["queue"] = queues[0]
    if arguments.ids:
        filter["id"] = arguments.ids
    asked = arguments.filter or ()
    for name, among in (("result", True), ("state", False)):
        values = [word for word in asked if (word in _RESULTS) is among]
        if values:
            filter[name] = values
    if {"result", "state"} <= filter.keys():
        raise Failure("--filter takes states or results here, not both.", USAGE)
    events = arguments.events or arguments.event or arguments.since
    if events and (arguments.active or arguments.all):
        raise Failure("--active and --all are for jobs; --since=0 is for events.", USAGE)
    follow = _events if events else _jobs

    async def act(flux: AsyncClient, given: argparse.Namespace) -> int:
        return await while_read(follow(flux, given, filter, Printer(given, chosen)))

    return connected(arguments, act)


class Printer:
    """Prints lines at once, and knows when there were enough."""

    def __init__(self, arguments: argparse.Namespace, chosen: Format) -> None:
        self._json = arguments.json
        self._left = arguments.lines or None
        self._header = not arguments.no_header
        self._chosen = chosen.fitted([], header=self._header)

    def header(self) -> None:
        """Print the headings, unless none are wanted."""
        if self._header and not self._json:
            put(self._chosen.header())
            sys.stdout.flush()

    def job(self, job: Job) -> bool:
        """Print a job as it is; whether more are wanted."""
        if self._json:
            return self._put(json.dumps({"type": "job", **job.to_dict()}))
        try:
            return self._put(self._chosen.line(JobFields(job, time.time()).get))
        except FormatError as error:
            raise Failure(str(error), USAGE) from None

    def other(self, document: dict[str, Any], line: Callable[[], str]) -> bool:
        """Print something else, in one of two forms; whether more is wanted."""
        return self._put(json.dumps(document) if self._json else line())

    def _put(self, line: str) -> bool:
        put(line)
        sys.stdout.flush()
        if self._left is not None:
            self._left -= 1
        return self._left != 0


async def _jobs(
    flux: AsyncClient, arguments: argparse.Namespace, filter: dict[str, Any], printer: Printer
) -> int:
    left = set(arguments.ids)
    if left and not await _are_there(flux, left):
        return FAILED
    async with flux.watch(**filter) as watch:
        if not arguments.ids:
            await watch.ready()
        printer.header()
        if not arguments.ids:
            for job in [*watch.jobs.values()]:
                begins = arguments.all or (arguments.active and job.is_active)
                if begins and not printer.job(job):
                    return OK
        async for change in watch:
            if change.job is not None:
                wanted = printer.job(change.job)
            else:
                jobid = change.id
                wanted = printer.other(
                    {"type": "gone", "id": jobid},
                    lambda: f"{safe(shown_id(jobid))} gone",  # noqa: B023 - used at once
                )
            if change.job is None or not change.job.is_active:
                left.discard(change.id)
            if not wanted or (arguments.ids and not left):
                break
    return OK


async def _are_there(flux: AsyncClient, ids: set[str]) -> bool:
    """Whether there is any of the jobs to follow; says which are not, and forgets them."""
    from fluxapi.client import NotFound  # noqa: PLC0415 - it is there already

    for jobid in sorted(ids):
        try:
            await flux.get(jobid)
        except NotFound as error:  # noqa: PERF203 - a request each, which takes far longer
            note(str(error))
            ids.discard(jobid)
    return bool(ids)


async def _events(
    flux: AsyncClient, arguments: argparse.Namespace, filter: dict[str, Any], printer: Printer
) -> int:
    from fluxapi.cli.job_detail import event_line  # noqa: PLC0415 - only now known to be needed
    from fluxapi.client import Reset  # noqa: PLC0415 - it is there already

    if arguments.event:
        filter["event"] = arguments.event
    left = set(arguments.ids)
    if left and not await _are_there(flux, left):
        return FAILED
    since = arguments.since or ("0" if left else None)
    async with flux.events(since=since, on_reset="continue", **filter) as events:
        async for event in events:
            if isinstance(event, Reset):
                note(f"events may be missing here: {event.detail}")
                continue
            document = {
                "type": "event",
                "id": event.id,
                "index": event.index,
                "name": event.name,
                "timestamp": event.timestamp,
                "context": event.context,
            }
            shown = {name: value for name, value in document.items() if value is not None}
            wanted = printer.other(shown, lambda: f"{safe(shown_id(event.id))} {event_line(event)}")  # noqa: B023 - used at once
            if event.name == "clean":
                left.discard(event.id)
            if not wanted or (arguments.ids and not left):
                break
    return OK
