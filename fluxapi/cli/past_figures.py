"""``fluxapi history figures``: counts, waits and run times of past jobs."""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING

from fluxapi.cli.arguments import Parsers, natural
from fluxapi.cli.exit_codes import OK, USAGE, Failure
from fluxapi.cli.figure_answer import Figures
from fluxapi.cli.figure_lines import figure_lines
from fluxapi.cli.session import add_connection, runs
from fluxapi.cli.terminal import note, put
from fluxapi.cli.times import when
from fluxapi.client.body import converted

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["add_figures"]

_DAY_S = 86_400.0
_STEPS, _MIN_STEPS, _MAX_STEPS = 24, 2, 500


def add_figures(actions: Parsers) -> None:
    """Declare the action ``figures``."""
    parser = actions.add_parser(
        "figures",
        help="count ended jobs, with their waits, run times and core hours",
        description="Count the jobs that ended in a time, with the median and the 90th "
        "percentile of their waits and run times, and their core hours.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--since",
        metavar="WHEN",
        type=when(),
        help="jobs that ended after WHEN: --since=-7d, yesterday, 2026-11-24; default: a day "
        "before --until",
    )
    parser.add_argument(
        "--until", metavar="WHEN", type=when(), help="and before WHEN; default: now"
    )
    parser.add_argument(
        "--by",
        choices=("name", "user", "queue", "result", "node"),
        help="one line for each name, user, … (at most 50) instead of for each step",
    )
    parser.add_argument(
        "--order",
        choices=("ended", "failed", "core-hours", "failed-core-hours"),
        default="ended",
        help="with --by, the order of the lines, the highest first",
    )
    parser.add_argument(
        "--steps",
        metavar="N",
        type=natural,
        default=_STEPS,
        help=f"divide the time into at most N steps, 2 to 500; default {_STEPS}",
    )
    parser.add_argument(
        "--all-instances", action="store_true", help="the jobs of all instances in the history"
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON, as in GET /v1/history/figures"
    )
    add_connection(parser)
    parser.set_defaults(run=runs(_figures))


async def _figures(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    if not _MIN_STEPS <= arguments.steps <= _MAX_STEPS:
        raise Failure(f"--steps must be a number from {_MIN_STEPS} to {_MAX_STEPS}.", USAGE)
    until = time.time() if arguments.until is None else arguments.until
    since = until - _DAY_S if arguments.since is None else arguments.since
    if since >= until:
        raise Failure("--since is not before --until.", USAGE)
    found = await flux.figures(
        since=since,
        until=until,
        steps=arguments.steps,
        by=arguments.by,
        order=arguments.order.replace("-", "_"),
        instance="all" if arguments.all_instances else None,
    )
    if arguments.json:
        put(json.dumps(found))
        return OK
    figures = converted(found, Figures)
    for line in figure_lines(figures):
        put(line)
    if figures.sampled is not None:
        note(f"Waits and run times are sampled: at least one in {figures.sampled:,} jobs counts.")
    if figures.is_cut:
        note("Jobs ran on too many different sets of nodes; some are not counted.")
    return OK
