"""``fluxapi token``: a bearer token for other programs."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.exit_codes import OK
from fluxapi.cli.session import add_connection, runs
from fluxapi.cli.terminal import note, put
from fluxapi.cli.times import short_date

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("token", "print a bearer token", group="set up clients", position=1)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Print a bearer token, which expires, for the user and token of the environment or the "
        "config file.",
    )
    add_connection(parser)
    parser.set_defaults(run=runs(_act))


async def _act(flux: AsyncClient, arguments: argparse.Namespace) -> int:  # noqa: ARG001 - the signature of all actions
    made = await flux.create_token()
    put(made.token)
    if sys.stderr.isatty():
        note(f"the token expires at {short_date(made.expires)}")
    return OK
