"""``fluxapi queue``: the queues, their state and their limits."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

from fluxapi.cli.arguments import Command, Parsers, add_command, words
from fluxapi.cli.exit_codes import FAILED, OK, Failure
from fluxapi.cli.instance_formats import QUEUE_LIST
from fluxapi.cli.node_parts import PART_STATES, of_queues, part_of
from fluxapi.cli.session import add_connection, connected, runs
from fluxapi.cli.table import chosen_format, described, print_table, without
from fluxapi.cli.terminal import colors, put
from fluxapi.cli.text import safe

if TYPE_CHECKING:
    from fluxapi.cli.answers import Node, Queue
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("queue", "show queues", group="show the instance", position=1)

_NOT_SUPPORTED_STATUS = 501
_YES, _NO = "✔", "✗"
_GREEN, _RED, _RESET = "\033[01;32m", "\033[01;31m", "\033[0;0m"
_COLOR_FIELDS = ("color_enabled", "color_started", "color_off")
_KINDS = {"nnodes": "nodes", "ncores": "cores", "ngpus": "gpus"}
_SIZES = {"min": "MIN", "max": "MAX", "range": "", "range.effective": ""}

HEADINGS = {
    "queue": "QUEUE",
    "queuem": "QUEUE",
    "submission": "SUBMIT",
    "scheduling": "SCHED",
    "enabled": "EN",
    "started": "ST",
    "enabled.ascii": "EN",
    "started.ascii": "ST",
    **dict.fromkeys(_COLOR_FIELDS, ""),
    "defaults.timelimit": "TDEFAULT",
    "limits.timelimit": "TLIMIT",
    **{
        f"limits.{bound}.{kind}": f"{prefix}{kind[1:].upper() if prefix else kind.upper()}"
        for bound, prefix in _SIZES.items()
        for kind in _KINDS
    },
    **{
        f"resources.{state}.{kind}": kind[1:].upper()
        + ("" if state == "all" else f":{state[:5].upper()}")
        for state in PART_STATES
        for kind in _KINDS
    },
}


def add(parsers: Parsers) -> None:
    """Declare the command and its actions, which are those of ``flux queue``."""
    parser = add_command(
        parsers, COMMAND, "Show the queues, their limits, and whether they accept and start jobs."
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list queues with their limits", allow_abbrev=False)
    listing.add_argument(
        "-q", "--queue", metavar="QUEUE,…", type=words, action="extend", help="only these queues"
    )
    listing.add_argument("-n", "--no-header", action="store_true", help="do not print the header")
    listing.add_argument(
        "-o",
        "--format",
        metavar="NAME|FORMAT",
        default="default",
        help="output format, or the name of one; -o help lists the names",
    )
    add_connection(listing)
    listing.set_defaults(run=_list)
    load = actions.add_parser(
        "load",
        help="list the waiting and running jobs of each queue, and their waits",
        allow_abbrev=False,
    )
    load.add_argument(
        "-q", "--queue", metavar="QUEUE,…", type=words, action="extend", help="only these queues"
    )
    load.add_argument("-n", "--no-header", action="store_true", help="do not print the header")
    add_connection(load)
    load.set_defaults(run=runs(_load))
    status = actions.add_parser(
        "status", help="say whether queues accept and start jobs, and why not", allow_abbrev=False
    )
    status.add_argument("-v", "--verbose", action="store_true", help="show all queues, and counts")
    status.add_argument("queue", metavar="QUEUE", nargs="?", help="only this queue")
    add_connection(status)
    status.set_defaults(run=runs(_status))


def _list(arguments: argparse.Namespace) -> int:
    if described(arguments.format, QUEUE_LIST):
        return OK
    chosen = chosen_format(arguments.format, HEADINGS.get, QUEUE_LIST)
    if not colors("auto"):
        chosen = without(chosen, _COLOR_FIELDS, keep_text=True)

    async def act(flux: AsyncClient, given: argparse.Namespace) -> int:
        from fluxapi.cli import answers  # noqa: PLC0415 - imports the client

        queues = await answers.queues(flux)
        known = {queue.name: queue for queue in queues}
        shown = _chosen(queues, given.queue)
        nodes = await _nodes(flux)
        rows = [
            _Fields(queue, of_queues(nodes, known, [queue.name]) if queue.name else nodes)
            for queue in shown
        ]
        print_table(chosen, [row.get for row in rows], header=not given.no_header)
        return OK

    return connected(arguments, act)


async def _nodes(flux: AsyncClient) -> list[Node]:
    """Return the nodes; none if the instance does not know them, as one in the history."""
    from fluxapi.cli import answers  # noqa: PLC0415 - imports the client
    from fluxapi.client import ProblemError  # noqa: PLC0415 - already imported

    try:
        return (await answers.resources(flux)).nodes
    except ProblemError as error:
        if error.status != _NOT_SUPPORTED_STATUS:
            raise
        return []


async def _load(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    from fluxapi.cli import answers  # noqa: PLC0415 - imports the client
    from fluxapi.cli.queue_load import print_loads  # noqa: PLC0415

    print_loads(
        _chosen(await answers.queues(flux), arguments.queue), header=not arguments.no_header
    )
    return OK


def _chosen(queues: list[Queue], names: list[str] | None) -> list[Queue]:
    """Return the queues of ``-q``, or all of them."""
    known = {queue.name: queue for queue in queues}
    for name in names or ():
        if not name or name not in known:
            raise Failure(f"There is no queue {safe(name)!r}.")
    return [known[name] for name in dict.fromkeys(names)] if names else queues


class _Fields:
    """The fields of one queue."""

    def __init__(self, queue: Queue, nodes: list[Node]) -> None:
        self._queue = queue
        self._nodes = nodes

    def get(self, field: str) -> Any:
        """Return the value of a field of :data:`HEADINGS`."""
        queue = self._queue
        first, _, rest = field.partition(".")
        if first == "resources":
            state, _, kind = rest.partition(".")
            return getattr(part_of(self._nodes, [state]), kind)
        if first == "limits" and rest != "timelimit":
            bound, _, kind = rest.rpartition(".")
            return self._size(bound, kind)
        return {
            "queue": safe(queue.name),
            "queuem": safe(queue.name) + "*" * (bool(queue.name) and queue.default),
            "submission": "enabled" if queue.enabled else "disabled",
            "scheduling": "started" if queue.started else "stopped",
            "enabled": _YES if queue.enabled else _NO,
            "started": _YES if queue.started else _NO,
            "enabled.ascii": "y" if queue.enabled else "n",
            "started.ascii": "y" if queue.started else "n",
            "color_enabled": _GREEN if queue.enabled else _RED,
            "color_started": _GREEN if queue.started else _RED,
            "color_off": _RESET,
            "defaults.timelimit": _or_infinite(queue.default_duration),
            "limits.timelimit": _or_infinite(queue.max_duration),
        }[field]

    def _size(self, bound: str, kind: str) -> Any:
        name = _KINDS[kind]
        least = getattr(self._queue.min_size, name) or 0
        most = getattr(self._queue.max_size, name)
        if bound == "min":
            return least
        if bound == "range.effective":
            there = getattr(part_of(self._nodes, ["all"]), kind)
            most = there if most is None else min(most, there)
        return _or_infinite(most) if bound == "max" else f"{least}-{_or_infinite(most)}"


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else value


async def _status(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    from fluxapi.cli import answers  # noqa: PLC0415 - imports the client

    queues = await answers.queues(flux)
    if arguments.queue is not None:
        chosen = [queue for queue in queues if queue.name == arguments.queue]
        if not chosen:
            raise Failure(f"There is no queue {safe(arguments.queue)!r}.", FAILED)
        queues = queues if arguments.verbose else chosen
    for queue in queues:
        name = f"{safe(queue.name)}: " if queue.name else ""
        put(f"{name}{_submission(queue)}")
        put(f"{name}{_scheduling(queue)}")
    if arguments.verbose:
        counts = (await answers.job_counts(flux)).states
        put(f"{counts.get('SCHED', 0)} alloc requests queued")
        put("0 alloc requests pending to scheduler")
        put(f"{counts.get('RUN', 0) + counts.get('CLEANUP', 0)} running jobs")
    return OK


def _submission(queue: Queue) -> str:
    if queue.enabled:
        return "Job submission is enabled"
    return f"Job submission is disabled: {safe(queue.disable_reason)}"


def _scheduling(queue: Queue) -> str:
    if queue.started:
        return "Scheduling is started"
    why = f": {safe(queue.stop_reason)}" if queue.stop_reason else ""
    return f"Scheduling is stopped{why}"
