"""``fluxapi pgrep``: jobs whose name matches a regular expression."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from fluxapi.cli import formats
from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.exit_codes import FAILED, OK
from fluxapi.cli.fields import JobFields, heading
from fluxapi.cli.format import Format
from fluxapi.cli.job_pattern import add_choice, choose, expression
from fluxapi.cli.session import add_connection, connected
from fluxapi.cli.table import chosen_format, described, print_table

from .jobs import add_format

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("pgrep", "find jobs by a pattern", group="inspect jobs", position=1)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments, which are those of ``flux pgrep``."""
    parser = add_command(
        parsers,
        COMMAND,
        "Print the IDs of the jobs whose names match a Python regular expression. The exit "
        "status is 1 if no job matches.",
    )
    add_choice(parser)
    add_format(parser)
    add_connection(parser, user=False)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if described(arguments.format, formats.PGREP):
        return OK
    chosen = chosen_format(arguments.format, heading, formats.PGREP)
    wanted = expression(arguments)
    plain = arguments.format == "default" and _is_bare(chosen)

    async def act(flux: AsyncClient, given: argparse.Namespace) -> int:
        now = time.time()
        rows = [JobFields(job, now) for job in await choose(flux, given, wanted)]
        if rows:
            header = not (given.no_header or plain)
            print_table(chosen, [row.get for row in rows], header=header)
        return OK if rows else FAILED

    return connected(arguments, act)


def _is_bare(chosen: Format) -> bool:
    """Return whether a format consists of the ID alone, which needs no header."""
    return [(part.text, part.field, part.spec) for part in chosen.parts] == [("", "id.f58", "")]
