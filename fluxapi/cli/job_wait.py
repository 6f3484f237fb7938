"""``fluxapi job wait``: collect waitable jobs, as ``flux job wait`` does."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .arguments import job_id
from .exit_codes import FAILED, OK, Failure
from .ids import shown_id
from .session import add_connection, runs
from .terminal import put, put_raw
from .text import safe

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["NOT_WAITABLE", "add", "add_options", "wait"]

NOT_WAITABLE = 2
"""The exit status of ``flux job wait`` if there is no job to wait for."""

_JOBS_PER_REQUEST = 64


def add(actions: Any) -> None:
    """Declare the action."""
    parser = actions.add_parser(
        "wait",
        help="wait for waitable jobs; each is returned once",
        description="Wait for a job that was submitted with --flags=waitable and that nobody has "
        "waited for, or for the next one to end, whose ID is printed. Exit with 1 if it failed, "
        "with 2 if there is no such job.",
        allow_abbrev=False,
    )
    add_options(parser)
    add_connection(parser, timeout=False)
    parser.set_defaults(run=runs(wait))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``flux job wait``."""
    parser.add_argument("id", metavar="JOBID", nargs="?", type=job_id, help="job to wait for")
    parser.add_argument("-a", "--all", action="store_true", help="wait for all waitable jobs")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="with --all, also report success"
    )


async def wait(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    """Wait for one waitable job or all of them, in the lines and with the statuses of Flux."""
    from fluxapi.client import Conflict, NotFound  # noqa: PLC0415 - already imported

    if arguments.all:
        if arguments.id is not None:
            raise Failure("jobid not supported with --all")
        return await _wait_for_all(flux, verbose=arguments.verbose)
    try:
        found = await flux.collect(arguments.id)
    except NotFound:
        sentence = "invalid job id, or job may be inactive and not waitable"
        raise Failure(sentence, NOT_WAITABLE) from None
    except Conflict as error:
        raise Failure(error.detail or str(error), NOT_WAITABLE) from None
    if not found:
        raise Failure("there are no more waitable jobs", NOT_WAITABLE)
    job = found[0]
    if arguments.id is None:
        put(shown_id(job.id))
    if not job.success:
        raise Failure(job.message, FAILED)
    return OK


async def _wait_for_all(flux: AsyncClient, *, verbose: bool) -> int:
    status = OK
    while found := await flux.collect(limit=_JOBS_PER_REQUEST):
        for job in found:
            if not job.success:
                status = FAILED
                _tell(f"{shown_id(job.id)}: {job.message}")
            elif verbose:
                _tell(f"{shown_id(job.id)}: job completed successfully")
    return status


def _tell(line: str) -> None:
    """Write a line to standard error, without the name of the program, as Flux does."""
    put_raw(f"{safe(line)}\n".encode(), error=True)
