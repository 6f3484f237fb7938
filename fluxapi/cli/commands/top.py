"""``fluxapi top``: a live view of the instance."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from fluxapi.cli.arguments import Command, Parsers, add_command, natural
from fluxapi.cli.exit_codes import USAGE, Failure
from fluxapi.cli.session import add_connection, connected

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("top", "show the instance live", group="show the instance", position=2)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Show job counts, rates, nodes and active jobs live. The arrow keys, Page Up, Page Down, "
        "Home and End scroll the jobs; q quits.",
    )
    parser.add_argument("--once", action="store_true", help="print the view once, as plain text")
    parser.add_argument(
        "-c", "--count", metavar="N", type=natural, default=20, help="with --once, show N jobs"
    )
    add_connection(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if not arguments.once and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Failure("stdin and stdout are not a terminal; use --once", USAGE)

    async def act(flux: AsyncClient, given: argparse.Namespace) -> int:
        from fluxapi.cli import top  # noqa: PLC0415 - loads rich

        if given.once:
            return await top.once(flux, given.count)
        return await top.live(flux)

    if arguments.once:
        return connected(arguments, act)
    # The screen shows the connection state.
    return connected(arguments, act, timeout=None, on_wait=lambda _: None)
