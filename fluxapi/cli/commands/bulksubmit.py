"""``fluxapi bulksubmit``: submit a command for each input, as ``flux bulksubmit`` does."""

from __future__ import annotations

import argparse
import random

from fluxapi.cli import bulk_commands
from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.exit_codes import OK, USAGE, Failure
from fluxapi.cli.session import add_connection, connected
from fluxapi.cli.submit_many import dry_run, submit_all
from fluxapi.cli.submit_options import add_following, add_idempotency_key, add_job_options, add_many
from fluxapi.cli.terminal import put
from fluxapi.cli.text import safe

__all__ = ["COMMAND", "add"]

COMMAND = Command("bulksubmit", "submit a command for each input", group="submit jobs", position=5)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Submit COMMAND once for each INPUT, or for each line of standard input. {} is replaced by "
        "the input, {0} and {1} by those of the first and the second ':::'; {0.%} has no suffix, "
        "{0./} is the base name, {0.//} the directory, {0./%} the base name without suffix; {seq} "
        "and {seq1} count from 0 and 1. Fields are also replaced in options. ':::' combines its "
        "inputs with all earlier ones, ':::+' pairs them with the last ones, and '::::' reads "
        "inputs from FILE.",
        usage="fluxapi bulksubmit [OPTION…] COMMAND… [::: INPUT…] [:::: FILE]",
    )
    add_job_options(parser)
    add_many(parser)
    add_following(parser)
    add = parser.add_argument_group("inputs").add_argument
    add("--shuffle", action="store_true", help="submit in random order")
    add(
        "--sep",
        metavar="STRING",
        default="\\n",
        help="separator of inputs in files and on standard input; an empty one is any whitespace; "
        "default a newline",
    )
    add(
        "--define",
        metavar="NAME=CODE",
        action="append",
        default=[],
        help="let {0.NAME} be the value of this Python expression, in which x is the input",
    )
    add_idempotency_key(parser, "inputs")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check the requests and print them as JSON, without submitting them",
    )
    add_connection(parser)
    parser.add_argument(
        "words",
        metavar="COMMAND",
        nargs=argparse.REMAINDER,
        help="program to run with its arguments; default {}, the input itself",
    )
    parser.set_defaults(run=_run, types=bulk_commands.deferred(parser))
    parser.set_defaults(shows_lines=False, shell_env=[], shell_cwd=None)  # others for flux


def _run(arguments: argparse.Namespace) -> int:
    commands = list(bulk_commands.commands(arguments))
    if not commands:
        raise Failure("There are no inputs, so no jobs to submit.", USAGE)
    if arguments.shuffle:
        random.shuffle(commands)
    planned = list(bulk_commands.planned(commands, arguments))
    if arguments.shows_lines if arguments.dry_run else arguments.verbose:
        if arguments.dry_run and arguments.progress:
            put(f"bulksubmit: submitting a total of {len(planned)} jobs")
        for command in commands:
            put(f"bulksubmit: submit {safe(str(command))}")
    elif arguments.dry_run:
        return dry_run(planned)
    if arguments.dry_run:
        return OK
    return connected(arguments, lambda flux, given: submit_all(flux, planned, given))
