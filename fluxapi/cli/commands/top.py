"""``fluxapi top``: a live view of the instance, and of those below it."""

from __future__ import annotations

import argparse
import asyncio
import sys
from functools import partial
from typing import TYPE_CHECKING

from fluxapi.cli.arguments import Command, Parsers, add_color, add_command, natural
from fluxapi.cli.exit_codes import USAGE, Failure, failure_of
from fluxapi.cli.session import add_connection, client, connected
from fluxapi.cli.terminal import colors

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("top", "show the instance live", group="show the instance", position=2)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Show job counts, rates, nodes and active jobs live. The arrow keys, j, k, Page Up, Page "
        "Down, Home and End select a job. h, l, Left and Right choose a queue; d shows or hides "
        "the numbers of results. Enter opens a job that is a Flux instance (blue); q goes "
        "back to the instance above, or quits.",
    )
    parser.add_argument(
        "path",
        nargs="?",
        default="",
        metavar="PATH",
        help="show this nested instance: the IDs of the jobs that lead to it",
    )
    parser.add_argument("--once", action="store_true", help="print the view once, as plain text")
    parser.add_argument(
        "-c", "--count", metavar="N", type=natural, default=20, help="with --once, show N jobs"
    )
    parser.add_argument("-q", "--queue", metavar="NAME", default="", help="show only this queue")
    add_color(parser, "the screen")
    add_connection(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    parts = ((arguments.instance or "").strip("/"), arguments.path.strip("/"))
    path = arguments.instance = "/".join(part for part in parts if part)
    if arguments.once:

        async def act(flux: AsyncClient, given: argparse.Namespace) -> int:
            from fluxapi.cli import top  # noqa: PLC0415 - loads rich

            return await top.once(flux, path, given.count, given.queue)

        return connected(arguments, act)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Failure("stdin and stdout are not a terminal; use --once", USAGE)
    return _live(arguments, path)


def _live(arguments: argparse.Namespace, path: str) -> int:
    from fluxapi.cli import top  # noqa: PLC0415 - loads rich
    from fluxapi.client import ClientError  # noqa: PLC0415 - serve needs no client

    # The screen shows the connection state.
    connect = partial(client, arguments, timeout=None, on_wait=lambda _: None)

    async def show() -> int:
        color = colors(arguments.color)
        return await top.Screen(path, connect, arguments.queue, color=color).run()

    try:
        return asyncio.run(show())
    except ClientError as error:
        raise failure_of(error) from None
