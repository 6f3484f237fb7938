"""``fluxapi cancel``: end jobs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from fluxapi.cli.arguments import Command, Parsers, add_command, add_filter, add_ids, filters
from fluxapi.cli.confirm import confirm
from fluxapi.cli.exit_codes import FAILED, OK, USAGE, Failure
from fluxapi.cli.ids import shown_id
from fluxapi.cli.listing import service_filter
from fluxapi.cli.session import add_connection, runs
from fluxapi.cli.terminal import note, put
from fluxapi.cli.text import plural

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("cancel", "cancel jobs", group="change jobs", position=1)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Cancel jobs by ID, or all active jobs that match --all, --states or other filters. "
        "Filters ask for confirmation unless --yes is given. The exit status is 1 if no job was "
        "canceled.",
    )
    add_ids(parser, "*")
    parser.add_argument("--all", action="store_true", help="cancel all active jobs")
    parser.add_argument(
        "-S",
        "--states",
        "-f",
        "--filter",
        dest="filter",
        metavar="STATE,…",
        type=filters,
        action="extend",
        help="only active jobs in these states: pending, running, sched, …",
    )
    add_filter(parser, queue_flags=())
    parser.add_argument(
        "-m", "--message", metavar="TEXT", help="reason, which Flux stores with the job"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask for confirmation")
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="list the jobs without canceling them"
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="do not report the number of jobs"
    )
    add_connection(parser, user=False)
    parser.set_defaults(run=runs(_act))


async def _act(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    chosen = _filter(arguments)
    if bool(arguments.ids) == bool(chosen):
        raise Failure("Give job IDs, --all or a filter.", USAGE)
    if arguments.ids:
        return await _cancel_ids(flux, arguments)
    return await _cancel_some(flux, chosen, arguments)


def _filter(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the filter for the jobs to cancel, which must be active."""
    given = service_filter(arguments)
    queues = arguments.queue or ()
    if len(queues) > 1:
        raise Failure("cancel accepts only one --queue.", USAGE)
    if queues:
        given["queue"] = queues[0]
    states = arguments.filter or []
    if any(word in {"inactive", "completed", "failed", "canceled", "timeout"} for word in states):
        raise Failure("Inactive jobs cannot be canceled; --states accepts active states.", USAGE)
    if not (states or given or arguments.all):
        return {}
    return {**given, "state": states or ["active"]}


async def _cancel_ids(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    if arguments.dry_run:
        for jobid in arguments.ids:
            put(shown_id(jobid))
        _say_count(arguments)
        return OK
    result = await flux.cancel_many(arguments.ids, note=arguments.message)
    for jobid, error in result.errors:
        note(f"{shown_id(jobid)}: {error}")
    return FAILED if result.failed else OK


def _say_count(arguments: argparse.Namespace, count: int | None = None) -> None:
    """Report how many jobs would be canceled."""
    if not arguments.quiet:
        note(f"Would cancel {plural(len(arguments.ids) if count is None else count, 'job')}.")


async def _cancel_some(
    flux: AsyncClient, chosen: dict[str, Any], arguments: argparse.Namespace
) -> int:
    count = 0
    async for job in flux.jobs(**chosen):
        count += 1
        if arguments.dry_run:
            put(shown_id(job.id))
    if not count:
        if not arguments.quiet:
            note("No active jobs match.")
        return FAILED
    if arguments.dry_run:
        _say_count(arguments, count)
        return OK
    if not arguments.yes:
        confirm(f"Cancel {plural(count, 'job')}?")
    done, failed = await _cancel_until_none_match(flux, chosen, arguments.message)
    if not arguments.quiet:
        note(f"{plural(done, 'job')} canceled{f', {failed:,} failed' if failed else ''}.")
    return FAILED if failed or not done else OK


async def _cancel_until_none_match(
    flux: AsyncClient, chosen: dict[str, Any], message: str | None
) -> tuple[int, int]:
    """Cancel the jobs that match a filter; return the number of canceled and of failed ones."""
    from fluxapi.client import Conflict  # noqa: PLC0415 - already imported

    done = failed = 0
    more = True
    while more:
        result = await flux.cancel_many(note=message, **chosen)
        done += result.requested
        for jobid, error in result.errors:
            # A job that has just ended needs no cancel.
            if not isinstance(error, Conflict):
                failed += 1
                note(f"{shown_id(jobid)}: {error}")
        more = result.more and result.requested > 0
    return done, failed
