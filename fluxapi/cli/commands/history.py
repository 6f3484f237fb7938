"""``fluxapi history``: what the service knows of past jobs."""

from __future__ import annotations

from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.history_export import add_export
from fluxapi.cli.past_figures import add_figures
from fluxapi.cli.past_instances import add_instances

__all__ = ["COMMAND", "add"]

COMMAND = Command("history", "read the history of past jobs", group="inspect jobs", position=3)


def add(parsers: Parsers) -> None:
    """Declare the command and its actions."""
    parser = add_command(
        parsers, COMMAND, "Read the history, which keeps jobs longer than Flux does."
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add_figures(actions)
    add_instances(actions)
    add_export(actions)
