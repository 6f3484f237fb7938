"""``fluxapi alloc --bg``: start a Flux instance in an allocation, as ``flux alloc --bg`` does."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from fluxapi.cli import submit_body
from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.exit_codes import FAILED, OK, USAGE, Failure
from fluxapi.cli.ids import shown_id
from fluxapi.cli.session import add_connection, connected
from fluxapi.cli.submit_options import add_batch_options
from fluxapi.cli.terminal import note, put
from fluxapi.model import batch

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("alloc", "start a Flux instance", group="submit jobs", position=3)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Start a Flux instance in an allocation, wait until it has started, and print the ID of "
        "its job. It runs until it is canceled, or until COMMAND ends. An interactive shell in it "
        "needs a terminal of Flux, so --bg is required: use flux alloc on the cluster instead, or "
        "flux proxy with the ID.",
        usage="fluxapi alloc --bg [OPTION…] [COMMAND…]",
    )
    add_batch_options(parser)
    parser.add_argument("--bg", action="store_true", help="do not attach to the instance")
    parser.add_argument(
        "--dry-run", action="store_true", help="print the request as JSON without submitting it"
    )
    add_connection(parser)
    parser.add_argument("words", metavar="COMMAND", nargs=argparse.REMAINDER, help="its program")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if not arguments.bg:
        raise Failure("fluxapi has no terminal of Flux; use --bg, or flux alloc.", USAGE)
    command = submit_body.split_command(arguments.words)
    fields = batch.nested(submit_body.body(arguments, None), command)
    if arguments.dry_run:
        put(json.dumps(fields))
        return OK

    async def act(flux: AsyncClient, _given: argparse.Namespace) -> int:
        jobid = await flux.submit(**fields)
        async for event in flux.job_events(jobid):
            if event.name == "memo" and "uri" in (event.context or {}):
                put(shown_id(jobid))
                return OK
        note(f"{shown_id(jobid)}: the job ended before its instance had started.")
        return FAILED

    return connected(arguments, act)
