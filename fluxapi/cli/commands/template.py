"""``fluxapi template``: requests for jobs that the service keeps under names."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.exit_codes import OK, USAGE, Failure
from fluxapi.cli.json_text import json_problem
from fluxapi.cli.session import add_connection, runs
from fluxapi.cli.terminal import put
from fluxapi.cli.text import safe
from fluxapi.model.times import short_date

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient, TemplateEntry

__all__ = ["COMMAND", "add"]

COMMAND = Command(
    "template", "save jobs under a name to submit them again", group="submit jobs", position=6
)

_HEADINGS = ("NAME", "SAVED", "BYTES", "DESCRIPTION")


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Manage templates: requests for jobs that the service keeps under names. Submit one with "
        "fluxapi submit --template NAME, or from the dashboard.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list the templates", allow_abbrev=False)
    listing.add_argument("--json", action="store_true", help="print JSON")
    show = actions.add_parser("show", help="print a template as JSON", allow_abbrev=False)
    show.add_argument("name", metavar="NAME", help="name of the template")
    save = actions.add_parser(
        "save",
        help="save a job under a name; replaces an existing template",
        allow_abbrev=False,
    )
    save.add_argument("name", metavar="NAME", help="name of the template")
    save.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        default="-",
        help="local file with the fields of the job as JSON, which fluxapi submit --dry-run "
        "prints; default: standard input",
    )
    save.add_argument(
        "--description", metavar="TEXT", default="", help="one line about its purpose"
    )
    many = save.add_mutually_exclusive_group()
    many.add_argument("--copies", metavar="N", type=int, help="number of jobs to submit")
    many.add_argument("--cc", metavar="IDSET", help="submit a job for each of these IDs")
    delete = actions.add_parser("delete", help="delete templates", allow_abbrev=False)
    delete.add_argument("names", nargs="+", metavar="NAME", help="name of a template")
    for action, run in ((listing, _list), (show, _show), (save, _save), (delete, _delete)):
        add_connection(action)
        action.set_defaults(run=runs(run))


async def _list(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    found = await flux.templates()
    if arguments.json:
        put(json.dumps([msgspec.structs.asdict(entry) for entry in found]))
        return OK
    rows = [_HEADINGS, *(_row(entry) for entry in found)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEADINGS))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        put("  ".join(cells).rstrip())
    return OK


def _row(entry: TemplateEntry) -> tuple[str, ...]:
    return (
        safe(entry.name),
        short_date(entry.modified),
        str(entry.bytes),
        safe(entry.description),
    )


async def _show(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    found = await flux.template(arguments.name)
    put(
        json.dumps(
            {
                name: value
                for name, value in msgspec.structs.asdict(found).items()
                if value is not None
            }
        )
    )
    return OK


async def _save(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    await flux.save_template(
        arguments.name,
        _job(arguments.file),
        description=arguments.description,
        copies=arguments.copies,
        cc=arguments.cc,
    )
    return OK


def _job(file: str) -> dict[str, Any]:
    """Return the fields in a file; raise ``Failure``."""
    shown = "standard input" if file == "-" else safe(file)
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        found = json.loads(text)
    except OSError as error:
        raise Failure(f"{shown} cannot be read: {error.strerror}.", USAGE) from None
    except ValueError as error:
        sentence = f"{shown} is {json_problem(error)}: give one job as a JSON object."
        raise Failure(sentence, USAGE) from None
    if not isinstance(found, dict):
        raise Failure(f"{shown} is not a job: give one job as a JSON object.", USAGE)
    return found


async def _delete(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    for name in arguments.names:
        await flux.delete_template(name)
    return OK
