"""``fluxapi mcp``: serve the jobs to a program that speaks the Model Context Protocol."""

from __future__ import annotations

import argparse
import signal
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, get_args

from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.exit_codes import OK, USAGE, Failure
from fluxapi.cli.session import add_connection, connected
from fluxapi.contracts.rights import Right

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("mcp", "serve jobs to an MCP client", group="set up clients", position=3)

_RIGHTS: tuple[Right, ...] = get_args(Right)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Serve the jobs of the service as tools of the Model Context Protocol (MCP), on standard "
        "input and output. An MCP client, such as the assistant of an editor, starts this command. "
        "It needs the extra mcp: pip install 'fluxapi[mcp]'.",
    )
    parser.add_argument(
        "--scope",
        choices=_RIGHTS,
        default="submit",
        help="offer only the tools that this scope permits: view (read), operate (also cancel) or "
        "submit (also submit; the default); the scope of your token limits them, too",
    )
    add_connection(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if find_spec("mcp") is None:
        raise Failure(
            "This command needs the MCP SDK, which is not installed: pip install 'fluxapi[mcp]'",
            USAGE,
        )
    if _is_terminal():
        raise Failure(
            "This command speaks MCP on standard input: have an MCP client start it.", USAGE
        )
    # A thread that waits for input cannot be interrupted, and there is nothing to finish.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return connected(arguments, _serve)


def _is_terminal() -> bool:
    return sys.stdin.isatty()


async def _serve(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    from mcp.server.stdio import stdio_server  # noqa: PLC0415 - an optional dependency

    from fluxapi.cli.mcp_jobs import ClientJobs  # noqa: PLC0415 - imports the client
    from fluxapi.mcp.server import build  # noqa: PLC0415 - imports the SDK

    server: Any = build(ClientJobs(flux), arguments.scope)
    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())
    return OK
