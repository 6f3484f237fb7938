"""``fluxapi job``: the details of a job, and the commands of ``flux job``."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fluxapi.cli import job_comparison, job_control, job_events, job_facts, job_wait
from fluxapi.cli.arguments import Command, Parsers, add_command, add_ids
from fluxapi.cli.exit_codes import OK
from fluxapi.cli.session import add_connection, runs
from fluxapi.cli.terminal import put

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["COMMAND", "add"]

COMMAND = Command("job", "show or change one job", group="inspect jobs", position=2)

_SHOW = "show"


class _Actions(dict[str, Any]):
    """The actions by name; any other word counts as a job ID for :data:`_SHOW`."""

    def __contains__(self, name: object) -> bool:
        return True


class _JobActions(argparse._SubParsersAction):  # type: ignore[type-arg] # noqa: SLF001 - argparse documents the base class of add_subparsers(action=) only by this name
    """Subparsers among which a job ID stands for ``show JOBID``."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Parse the rest of the command line by the parser of the action."""
        words = list(values or ())
        if words[0] not in self._name_parser_map:
            words.insert(0, _SHOW)
        super().__call__(parser, namespace, words, option_string)


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Show the details of a job, one per line, or run an action, as flux job does.",
    )
    _add_forms(parser)
    add_connection(parser)
    actions = parser.add_subparsers(
        action=_JobActions, dest="action", metavar="JOBID|ACTION", required=True, title="actions"
    )
    show = actions.add_parser(_SHOW, help="show the details of a job (also without this word)")
    add_ids(show)
    _add_forms(show, default=argparse.SUPPRESS)
    add_connection(show)
    show.set_defaults(run=runs(_act))
    for module in (job_facts, job_events, job_control, job_wait, job_comparison):
        module.add(actions)
    actions.choices = _Actions(actions.choices)


def _add_forms(parser: argparse.ArgumentParser, **options: Any) -> None:
    """Add the options for what is shown, which may be before or behind the job ID."""
    group = parser.add_mutually_exclusive_group()
    for flag, text in (
        ("--json", "print the record as JSON, as in GET /jobs/{id}"),
        ("--eventlog", "print the eventlog"),
        ("--jobspec", "print the jobspec (RFC 25) as JSON"),
        ("--R", "print the resources (RFC 20) as JSON"),
        ("--dependencies", "print the jobs that it waits for, and those that wait for it"),
    ):
        group.add_argument(flag, action="store_true", help=text, **options)


async def _act(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    from fluxapi.cli import job_detail  # noqa: PLC0415 - imported when needed

    if arguments.eventlog:
        for event in await flux.eventlog(arguments.id):
            put(job_detail.event_line(event))
    elif arguments.jobspec:
        put(json.dumps(await flux.jobspec(arguments.id), indent=2))
    elif arguments.R:
        put(json.dumps(await flux.R(arguments.id), indent=2))
    elif arguments.dependencies:
        for line in job_detail.graph_lines(await flux.dependencies(arguments.id, limit=1000)):
            put(line)
    else:
        job = await flux.get(arguments.id)
        if arguments.json:
            put(json.dumps(job.to_dict()))
        else:
            for line in job_detail.lines(job, time.time()):
                put(line)
    return OK
