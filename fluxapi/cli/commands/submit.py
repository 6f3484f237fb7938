"""``fluxapi submit``: submit a job, with the options of ``flux submit``."""

from __future__ import annotations

import argparse
import json
import os
from typing import TYPE_CHECKING, Any

from fluxapi.cli import submit_body
from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.exit_codes import FAILED, OK, USAGE, Failure
from fluxapi.cli.ids import shown_id
from fluxapi.cli.session import add_connection, connected
from fluxapi.cli.submit_options import add_job_options, add_many
from fluxapi.cli.terminal import input_is_waiting, note, progress_wanted, put

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
    add_job_options(parser)
    add_many(parser)
    parser.add_argument("--wait", action="store_true", help="wait until the job has ended")
    parser.add_argument(
        "--watch",
        action="store_true",
        help="follow the output and exit with the status of the job; Ctrl-C detaches, and a second "
        "one cancels the job; without --stdin or --input, standard input is empty",
    )
    parser.add_argument("--quiet", action="store_true", help="do not print the job ID")
    parser.add_argument(
        "--dry-run", action="store_true", help="print the request as JSON without submitting it"
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
    if not command:
        raise Failure("Missing command; usage: fluxapi submit [OPTION…] COMMAND", USAGE)
    fields = submit_body.body(arguments, command)
    if arguments.watch and submit_body.reads_nothing(fields):
        # A watched job gets no typed input; on Flux it would wait for it.
        fields["input"] = os.devnull
        if input_is_waiting() and not arguments.dry_run:
            note("standard input is not sent to the job; use --stdin=- to send it")
    ids = submit_body.copies(arguments)
    jobs = (
        [fields]
        if ids is None
        else submit_body.replicate(fields, ids, variable=arguments.cc is not None)
    )
    if arguments.dry_run:
        for job in jobs:
            put(json.dumps(job))
        return OK

    async def act(flux: AsyncClient, given: argparse.Namespace) -> int:
        if ids is None:
            jobid = await flux.submit(**fields)
            _print_id(jobid, given)
            return await _follow(flux, [jobid], given)
        return await _submit_all(flux, jobs, given)

    return connected(arguments, act)


async def _submit_all(flux: AsyncClient, jobs: Any, arguments: argparse.Namespace) -> int:
    status, ids = OK, []
    group = None
    async for item in flux.submit_many(jobs, group=arguments.group):
        group = item.group or group
        if item.id is None:
            note(f"cc={_number(arguments, item.index)}: {item.error}")
            status = FAILED
        else:
            _print_id(item.id, arguments)
            ids.append(item.id)
    if group is not None and not arguments.quiet and progress_wanted():
        note(f"group {group}")
    return max(status, await _follow(flux, ids, arguments)) if ids else status


def _number(arguments: argparse.Namespace, index: int) -> int:
    ids: list[int] = arguments.cc if arguments.cc is not None else arguments.bcc
    return ids[index]


def _print_id(jobid: str, arguments: argparse.Namespace) -> None:
    if not arguments.quiet:
        put(shown_id(jobid))


async def _follow(flux: AsyncClient, ids: list[str], arguments: argparse.Namespace) -> int:
    from fluxapi.cli import attach, follow  # noqa: PLC0415 - imported when needed

    if arguments.watch:
        return await follow.attach_all(flux, ids, label=arguments.label_io)
    if arguments.wait:
        return await attach.wait_all(flux, ids)
    return OK
