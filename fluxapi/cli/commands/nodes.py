"""``fluxapi nodes``: nodes, their use, and drain reasons."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import TYPE_CHECKING

from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.exit_codes import OK
from fluxapi.cli.listing import ranks_of
from fluxapi.cli.session import add_connection, runs
from fluxapi.cli.terminal import colors, put
from fluxapi.cli.text import plural, safe
from fluxapi.model.times import short_date

if TYPE_CHECKING:
    from fluxapi.cli.answers import Node, Totals, Use
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("nodes", "list nodes", group="show the instance", position=1)

_COLORS = {
    "down": "\033[01;31m",
    "drained": "\033[33m",
    "draining": "\033[33m",
    "excluded": "\033[37m",
}
_RESET = "\033[0;0m"
_HEADINGS = ("RANK", "NODE", "STATE", "CORES", "GPUS", "JOBS", "REASON")
_RIGHT = frozenset({"RANK", "CORES", "GPUS", "JOBS"})


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "List nodes with their state, their allocated and total cores and GPUs, the number of "
        "running jobs, and the reason for a drain.",
    )
    parser.add_argument(
        "-n", "--no-header", action="store_true", help="do not print the header and the totals"
    )
    parser.add_argument("--names", action="store_true", help="print only the host names, each once")
    parser.add_argument("--json", action="store_true", help="print JSON, as in GET /resources")
    add_connection(parser)
    parser.set_defaults(run=runs(_act))


async def _act(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    if arguments.names:
        for name in await flux.nodes():
            put(safe(name))
        return OK
    if arguments.json:
        put(json.dumps(await flux.resources()))
        return OK
    from fluxapi.cli.answers import resources  # noqa: PLC0415 - imports the client

    found = await resources(flux)
    ranks = [node.rank for node in found.nodes]
    jobs: Counter[int] = Counter()
    async for job in flux.jobs(state=["RUNNING"]):
        members = ranks_of(job)
        # Do not count through the ranks of nodes that do not exist.
        whole = len(members) <= len(ranks)
        jobs.update(members if whole else (rank for rank in ranks if rank in members))
    rows = [_row(node, jobs[node.rank]) for node in found.nodes]
    if not arguments.no_header:
        rows = [_HEADINGS, *rows, _sums(found.totals, sum(jobs.values()))]
    _print(rows)
    return OK


def _row(node: Node, jobs: int) -> tuple[str, ...]:
    reason = safe(node.reason)
    if node.drained_at is not None:
        reason = f"{reason} (since {short_date(node.drained_at)})".strip()
    return (
        str(node.rank),
        safe(node.name),
        safe(node.state),
        _use(node.cores),
        _use(node.gpus),
        str(jobs),
        reason,
    )


def _use(count: Use) -> str:
    return f"{count.allocated}/{count.total}"


def _sums(totals: Totals, jobs: int) -> tuple[str, ...]:
    return (
        "", "all", plural(totals.nodes, "node"), _use(totals.cores), _use(totals.gpus),
        str(jobs), "",
    )  # fmt: skip


def _print(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEADINGS))] if rows else []
    color = colors("auto")
    for row in rows:
        cells = [
            cell.rjust(width) if heading in _RIGHT else cell.ljust(width)
            for heading, cell, width in zip(_HEADINGS, row, widths, strict=True)
        ]
        line = "  ".join(cells).rstrip()
        paint = _COLORS.get(row[2], "") if color else ""
        put(f"{paint}{line}{_RESET}" if paint else line)
