"""``fluxapi signal``: send a signal to the tasks of running jobs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fluxapi.cli.arguments import Command, Parsers, add_command, add_ids, checked
from fluxapi.cli.each import each
from fluxapi.cli.session import add_connection, runs
from fluxapi.model.signals import number

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("signal", "send a signal to jobs", group="change jobs", position=2)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Send a signal to all tasks of running jobs, as flux job kill does.",
    )
    parser.add_argument(
        "-s",
        "--signal",
        metavar="SIG",
        type=checked(number),
        default=15,
        help="signal number or name, such as USR1; default TERM",
    )
    add_ids(parser, "+")
    add_connection(parser)
    parser.set_defaults(run=runs(_act))


async def _act(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    return await each(arguments.ids, lambda jobid: flux.signal(jobid, arguments.signal))
