"""``fluxapi nodes``: nodes, their use, and drain reasons."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.exit_codes import OK
from fluxapi.cli.session import add_connection, runs
from fluxapi.cli.terminal import colors, put
from fluxapi.cli.text import plural, safe
from fluxapi.model.idset import IdSet
from fluxapi.model.times import short_date

if TYPE_CHECKING:
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
    resources = await flux.resources()
    if arguments.json:
        put(json.dumps(resources))
        return OK
    jobs: Counter[int] = Counter()
    async for job in flux.jobs(state=["RUNNING"]):
        jobs.update(IdSet.parse(job.ranks or ""))
    rows = [_row(node, jobs[node["rank"]]) for node in resources["nodes"]]
    if not arguments.no_header:
        rows = [_HEADINGS, *rows, _sums(resources["totals"], sum(jobs.values()))]
    _print(rows)
    return OK


def _row(node: dict[str, Any], jobs: int) -> tuple[str, ...]:
    reason = safe(node.get("reason", ""))
    if "drained_at" in node:
        reason = f"{reason} (since {short_date(node['drained_at'])})".strip()
    return (
        str(node["rank"]),
        safe(node["name"]),
        node["state"],
        _use(node["cores"]),
        _use(node["gpus"]),
        str(jobs),
        reason,
    )


def _use(count: dict[str, int]) -> str:
    return f"{count['allocated']}/{count['total']}"


def _sums(totals: dict[str, Any], jobs: int) -> tuple[str, ...]:
    return (
        "", "all", plural(totals["nodes"], "node"), _use(totals["cores"]), _use(totals["gpus"]),
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
