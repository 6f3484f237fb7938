"""``fluxapi groups``: groups of jobs and their progress."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

import msgspec

from fluxapi.cli.arguments import Command, Parsers, add_command, natural
from fluxapi.cli.exit_codes import FAILED, OK
from fluxapi.cli.outage import told_outage
from fluxapi.cli.session import add_connection, path_of, runs
from fluxapi.cli.terminal import note, put
from fluxapi.cli.text import plural, safe
from fluxapi.model.job import GROUPS
from fluxapi.model.times import short_date

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient, Group

__all__ = ["COMMAND", "add"]

COMMAND = Command("groups", "list groups of jobs", group="inspect jobs", position=2)

_HEADINGS = (
    "GROUP", "NAME", "USER", "JOBS", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELED",
    "PROGRESS", "SUBMITTED",
)  # fmt: skip
_RIGHT = frozenset(_HEADINGS[3:9])
_BAR_CELLS = 10


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "List groups of jobs, newest first: those with active jobs by default. A group has the "
        "jobs of one bulk submission, or those that were submitted with the same --group.",
    )
    parser.add_argument(
        "groups", metavar="GROUP", nargs="*", help="list these groups, by name or ID"
    )
    parser.add_argument(
        "-a", dest="everything", action="store_true", help="include groups whose jobs have ended"
    )
    parser.add_argument("-u", dest="owner", metavar="USER", help="only groups of this user")
    parser.add_argument(
        "--text", metavar="WORDS", help="only groups with each of these words in name or ID"
    )
    parser.add_argument(
        "-c",
        "--count",
        metavar="N",
        type=natural,
        default=100,
        help="list at most N groups; 0 is all",
    )
    parser.add_argument("-n", "--no-header", action="store_true", help="do not print the header")
    parser.add_argument("--json", action="store_true", help="print JSON, as in GET /groups")
    add_connection(parser)
    parser.set_defaults(run=runs(_act))


async def _act(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    found, status = await _find(flux, arguments)
    await told_outage(flux, path_of(arguments))
    count = arguments.count
    is_cut = bool(count) and not arguments.groups and len(found) > count
    if is_cut:
        found = found[:count]
    if arguments.json:
        put(json.dumps({"groups": [msgspec.to_builtins(group) for group in found]}))
        return status
    rows = [_row(group) for group in found]
    if not arguments.no_header:
        rows = [_HEADINGS, *rows]
    _print(rows)
    if is_cut:
        note(f"Showing {plural(count, 'group')}; more match. Use --count=0 for all.")
    return status


async def _find(flux: AsyncClient, arguments: argparse.Namespace) -> tuple[list[Group], int]:
    """Return the groups to list, and the exit status."""
    from fluxapi.client import NotFound  # noqa: PLC0415 - already imported

    found: list[Group] = []
    status = OK
    for name in arguments.groups:
        try:
            found.append(await flux.group(name))
        except NotFound as error:  # noqa: PERF203 - a request each, which takes far longer
            note(str(error))
            status = FAILED
    if not arguments.groups:
        limit = arguments.count + 1 if arguments.count else None
        active = None if arguments.everything else True
        groups = flux.groups(active=active, user=arguments.owner, text=arguments.text, limit=limit)
        found = [group async for group in groups]
    return found, status


def _row(group: Group) -> tuple[str, ...]:
    pending, running = (
        sum(group.states.get(state, 0) for state in GROUPS[kind]) for kind in ("PENDING", "RUNNING")
    )
    canceled = group.results.get("CANCELED", 0)
    jobs = f"{group.total}{f'+{group.purged}' if group.purged else ''}"
    return (
        safe(group.id),
        safe(group.name or ""),
        safe(group.username),
        jobs,
        str(pending),
        str(running),
        str(group.results.get("COMPLETED", 0)),
        str(group.failed - canceled),
        str(canceled),
        _bar(group.progress),
        short_date(group.t_first_submit) if group.t_first_submit else "",
    )


def _bar(progress: float) -> str:
    """Return a bar and the percentage, which is 100 only once all jobs have ended."""
    filled = int(progress * _BAR_CELLS)
    return f"{'#' * filled}{'.' * (_BAR_CELLS - filled)} {int(progress * 100)}%"


def _print(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if heading in _RIGHT else cell.ljust(width)
            for heading, cell, width in zip(_HEADINGS, row, widths, strict=True)
        ]
        put("  ".join(cells).rstrip())
