"""``fluxapi submit``: submit a job, with the options of ``flux submit``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fluxapi.cli import submit_body
from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.exit_codes import USAGE, Failure
from fluxapi.cli.session import add_connection, connected
from fluxapi.cli.submit_check import check_jobs
from fluxapi.cli.submit_many import Planned, copies, dry_run, submit_all, submit_one
from fluxapi.cli.submit_options import add_following, add_idempotency_key, add_job_options, add_many
from fluxapi.cli.submit_template import many, merged
from fluxapi.cli.terminal import input_is_waiting, note

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("submit", "submit a job", group="submit jobs", position=1)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Submit a job and print its ID. The job gets only those variables of this shell that "
        "--env selects. Paths are paths on the nodes.",
        usage="fluxapi submit [OPTION…] COMMAND [ARGUMENT…]",
    )
    parser.add_argument(
        "--template",
        metavar="NAME",
        help="start from the template of this name (see fluxapi template); options and a command "
        "override it",
    )
    add_job_options(parser)
    add_many(parser)
    add_following(parser)
    add_idempotency_key(parser, "job")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check the request and print it as JSON, without submitting it",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="ask the service to compare the job with the queues and nodes, without submitting it;"
        " exit with 1 if it would be refused or can never start",
    )
    add_connection(parser)
    parser.add_argument(
        "words",
        metavar="COMMAND",
        nargs=argparse.REMAINDER,
        help="program to run, and its arguments",
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    command = submit_body.split_command(arguments.words)
    if arguments.template is not None:
        fields = submit_body.body(arguments, command or None)
        submit_body.close_input(arguments, fields)
        return connected(arguments, lambda flux, given: _from_template(flux, fields, given))
    if not command:
        raise Failure("Missing command; usage: fluxapi submit [OPTION…] COMMAND", USAGE)
    fields = submit_body.body(arguments, command)
    is_closed = submit_body.close_input(arguments, fields)
    if is_closed and input_is_waiting() and not arguments.dry_run:
        note("standard input is not sent to the job; use --stdin=- to send it")
    ids = submit_body.copies(arguments)
    planned = copies(fields, arguments)
    if arguments.dry_run:
        return dry_run(planned)
    if arguments.check:
        return connected(arguments, lambda flux, _: check_jobs(flux, planned))
    if ids is None:
        return connected(arguments, lambda flux, given: submit_one(flux, planned[0], given))
    return connected(arguments, lambda flux, given: submit_all(flux, planned, given))


async def _from_template(
    flux: AsyncClient, given: Mapping[str, Any], arguments: argparse.Namespace
) -> int:
    """Submit what a template says, with the fields *given* in place of its own."""
    template = await flux.template(arguments.template)
    fields = merged(template, given)
    planned = copies(fields, arguments)
    if submit_body.copies(arguments) is None:
        jobs = many(template, fields)
        planned = [Planned(job, "", arguments.log, arguments.log_stderr) for job in jobs]
    if arguments.dry_run:
        return dry_run(planned)
    if arguments.check:
        return await check_jobs(flux, planned)
    if len(planned) == 1:
        return await submit_one(flux, planned[0], arguments)
    return await submit_all(flux, planned, arguments)
