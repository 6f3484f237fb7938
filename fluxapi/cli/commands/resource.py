"""``fluxapi resource``: nodes, cores and GPUs by state."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from fluxapi.cli.arguments import Command, Parsers, add_color, add_command, words
from fluxapi.cli.exit_codes import OK, Failure
from fluxapi.cli.instance_formats import RESOURCE_LIST, RESOURCE_STATUS
from fluxapi.cli.node_lines import (
    LIST_HEADINGS,
    STATUS_HEADINGS,
    list_lines,
    status_lines,
    wanted_states,
)
from fluxapi.cli.node_parts import PART_STATES, included, of_queues
from fluxapi.cli.session import add_connection, connected, runs
from fluxapi.cli.table import chosen_format, described, print_table, without
from fluxapi.cli.terminal import colors
from fluxapi.cli.text import safe
from fluxapi.cli.times import when

if TYPE_CHECKING:
    from fluxapi.cli.answers import Node, Queue
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("resource", "show resources by state", group="show the instance", position=1)

_INFO = "{nnodes} Nodes, {ncores} Cores, {ngpus} GPUs"
_STEPS = 24
_DEFAULT_STATES = "free,allocated,down"


def add(parsers: Parsers) -> None:
    """Declare the command and its actions, which are those of ``flux resource``."""
    parser = add_command(
        parsers, COMMAND, "Show nodes, cores and GPUs by state, queue and properties."
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list", help="list free, allocated and down resources", allow_abbrev=False
    )
    _add_choice(listing, _DEFAULT_STATES, f"states: {', '.join(PART_STATES)}")
    _add_output(listing)
    listing.add_argument("--no-skip-empty", action="store_true", help="print empty lines with -i")
    status = actions.add_parser(
        "status", help="list the nodes by state, with reasons", allow_abbrev=False
    )
    _add_choice(status, "", "states, such as avail, drain or offline; help lists them")
    _add_output(status)
    add_color(status, "states", "-L")
    info = actions.add_parser("info", help="count nodes, cores and GPUs", allow_abbrev=False)
    _add_choice(info, "all", f"states: {', '.join(PART_STATES)}")
    info.set_defaults(format=_INFO, no_header=True, skip_empty=False, no_skip_empty=False)
    use = actions.add_parser(
        "use", help="show the cores in use over the last day, step by step", allow_abbrev=False
    )
    use.add_argument("--since", type=when(), metavar="WHEN", help="start of the time, such as -6h")
    use.add_argument("--until", type=when(), metavar="WHEN", help="end of the time; default: now")
    use.add_argument(
        "--steps", type=int, metavar="N", default=_STEPS, help="at most this many steps"
    )
    use.add_argument("--node", metavar="HOST", help="only this host, computed from its jobs")
    use.add_argument("--rank", type=int, metavar="N", help="only this broker of the host")
    add_connection(use)
    use.set_defaults(run=runs(_use))
    for action, run in ((listing, _list), (status, _status), (info, _list)):
        add_connection(action)
        action.set_defaults(run=run)


def _add_choice(parser: argparse.ArgumentParser, states: str, help: str) -> None:
    parser.add_argument("-s", "--states", metavar="STATE,…", default=states, help=help)
    parser.add_argument(
        "-q", "--queue", metavar="QUEUE,…", type=words, action="extend", help="only these queues"
    )
    parser.add_argument("-i", "--include", metavar="HOSTS|RANKS", help="only these nodes")


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", "--no-header", action="store_true", help="do not print the header")
    parser.add_argument(
        "-o",
        "--format",
        metavar="NAME|FORMAT",
        default="default",
        help="output format, or the name of one; -o help lists the names",
    )
    parser.add_argument("--skip-empty", action="store_true", help="do not print empty lines")


async def _chosen(
    flux: AsyncClient, arguments: argparse.Namespace
) -> tuple[list[Node], list[Queue]]:
    """Return the nodes of ``-q`` and ``-i``, and all queues."""
    from fluxapi.cli import answers  # noqa: PLC0415 - imports the client

    queues = await answers.queues(flux)
    nodes = (await answers.resources(flux)).nodes
    if arguments.queue:
        nodes = of_queues(nodes, {queue.name: queue for queue in queues}, arguments.queue)
    if arguments.include:
        nodes = included(nodes, arguments.include)
    return nodes, [queue for queue in queues if queue.name]


def _check(states: Iterable[str], known: Iterable[str]) -> None:
    for state in states:
        if state not in known:
            raise Failure(f"{safe(state)!r} is not a state of resources; use {', '.join(known)}.")


def _list(arguments: argparse.Namespace) -> int:
    if described(arguments.format, RESOURCE_LIST):
        return OK
    chosen = chosen_format(arguments.format, LIST_HEADINGS.get, RESOURCE_LIST)
    states = words(arguments.states)
    _check(states, PART_STATES)

    async def act(flux: AsyncClient, given: argparse.Namespace) -> int:
        nodes, queues = await _chosen(flux, given)
        lines = list_lines(nodes, queues, states, chosen, only=given.queue or ())
        if given.skip_empty or (given.include and not given.no_skip_empty):
            lines = [line for line in lines if line.part.nodes]
        print_table(chosen, [line.get for line in lines], header=not given.no_header)
        return OK

    return connected(arguments, act)


def _status(arguments: argparse.Namespace) -> int:
    if described(arguments.format, RESOURCE_STATUS):
        return OK
    chosen: Any = chosen_format(arguments.format, STATUS_HEADINGS.get, RESOURCE_STATUS)
    states = wanted_states(arguments.states)
    if states is None:
        return OK
    if not colors(arguments.color):
        chosen = without(chosen, ("color_up", "color_off"))

    async def act(flux: AsyncClient, given: argparse.Namespace) -> int:
        nodes, _ = await _chosen(flux, given)
        lines = [
            line
            for line in status_lines(nodes, states, chosen)
            if line.nnodes
            or not (
                given.skip_empty
                or not given.states
                or (not line.online and "offline" not in states)
            )
        ]
        print_table(chosen, [line.get for line in lines], header=not given.no_header)
        return OK

    return connected(arguments, act)


async def _use(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    from fluxapi.cli import answers  # noqa: PLC0415 - imports the client
    from fluxapi.cli.use_lines import print_use  # noqa: PLC0415

    found = await flux.use(
        since=arguments.since,
        until=arguments.until,
        steps=arguments.steps,
        node=arguments.node,
        rank=arguments.rank,
    )
    nodes = [
        node
        for node in (await answers.resources(flux)).nodes
        if not node.excluded
        and arguments.node in {None, node.name}
        and arguments.rank in {None, node.rank}
    ]
    print_use(found, sum(node.cores.total for node in nodes))
    return OK
