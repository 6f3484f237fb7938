"""``fluxapi urgency``: change the urgency of pending jobs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fluxapi.cli.arguments import Command, Parsers, add_command, add_ids, checked
from fluxapi.cli.each import each
from fluxapi.cli.session import add_connection, runs
from fluxapi.cli.urgencies import urgency

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("urgency", "set the urgency of jobs", group="change jobs", position=3)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Set the urgency of pending jobs. Jobs with urgency 0 do not start; jobs with urgency 31 "
        "start first.",
    )
    parser.add_argument(
        "urgency",
        metavar="N|WORD",
        type=checked(urgency),
        help="0 to 31, hold (0), default (16) or expedite (31)",
    )
    add_ids(parser, "+")
    add_connection(parser)
    parser.set_defaults(run=runs(_act))


async def _act(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    return await each(arguments.ids, lambda jobid: flux.urgency(jobid, arguments.urgency))
