"""``fluxapi top``: the instance, live."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from fluxapi.cli.arguments import Parsers, add_command, natural
from fluxapi.cli.exit_codes import USAGE, Failure
from fluxapi.cli.session import add_connection, connected

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["add"]


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        "top",
        "Show counts and rates, the nodes, and the active jobs, live. Keys: arrows, Page Up and "
        "Page Down move through the jobs, Home and End to their ends, q ends.",
    )
    parser.add_argument("--once", action="store_true", help="print it once, as plain text, and end")
    parser.add_argument(
        "-c", "--count", metavar="N", type=natural, default=20, help="with --once, so many jobs"
    )
    add_connection(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if not arguments.once and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Failure("top needs a terminal; --once prints what it would show.", USAGE)

    async def act(flux: AsyncClient, given: argparse.Namespace) -> int:
        from fluxapi.cli import top  # noqa: PLC0415 - loads rich

        if given.once:
            return await top.once(flux, given.count)
        return await top.live(flux)

    if arguments.once:
        return connected(arguments, act)
    # The screen itself says when it is not connected.
    return connected(arguments, act, timeout=None, on_wait=lambda _: None)
