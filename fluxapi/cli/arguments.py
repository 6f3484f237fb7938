"""Pieces of command lines that several commands take."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from fluxapi.model.jobid import encode_f58, parse

from .commands import SUMMARIES
from .text import safe

__all__ = [
    "Parsers",
    "add_command",
    "add_filter",
    "add_ids",
    "checked",
    "job_id",
    "natural",
    "words",
]

Parsers = Any
"""What ``ArgumentParser.add_subparsers`` gives: argparse has no public name for its type."""

STATES = ("depend", "priority", "sched", "run", "cleanup", "inactive")
GROUPS = ("pending", "running", "active")
RESULTS = ("completed", "failed", "canceled", "timeout")


def add_command(
    parsers: Parsers, name: str, description: str, **options: Any
) -> argparse.ArgumentParser:
    """A command of its own, without guessing at options that are cut short."""
    parser: argparse.ArgumentParser = parsers.add_parser(
        name, help=SUMMARIES[name], description=description, allow_abbrev=False, **options
    )
    return parser


def checked(parse_text: Callable[[str], Any]) -> Callable[[str], Any]:
    """A type for argparse: the sentence of a ``ValueError`` is shown to the user."""

    def convert(text: str) -> Any:
        try:
            return parse_text(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(safe(str(error))) from None

    return convert


def job_id(text: str) -> str:
    """A job id in any form of RFC 19 as plain F58; raises ``ArgumentTypeError``."""
    try:
        return encode_f58(parse(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{safe(text)!r} {error}") from None


def natural(text: str) -> int:
    """A whole number, 0 or more; raises ``ArgumentTypeError``."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{safe(text)!r} is not a whole number, 0 or more")
    return int(text)


def words(text: str) -> list[str]:
    """The parts of a list with commas, empty ones left out."""
    return [part.strip() for part in text.split(",") if part.strip()]


def filters(text: str) -> list[str]:
    """States and results, with commas; raises ``ArgumentTypeError``."""
    found = [word.lower() for word in words(text)]
    for word in found:
        if word not in (*STATES, *GROUPS, *RESULTS):
            known = ", ".join((*GROUPS, *STATES, *RESULTS))
            raise argparse.ArgumentTypeError(f"{safe(word)!r} is no state and no result: {known}")
    return found


def add_ids(parser: argparse.ArgumentParser, nargs: str | None = None, help: str = "") -> None:
    """Job ids in any form, which the shell completes."""
    options: dict[str, Any] = {"nargs": nargs} if nargs else {}
    action = parser.add_argument(
        "ids" if nargs else "id",
        metavar="JOBID",
        type=job_id,
        help=help or "in any form: f2QK3Zz, ƒ2QK3Zz, 1234, 0x4d2, …",
        **options,
    )
    action.completer = complete_ids  # type: ignore[attr-defined] # argcomplete looks for it there


def complete_ids(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """For argcomplete: ids that begin like this."""
    from .completer import job_ids  # noqa: PLC0415 - only while the shell completes

    return job_ids(prefix, parsed_args)


def add_filter(parser: argparse.ArgumentParser, queue_flags: tuple[str, ...] = ("-q",)) -> None:
    """Add the filters that the service knows, beside states and results.

    *queue_flags* are the short options for the queue: for some of Flux's commands ``-q`` is quiet.
    """
    parser.add_argument("--name", metavar="NAME", help="only jobs of this name; NAME* is its begin")
    parser.add_argument(
        "-u",
        "--user",
        metavar="USER",
        dest="owner",
        help="only jobs of this user; all is everybody",
    )
    parser.add_argument(
        *queue_flags,
        "--queue",
        metavar="QUEUE,…",
        type=words,
        action="extend",
        help="only jobs of these queues",
    )
