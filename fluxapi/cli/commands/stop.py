"""``fluxapi stop``: stop the service."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.confirm import confirm
from fluxapi.cli.exit_codes import OK
from fluxapi.cli.session import add_connection, runs

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("stop", "stop the service", group="run the service", position=2)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Stop the service, which also ends `flux start fluxapi serve`, after confirmation or with "
        "--yes.",
    )
    parser.add_argument(
        "--instance",
        dest="stops_instance",
        action="store_true",
        help="also stop the Flux instance and its jobs",
    )
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask for confirmation")
    add_connection(parser, instance=False)
    parser.set_defaults(run=runs(_act))


async def _act(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    if not arguments.yes:
        what = "the Flux instance with all its jobs" if arguments.stops_instance else "the service"
        confirm(f"Stop {what} at {flux.url}?")
    await flux.stop(instance=arguments.stops_instance)
    return OK
