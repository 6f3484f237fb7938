"""``fluxapi watch``: live changes of jobs, or live events."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fluxapi.cli.arguments import (
    Command,
    Parsers,
    add_command,
    add_filter,
    add_ids,
    filters,
    natural,
    words,
)
from fluxapi.cli.exit_codes import FAILED, OK, USAGE, Failure
from fluxapi.cli.fields import JobFields
from fluxapi.cli.format import Format, FormatError
from fluxapi.cli.hangup import while_read
from fluxapi.cli.ids import shown_id
from fluxapi.cli.listing import members, service_filter
from fluxapi.cli.notification import add_notify, notification
from fluxapi.cli.outage import NO_OUTAGE, Outage, named
from fluxapi.cli.session import add_connection, connected, path_of
from fluxapi.cli.terminal import note, put
from fluxapi.cli.text import safe
from fluxapi.cli.watch_output import runs_output

from .jobs import add_format, chosen_format

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient, Event, Job

__all__ = ["COMMAND", "add"]

COMMAND = Command("watch", "follow jobs or events live", group="inspect jobs", position=3)

_FORMAT = (
    "{id.f58:>12} {username:<8.8} {name:<10.10+} {status:>9.9} {ntasks:>6} {nnodes:>6h} "
    "{contextual_time!F:>8h} {contextual_info}"
)
_RESULTS = ("completed", "failed", "canceled", "timeout")


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Print each job that changes from now on, or with --events each event, until Ctrl-C. With "
        "job IDs or --group, print the current state of these jobs first, and exit when they have "
        "ended. The command reconnects without missing changes. With --output, follow the output "
        "of the chosen jobs until they end; exit with their highest status, as flux watch does.",
    )
    add_ids(parser, "*", "follow these jobs")
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("-a", "--active", action="store_true", help="start with all active jobs")
    begin.add_argument(
        "-A", "--all", action="store_true", help="start with all jobs, including inactive ones"
    )
    parser.add_argument(
        "--output", action="store_true", help="follow the output of the jobs instead of their state"
    )
    parser.add_argument(
        "-l",
        "--label-io",
        action="store_true",
        help="with --output: prefix lines with job IDs and task ranks",
    )
    parser.add_argument(
        "-c",
        "--count",
        metavar="N",
        type=natural,
        default=0,
        help="with --output: at most N jobs, those submitted last; default all",
    )
    parser.add_argument("--events", action="store_true", help="print events instead of jobs")
    parser.add_argument(
        "--event",
        metavar="NAME,…",
        type=words,
        action="extend",
        help="only events with these names, such as finish; implies --events",
    )
    parser.add_argument(
        "--since",
        metavar="CURSOR",
        help="start with the events after this cursor; 0 is all kept events",
    )
    parser.add_argument(
        "-f",
        "--filter",
        metavar="STATE|RESULT,…",
        type=filters,
        action="extend",
        help="only jobs with these states or results",
    )
    add_filter(parser)
    parser.add_argument("--lines", metavar="N", type=natural, help="exit after N lines")
    add_format(parser, _FORMAT)
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    add_notify(parser, "with job IDs, --group or --output, when the jobs have ended")
    add_connection(parser, user=False)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    chosen = chosen_format(arguments.format)
    filter = _filter(arguments)
    events = arguments.events or arguments.event or arguments.since
    if events and (arguments.active or arguments.all):
        raise Failure("--active and --all apply to jobs; use --since=0 for events.", USAGE)
    if arguments.output:
        if events or arguments.lines or arguments.json:
            raise Failure("--output excludes options of events, --lines and --json.", USAGE)
        return connected(arguments, runs_output(filter))
    if arguments.count or arguments.label_io:
        raise Failure("--count and --label-io need --output.", USAGE)
    follow = _events if events else _jobs

    async def act(flux: AsyncClient, given: argparse.Namespace) -> int:
        ids, group = list(given.ids), given.group
        needs = "job IDs, --group or --output"
        with notification(given, waits=ids or group, needs=needs) as notice:
            status = await while_read(follow(flux, given, filter, Printer(given, chosen)))
            if ids:
                await notice.tell_jobs(flux, ids)
            else:
                await notice.tell_group(flux, group)
        return status

    return connected(arguments, act)


def _filter(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the filter for the jobs to follow."""
    queues = arguments.queue or ()
    if len(queues) > 1:
        raise Failure("watch accepts only one --queue.", USAGE)
    filter = service_filter(arguments)
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
        raise Failure("watch --filter accepts states or results, not both.", USAGE)
    return filter


class Printer:
    """A printer of lines, flushed one by one, up to the number wanted."""

    def __init__(self, arguments: argparse.Namespace, chosen: Format) -> None:
        self._json = arguments.json
        self._left = arguments.lines or None
        self._header = not arguments.no_header
        self._path = path_of(arguments)
        self._outage = NO_OUTAGE
        self._chosen = chosen.fitted([], header=self._header)

    def header(self) -> None:
        """Print the header, if wanted."""
        if self._header and not self._json:
            put(self._chosen.header())
            sys.stdout.flush()

    def job(self, job: Job) -> bool:
        """Print a job; return whether to continue."""
        if self._json:
            return self._put(json.dumps({"type": "job", **job.to_dict()}))
        try:
            return self._put(self._chosen.line(JobFields(job, self._outage.now).get))
        except FormatError as error:
            raise Failure(str(error), USAGE) from None

    def tell(self, lost_since: float | None) -> None:
        """Tell that the instance does not answer since then, or that it answers again."""
        if lost_since is None:
            self._outage = NO_OUTAGE
            note(f"{named(self._path)} answers again.")
        else:
            self._outage = Outage.lost(self._path, lost_since)
            note(self._outage.sentence)

    def other(self, document: dict[str, Any], line: Callable[[], str]) -> bool:
        """Print another item, as JSON or text; return whether to continue."""
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
    selection = Selection(())
    if arguments.group and not left:
        await flux.group(arguments.group)  # raises an error if there is none
        # The end of the group is that of all its jobs, so the words of --filter apply here.
        selection = Selection(arguments.filter or ())
        filter = {name: it for name, it in filter.items() if name not in {"state", "result"}}
    ends = bool(left or arguments.group)
    async with flux.watch(**filter) as watch:
        watch.on_live = lambda: printer.tell(watch.lost_since)
        await watch.ready()
        printer.header()
        for job in [*watch.jobs.values()]:
            is_begun = job.is_active and (arguments.active or arguments.group)
            begins = selection.takes(job) and (arguments.all or arguments.ids or is_begun)
            if begins and not printer.job(job):
                return OK
            (left.add if ends and job.is_active else left.discard)(job.id)
        if ends and not left:
            return OK
        async for change in watch:
            wanted = True
            is_shown = selection.has_shown(change.id)
            if change.job is not None and selection.takes(change.job):
                wanted = printer.job(change.job)
            elif is_shown:
                jobid = change.id
                wanted = printer.other(
                    {"type": "gone", "id": jobid},
                    lambda: f"{safe(shown_id(jobid))} gone",  # noqa: B023 - used at once
                )
            is_active = change.job is not None and change.job.is_active
            (left.add if ends and is_active else left.discard)(change.id)
            if not wanted or (ends and not left):
                break
    return OK


class Selection:
    """The jobs whose state or result is one of those that the words of ``--filter`` mean."""

    def __init__(self, words: Sequence[str]) -> None:
        self._members = members(words)
        self._shown: set[str] = set()

    def takes(self, job: Job) -> bool:
        """Return whether to show a job, and remember it until the next one with its ID."""
        if not self._members:
            return True
        taken = not self._members.isdisjoint({job.state.lower(), (job.result or "").lower()})
        (self._shown.add if taken else self._shown.discard)(job.id)
        return taken

    def has_shown(self, jobid: str) -> bool:
        """Return whether a job was shown when it was seen last."""
        return not self._members or jobid in self._shown


async def _are_there(flux: AsyncClient, ids: set[str]) -> bool:
    """Report and remove unknown jobs; return whether any are left."""
    from fluxapi.client import NotFound  # noqa: PLC0415 - already imported

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
    from fluxapi.client import Reset  # noqa: PLC0415 - already imported

    left = set(arguments.ids)
    if left and not await _are_there(flux, left):
        return FAILED
    ends = Ends(flux, left, None if left else arguments.group)
    if arguments.event:
        # The end of the last job ends the command, too.
        filter["event"] = [*arguments.event, *(["clean"] if ends.are_awaited else [])]
    since = arguments.since or ("0" if left else None)
    async with flux.events(since=since, on_reset="continue", **filter) as events:
        # The stream is open, so the ends of jobs that are active now will be in it.
        if await ends.find(ended=since == "0") and since is None:
            return OK
        async for event in events:
            if isinstance(event, Reset):
                note(f"events may be missing here: {event.detail}")
                is_over = await ends.find_missed()
            else:
                is_shown = not arguments.event or event.name in arguments.event
                is_over = (is_shown and not _print_event(printer, event)) or await ends.take(event)
            if is_over:
                break
    return OK


class Ends:
    """The jobs that a command waits for: those of *ids*, or the active ones of a group."""

    def __init__(self, flux: AsyncClient, ids: set[str], group: str | None) -> None:
        self._flux = flux
        self._left = ids
        self._group = group
        self.are_awaited = bool(ids or group)

    async def find(self, *, ended: bool = False) -> bool:
        """Look for the jobs of the group, also *ended* ones; return whether all have ended."""
        if self._group is None:
            return False
        group = await self._flux.group(self._group)  # raises an error if there is none
        if not ended and not group.is_active:
            return True
        state: dict[str, Any] = {} if ended else {"state": "active"}
        self._left = {job.id async for job in self._flux.jobs(group=self._group, **state)}
        return not self._left

    async def find_missed(self) -> bool:
        """Look for the ends that a gap may hide; return whether all jobs have ended."""
        if self._group is not None or not self._left:
            return await self.find()
        found = await self._flux.get_many(self._left)
        self._left = {job.id for job in found.jobs if job.is_active}
        return not self._left

    async def take(self, event: Event) -> bool:
        """Take the next event; return whether all jobs have ended."""
        if event.name != "clean":
            return False
        self._left.discard(event.id)
        if self._left or not self.are_awaited:
            return False
        # More jobs may have joined the group.
        return self._group is None or await self.find()


def _print_event(printer: Printer, event: Event) -> bool:
    """Print an event; return whether to continue."""
    from fluxapi.cli.job_detail import event_line  # noqa: PLC0415 - imported when needed

    document = {
        "type": "event",
        "id": event.id,
        "index": event.index,
        "name": event.name,
        "timestamp": event.timestamp,
        "context": event.context,
    }
    shown = {name: value for name, value in document.items() if value is not None}
    return printer.other(shown, lambda: f"{safe(shown_id(event.id))} {event_line(event)}")
