"""``flux jobs``, ``cancel``, ``watch``, ``uri``, and those that ``fluxapi`` has alike."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fluxapi.cli.arguments import add_ids
from fluxapi.cli.exit_codes import FAILED, OK, Failure
from fluxapi.cli.ids import shown_id
from fluxapi.cli.terminal import note, put
from fluxapi.cli.text import safe

from .adapter import Parser, parser_of, talk
from .adapter import run as run_command

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["cancel", "jobs", "pgrep", "pkill", "queue", "resource", "uri", "watch"]


def jobs(arguments: list[str]) -> int:
    """List jobs."""
    return run_command(parser_of("jobs", "jobs"), arguments)


def cancel(arguments: list[str]) -> int:
    """Cancel jobs."""
    if not arguments:
        raise Failure("No target jobs were provided", FAILED)
    return run_command(parser_of("cancel", "cancel"), ["--yes", *arguments])


def pgrep(arguments: list[str]) -> int:
    """Print the IDs of jobs whose names match a pattern."""
    return run_command(parser_of("pgrep", "pgrep"), arguments)


def pkill(arguments: list[str]) -> int:
    """Cancel jobs whose names match a pattern."""
    return run_command(parser_of("pkill", "pkill"), ["--yes", *arguments])


def queue(arguments: list[str]) -> int:
    """Show queues."""
    return run_command(parser_of("queue", "queue"), arguments)


def resource(arguments: list[str]) -> int:
    """Show resources by state."""
    return run_command(parser_of("resource", "resource"), arguments)


def watch(arguments: list[str]) -> int:
    """Show the output of jobs until they end, and return their highest exit status."""
    parser = Parser(prog="flux watch", allow_abbrev=False)
    add_ids(parser, "*")
    parser.add_argument("-a", "--active", action="store_true", help="watch all active jobs")
    parser.add_argument("-A", "--all", action="store_true", help="watch all jobs")
    parser.add_argument("-l", "--label-io", action="store_true", help="label lines by task")
    return talk(parser, arguments, _watch)


async def _watch(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    from fluxapi.cli import follow  # noqa: PLC0415 - imported when needed

    ids = list(arguments.ids)
    if ids:
        found = await flux.get_many(ids)
        for jobid in found.unknown:
            note(f"ERROR: JobID {safe(jobid)} unknown")
        ids = [job.id for job in found.jobs]
    elif arguments.all or arguments.active:
        filter = {} if arguments.all else {"state": "active"}
        ids = [job.id async for job in flux.jobs(**filter)][::-1]  # type: ignore[arg-type]
    else:
        raise Failure("At least one job selection option is required", FAILED)
    if not ids:
        note("INFO: No matching jobs")
        return OK
    return await follow.attach_all(flux, ids, label=arguments.label_io)


def uri(arguments: list[str]) -> int:
    """Print the URI of the instance that a job is."""
    parser = Parser(prog="flux uri", allow_abbrev=False)
    add_ids(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--remote", action="store_true", help="print the remote form (the default)")
    form.add_argument("--local", action="store_true", help="print the form for its own node")
    return talk(parser, arguments, _uri)


async def _uri(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    from fluxapi.client import NotFound  # noqa: PLC0415 - already imported

    try:
        job = await flux.get(arguments.id)
    except NotFound:
        raise Failure(f"jobid {shown_id(arguments.id)} not found") from None
    if job.state != "RUN":
        raise Failure(f"jobid {shown_id(job.id)} is not running")
    if not job.uri:
        raise Failure(f"URI not found for job {shown_id(job.id)}")
    scheme, _, rest = job.uri.partition("://")
    is_remote = scheme == "ssh"
    put(safe(f"local:///{rest.partition('/')[2]}" if arguments.local and is_remote else job.uri))
    return OK
