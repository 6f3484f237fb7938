"""``fluxapi job``: the details of a job."""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING

from fluxapi.cli.arguments import Command, Parsers, add_command, add_ids
from fluxapi.cli.exit_codes import OK
from fluxapi.cli.session import add_connection, runs
from fluxapi.cli.terminal import put

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("job", "show one job", group="inspect jobs", position=2)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(parsers, COMMAND, "Show the details of a job, one on each line.")
    add_ids(parser)
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--json", action="store_true", help="print the record as JSON, as in GET /jobs/{id}"
    )
    group.add_argument("--eventlog", action="store_true", help="print the eventlog")
    group.add_argument("--jobspec", action="store_true", help="print the jobspec (RFC 25) as JSON")
    group.add_argument(
        "--R", dest="R", action="store_true", help="print the resources (RFC 20) as JSON"
    )
    add_connection(parser)
    parser.set_defaults(run=runs(_act))


async def _act(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    from fluxapi.cli import job_detail  # noqa: PLC0415 - imported when needed

    if arguments.eventlog:
        for event in await flux.eventlog(arguments.id):
            put(job_detail.event_line(event))
    elif arguments.jobspec:
        put(json.dumps(await flux.jobspec(arguments.id), indent=2))
    elif arguments.R:
        put(json.dumps(await flux.R(arguments.id), indent=2))
    else:
        job = await flux.get(arguments.id)
        if arguments.json:
            put(json.dumps(job.to_dict()))
        else:
            for line in job_detail.lines(job, time.time()):
                put(line)
    return OK
