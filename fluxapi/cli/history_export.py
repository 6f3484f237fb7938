"""``fluxapi history export``: the jobs of the history as a file."""

from __future__ import annotations

import argparse
import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import Parsers, filters
from .exit_codes import OK, USAGE, Failure
from .session import add_connection, runs
from .terminal import put_raw
from .times import when
from .whole_file import write_whole

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["add_export"]

_FORMATS = ("ndjson", "csv", "parquet")
_NDJSON_SUFFIXES = ("", "jsonl")
_STDOUT = "-"


def add_export(actions: Parsers) -> None:
    """Declare the action."""
    parser = actions.add_parser(
        "export",
        help="export the jobs of the history to a file",
        description="Write the jobs of the history, newest first, as JSON lines, CSV or Parquet.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        default=_STDOUT,
        help="write to FILE, which is replaced only when the export is complete; default: standard"
        " output",
    )
    parser.add_argument(
        "--format",
        choices=_FORMATS,
        help="default: by the suffix of FILE, or else ndjson",
    )
    parser.add_argument(
        "--since",
        metavar="WHEN",
        type=when(),
        help="jobs submitted after WHEN: --since=-7d, yesterday, 2026-11-24",
    )
    parser.add_argument("--until", metavar="WHEN", type=when(), help="and before WHEN")
    parser.add_argument(
        "--ended", metavar="WHEN", type=when(), help="jobs that ended after WHEN, such as -2h"
    )
    parser.add_argument("--ended-until", metavar="WHEN", type=when(), help="and before WHEN")
    parser.add_argument(
        "-f",
        "--filter",
        metavar="RESULT,…",
        type=filters,
        action="extend",
        help="only jobs with these results: completed, failed, canceled, timeout",
    )
    parser.add_argument("--name", metavar="NAME", help="only jobs with this name, or NAME*")
    parser.add_argument("-u", "--user", metavar="USER", dest="owner", help="only jobs of this user")
    parser.add_argument("-q", "--queue", metavar="QUEUE", help="only jobs in this queue")
    parser.add_argument("--group", metavar="GROUP", help="only jobs of this group")
    parser.add_argument("--node", metavar="HOST", help="only jobs on this node")
    parser.add_argument("--text", metavar="WORDS", help="only jobs with these words")
    parser.add_argument(
        "--archive-instance",
        metavar="ID",
        help="the jobs of this instance of the history, or all; default: the instance of the "
        "service",
    )
    add_connection(parser, user=False)
    parser.set_defaults(run=runs(_act))


async def _act(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    path = arguments.output
    format: Any = arguments.format or _format_of(path)
    if path == _STDOUT and format == "parquet" and sys.stdout.isatty():
        raise Failure("Parquet cannot be written to a terminal; give a file with -o.", USAGE)
    options: dict[str, Any] = {
        "result": arguments.filter,
        "user": arguments.owner,
        "instance": arguments.archive_instance,
        **{
            name: getattr(arguments, name)
            for name in (
                "since",
                "until",
                "ended",
                "ended_until",
                "name",
                "queue",
                "group",
                "node",
                "text",
            )
        },
    }
    async with aclosing(flux.export_jobs(format, **options)) as found:  # type: ignore[type-var] # an async generator
        if path == _STDOUT:
            async for piece in found:
                put_raw(piece)
        else:
            await write_whole(path, found)
    return OK


def _format_of(path: str) -> str:
    """Return the format that the end of a name says; raise ``Failure`` for an unknown one."""
    suffix = "" if path == _STDOUT else Path(path).suffix[1:].lower()
    if suffix in _FORMATS:
        return suffix
    if suffix in _NDJSON_SUFFIXES:
        return "ndjson"
    raise Failure(
        f"{path}: the suffix of this name is not that of a format; use .ndjson, .csv or .parquet, "
        "or --format.",
        USAGE,
    )
