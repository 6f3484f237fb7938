"""Runs a command of ``fluxapi`` under the name of one of Flux's."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from fluxapi.cli.exit_codes import USAGE, Failure
from fluxapi.cli.session import add_connection, connected
from fluxapi.compat.connect_timeout import connect_timeout

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["Parser", "parser_of", "parser_of_action", "run", "talk"]


class Parser(argparse.ArgumentParser):
    """A parser whose errors read as those of Flux's commands."""

    def error(self, message: str) -> NoReturn:
        """Write the error, and exit."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: error: {message}\n")


def parser_of(command: str, name: str) -> argparse.ArgumentParser:
    """Return the parser of a ``fluxapi`` command, under the name of a command of Flux."""
    parsers = argparse.ArgumentParser(prog="flux").add_subparsers(parser_class=Parser)
    import_module(f"fluxapi.cli.commands.{command}").add(parsers)
    parser: argparse.ArgumentParser = parsers.choices[command]
    parser.prog = f"flux {name}"
    parser.usage = f"flux {name} [OPTIONS...] ARGS..."
    return parser


def parser_of_action(action: str) -> argparse.ArgumentParser:
    """Return the parser of an action of ``fluxapi job``, under the name of that of ``flux job``."""
    from fluxapi.cli import (  # noqa: PLC0415 - imported when needed
        job_control,
        job_events,
        job_facts,
    )

    actions = argparse.ArgumentParser(prog="flux job").add_subparsers(parser_class=Parser)
    for module in (job_facts, job_events, job_control):
        module.add(actions)
    parser: argparse.ArgumentParser = actions.choices[action]
    return parser


def run(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    """Run the command of a parser, and return its exit status."""
    parsed = parser.parse_args(arguments, _connection())
    status: int = parsed.run(parsed)
    return status


def talk(
    parser: argparse.ArgumentParser,
    arguments: list[str],
    act: Callable[[AsyncClient, argparse.Namespace], Awaitable[int]],
) -> int:
    """Run *act* on a connected client with the arguments that *parser* reads."""
    return connected(parser.parse_args(arguments, _connection()), act)


def _connection() -> argparse.Namespace:
    """Return the connection options, which come from the environment."""
    parser = argparse.ArgumentParser()
    add_connection(parser, top=True)
    try:
        parser.set_defaults(connect_for=connect_timeout())
    except OSError as error:
        raise Failure(str(error.strerror)) from None
    return parser.parse_args([])
