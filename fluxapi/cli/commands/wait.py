"""``fluxapi wait``: wait until jobs have ended."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from fluxapi.cli.arguments import Command, Parsers, add_command, add_group, add_ids, checked
from fluxapi.cli.exit_codes import FAILED, USAGE, Failure
from fluxapi.cli.notification import add_notify, notification
from fluxapi.cli.session import add_connection, runs
from fluxapi.model.times import parse_duration
from fluxapi.process.timeout import within

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("wait", "wait until jobs have ended", group="inspect jobs", position=5)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Wait until all jobs are inactive, and exit with the highest exit status of the jobs. With "
        "--any, wait until one of the jobs has ended, and print its ID; with --group, until one "
        "more of the group has ended.",
    )
    add_ids(parser, "*")
    add_group(parser, "wait for the jobs of the group with this name or ID")
    parser.add_argument("--any", dest="one", action="store_true", help="wait for one job only")
    parser.add_argument(
        "--timeout",
        metavar="FSD",
        type=checked(parse_duration),
        help="give up after this time, such as 90s or 5m",
    )
    parser.add_argument("--quiet", action="store_true", help="do not report how jobs failed")
    add_notify(parser, "at the end")
    add_connection(parser, timeout=False)
    parser.set_defaults(run=runs(_act))


async def _act(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    from fluxapi.cli import attach  # noqa: PLC0415 - imported when needed

    if bool(arguments.ids) == bool(arguments.group):
        raise Failure("Give either job IDs or --group.", USAGE)
    if arguments.group:
        work = attach.wait_group(flux, arguments.group, one=arguments.one, quiet=arguments.quiet)
    elif arguments.one:
        work = attach.wait_any(flux, arguments.ids, quiet=arguments.quiet)
    else:
        work = attach.wait_all(flux, arguments.ids, quiet=arguments.quiet)
    with notification(arguments) as notice:
        try:
            status = await within(arguments.timeout, work)
        except asyncio.TimeoutError:
            raise Failure("Not all jobs ended within the timeout.", FAILED) from None
        if arguments.group:
            await notice.tell_group(flux, arguments.group, one=arguments.one)
        else:
            await notice.tell_jobs(flux, arguments.ids, one=arguments.one)
    return status
