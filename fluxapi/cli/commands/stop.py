"""``fluxapi stop``: stop the service."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fluxapi.cli.arguments import Parsers, add_command
from fluxapi.cli.confirm import agreed
from fluxapi.cli.exit_codes import OK
from fluxapi.cli.session import add_connection, runs

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["add"]


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        "stop",
        "Stop the service, which also ends `flux start fluxapi serve`. Asks for confirmation "
        "unless --yes is given.",
    )
    parser.add_argument(
        "--instance", action="store_true", help="stop the whole Flux instance with its jobs, too"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask for confirmation")
    add_connection(parser)
    parser.set_defaults(run=runs(_act))


async def _act(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    if not arguments.yes:
        what = "the Flux instance with all its jobs" if arguments.instance else "the service"
        agreed(f"Stop {what} at {flux.url}?")
    await flux.stop(instance=arguments.instance)
    return OK
