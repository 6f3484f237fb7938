"""``fluxapi bulk``: submit many jobs, from a file, from standard input or as copies of one."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.blocking import interruptible
from fluxapi.cli.exit_codes import USAGE, Failure
from fluxapi.cli.notification import add_notify
from fluxapi.cli.session import add_connection, connected
from fluxapi.cli.submit_options import add_idempotency_key, add_job_options, add_many
from fluxapi.cli.text import safe

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("bulk", "submit many jobs", group="submit jobs", position=4)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Submit the jobs in FILE (default: standard input). Each line is a command, or a job in "
        "JSON as for POST /jobs. Empty lines and lines that start with # are skipped. Options "
        "apply to every job; a line can override them. With --copies, --cc or --bcc, submit "
        "COMMAND several times.",
        usage="fluxapi bulk [OPTION…] [FILE]\n       fluxapi bulk [OPTION…] --copies N COMMAND…",
    )
    add_job_options(parser)
    parser.add_argument("--copies", metavar="N", type=int, help="submit COMMAND N times")
    add_many(parser)
    parser.add_argument(
        "--wait",
        action="store_true",
        help="wait until the jobs have ended, and report how they ended",
    )
    add_notify(parser, "with --wait, when the jobs have ended")
    add_idempotency_key(parser, "jobs")
    parser.add_argument("--quiet", action="store_true", help="do not print job IDs")
    parser.add_argument("--no-progress", action="store_true", help="do not show a progress bar")
    add_connection(parser)
    parser.add_argument(
        "words",
        metavar="FILE",
        nargs=argparse.REMAINDER,
        help="file of jobs; with --copies, --cc or --bcc, the command to submit",
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from fluxapi.cli import batch, submit_body  # noqa: PLC0415 - imported when needed

    words = submit_body.split_command(arguments.words)
    ids = submit_body.copies(arguments)
    if arguments.copies is not None:
        if ids is not None or arguments.copies < 1:
            raise Failure("--copies must be greater than 0, and excludes --cc and --bcc.", USAGE)
        ids = list(range(arguments.copies))
    if ids is not None and not words:
        raise Failure("Missing command; usage: fluxapi bulk --copies N COMMAND", USAGE)
    if ids is None and len(words) > 1:
        raise Failure(
            "Too many arguments: give one FILE, or use --copies or --cc with a command.", USAGE
        )
    fields = submit_body.body(arguments, words if ids is not None else None)

    async def act(flux: AsyncClient, given: argparse.Namespace) -> int:
        if ids is None:
            with _opened(words[0] if words else "-") as lines:
                return await batch.submit(flux, batch.read(lines, fields), None, given)
        jobs: Iterator[dict[str, Any]] = (
            iter([fields] * len(ids))
            if given.copies is not None
            else submit_body.replicate(fields, ids, variable=given.cc is not None)
        )
        numbered = (batch.Item(f"copy {number}", job) for number, job in enumerate(jobs, 1))
        return await batch.submit(flux, numbered, len(ids), given)

    return connected(arguments, act)


@contextlib.contextmanager
def _opened(place: str) -> Iterator[IO[bytes]]:
    if place == "-":
        if sys.stdin.isatty():
            raise Failure(
                "Missing FILE; give one, or write one command per line to standard input.", USAGE
            )
        yield sys.stdin.buffer
        return
    try:
        with interruptible():
            file = open(place, "rb")  # noqa: PTH123, SIM115 - closed below
    except OSError as error:
        raise Failure(f"{safe(place)} cannot be read: {error.strerror}.", USAGE) from None
    with file:
        yield file
