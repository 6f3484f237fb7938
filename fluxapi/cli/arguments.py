"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from fluxapi.model.jobid import encode_f58, parse
from fluxapi.model.message import problem

from .text import safe

__all__ = [
    "Command",
    "Group",
    "Parsers",
    "add_color",
    "add_command",
    "add_filter",
    "add_group",
    "add_ids",
    "checked",
    "job_id",
    "line_range",
    "natural",
    "words",
]

Parsers = Any
"""The result of ``ArgumentParser.add_subparsers``, whose type argparse does not publish."""

Group = Literal[
    "submit jobs",
    "inspect jobs",
    "change jobs",
    "show the instance",
    "run the service",
    "set up clients",
]
"""The groups of commands, in the order of the help."""

STATES = ("depend", "priority", "sched", "run", "cleanup", "inactive")
GROUPS = ("pending", "running", "active")
RESULTS = ("completed", "failed", "canceled", "timeout")


class Command(NamedTuple):
    """The declaration of a command, from which ``make generate`` makes the list in the help."""

    name: str
    """The name of its module, too."""
    summary: str
    group: Group
    position: int
    """Position in the group, from 1."""


def add_command(
    parsers: Parsers, command: Command, description: str, **options: Any
) -> argparse.ArgumentParser:
    """Add a command; abbreviated options are not accepted."""
    parser: argparse.ArgumentParser = parsers.add_parser(
        command.name,
        help=command.summary,
        description=description,
        allow_abbrev=False,
        **options,
    )
    return parser


def checked(parse_text: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a type for argparse that shows the message of a ``ValueError`` to the user."""

    def convert(text: str) -> Any:
        try:
            return parse_text(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(safe(str(error))) from None

    return convert


def job_id(text: str) -> str:
    """Parse an RFC 19 job ID to plain F58; raise ``ArgumentTypeError``."""
    try:
        return encode_f58(parse(text))
    except ValueError:
        raise argparse.ArgumentTypeError(problem("not_a_job_id", id=safe(text)).text()) from None


def natural(text: str) -> int:
    """Parse an integer of 0 or more; raise ``ArgumentTypeError``."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{safe(text)!r} is not a whole number, 0 or more")
    return int(text)


def line_range(text: str) -> tuple[int, int | None]:
    """Parse ``120``, ``120-150`` or ``120-``; raise ``ValueError``."""
    first, dash, last = text.partition("-")
    try:
        begin = int(first)
        end = int(last) if last else None if dash else begin
    except ValueError:
        begin, end = 0, None
    if begin < 1 or (end is not None and end < begin):
        raise ValueError(f"{text!r} is not a range of lines, such as 120-150")
    return begin, end


def words(text: str) -> list[str]:
    """Split a comma-separated list, without empty parts."""
    return [part.strip() for part in text.split(",") if part.strip()]


def filters(text: str) -> list[str]:
    """Parse a comma-separated list of states and results; raise ``ArgumentTypeError``."""
    found = [word.lower() for word in words(text)]
    for word in found:
        if word not in (*STATES, *GROUPS, *RESULTS):
            known = ", ".join((*GROUPS, *STATES, *RESULTS))
            raise argparse.ArgumentTypeError(
                f"{safe(word)!r} is not a state or result; choose from {known}"
            )
    return found


def add_ids(parser: argparse.ArgumentParser, nargs: str | None = None, help: str = "") -> None:
    """Add an argument for job IDs, with shell completion."""
    options: dict[str, Any] = {"nargs": nargs} if nargs else {}
    action = parser.add_argument(
        "ids" if nargs else "id",
        metavar="JOBID",
        type=job_id,
        help=help or "job ID in any form: f2QK3Zz, ƒ2QK3Zz, 1234, 0x4d2, …",
        **options,
    )
    action.completer = complete_ids  # type: ignore[attr-defined] # argcomplete looks for it there


def complete_ids(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """Return the job IDs that start with *prefix*, for argcomplete."""
    from .completer import job_ids  # noqa: PLC0415 - only while the shell completes

    return job_ids(prefix, parsed_args)


def add_filter(parser: argparse.ArgumentParser, queue_flags: tuple[str, ...] = ("-q",)) -> None:
    """Add the filters that the service supports, besides states and results.

    *queue_flags* are the short options for the queue; ``-q`` is quiet in some Flux commands.
    """
    parser.add_argument(
        "--name",
        metavar="NAME",
        help="only jobs with this name, in which * stands for any characters",
    )
    parser.add_argument(
        "-u",
        "--user",
        metavar="USER",
        dest="owner",
        help="only jobs of this user; all for all users",
    )
    parser.add_argument(
        *queue_flags,
        "--queue",
        metavar="QUEUE,…",
        type=words,
        action="extend",
        help="only jobs in these queues",
    )
    add_group(parser, "only jobs of the group with this name or ID")


def add_color(parser: argparse.ArgumentParser, subject: str, *names: str) -> None:
    """Add the option that says when *subject* is colored, with more *names* in front."""
    parser.add_argument(
        *names,
        "--color",
        choices=("auto", "always", "never"),
        nargs="?",
        const="always",
        default="auto",
        metavar="WHEN",
        help=f"color {subject}: auto (the default), always, never",
    )


def add_group(parser: argparse.ArgumentParser, help: str) -> None:
    """Add the option that names a group of jobs."""
    parser.add_argument("--group", metavar="GROUP", help=help)
