"""``fluxapi pkill``: cancel the jobs whose name matches a regular expression."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.confirm import confirm
from fluxapi.cli.exit_codes import FAILED, OK
from fluxapi.cli.ids import shown_id
from fluxapi.cli.job_pattern import add_choice, choose, expression
from fluxapi.cli.session import add_connection, connected
from fluxapi.cli.terminal import note
from fluxapi.cli.text import plural

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("pkill", "cancel jobs by a pattern", group="change jobs", position=1)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments, which are those of ``flux pkill``."""
    parser = add_command(
        parsers,
        COMMAND,
        "Cancel the jobs whose names match a Python regular expression; ask for confirmation "
        "unless --yes is given. The exit status is 1 if no job matches, or one was not canceled.",
    )
    add_choice(parser)
    parser.add_argument("--wait", action="store_true", help="wait until the jobs have ended")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask for confirmation")
    add_connection(parser, user=False)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    wanted = expression(arguments)

    async def act(flux: AsyncClient, given: argparse.Namespace) -> int:
        from fluxapi.cli import attach  # noqa: PLC0415 - imported when needed

        ids = [job.id for job in await choose(flux, given, wanted)]
        if not ids:
            return FAILED
        if not given.yes:
            confirm(f"Cancel {plural(len(ids), 'job')}?")
        result = await flux.cancel_many(ids)
        bad = {jobid for jobid, _ in result.errors}
        for jobid, error in result.errors:
            note(f"{shown_id(jobid)}: {error}")
        if given.wait:
            await attach.wait_all(flux, [jobid for jobid in ids if jobid not in bad], quiet=True)
        note(f"{plural(result.requested, 'job')} canceled.")
        return FAILED if bad else OK

    return connected(arguments, act)
