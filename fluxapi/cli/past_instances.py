"""``fluxapi history instances``: the instances that the history has jobs of."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

import msgspec

from fluxapi.client.body import converted
from fluxapi.client.limits import Moment
from fluxapi.model.times import short_date

from .arguments import Parsers, natural
from .exit_codes import OK
from .session import add_connection, runs
from .terminal import note, put
from .text import plural, safe

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["add_instances"]

_HEADINGS = ("ID", "PATH", "KIND", "VERSION", "HOST", "JOBS", "STARTED", "LAST SEEN")
_JOBS = _HEADINGS.index("JOBS")


class _Instance(msgspec.Struct):
    id: str
    path: str = ""
    kind: str = ""
    version: str = ""
    hostname: str = ""
    jobs: int = 0
    starttime: Moment = 0.0
    last_seen: Moment = 0.0


def add_instances(actions: Parsers) -> None:
    """Declare the action."""
    parser = actions.add_parser(
        "instances",
        help="list the instances that have jobs in the history",
        description="List the instances that have jobs in the history, the one that was seen last "
        "first. fluxapi serve --instance archive --archive-instance ID shows one of them.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "-c", "--count", metavar="N", type=natural, default=100, help="list at most N; 0 is all"
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON, as in GET /v1/history/instances"
    )
    add_connection(parser)
    parser.set_defaults(run=runs(_act))


async def _act(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    count = arguments.count
    found = await flux.history_instances(**({"limit": count + 1} if count else {}))
    is_cut = bool(count) and len(found) > count
    if is_cut:
        found = found[:count]
    if arguments.json:
        put(json.dumps({"instances": found}))
        return OK
    rows = [_HEADINGS, *(_row(one) for one in converted(found, list[_Instance]))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if place == _JOBS else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        put("  ".join(cells).rstrip())
    if is_cut:
        note(f"Showing {plural(count, 'instance')}; there are more. Use --count=0 for all.")
    return OK


def _row(one: _Instance) -> tuple[str, ...]:
    return (
        safe(one.id),
        safe(one.path or "/"),
        safe(one.kind),
        safe(one.version),
        safe(one.hostname),
        str(one.jobs),
        short_date(one.starttime),
        short_date(one.last_seen),
    )
