"""The ``fluxapi`` command."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

import uvloop

from . import __version__, environment
from .errors import FluxapiError
from .service import serve
from .settings import Settings, add_arguments

__all__ = ["main"]

_DESCRIPTION = "Puts a Flux instance on the web."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fluxapi", description=_DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"fluxapi {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    command = commands.add_parser(
        "serve",
        help="run the service",
        description="Run the service: in front of the Flux broker at FLUX_URI, or, where there is "
        "none, on an embedded instance that runs jobs on this machine.",
        allow_abbrev=False,
    )
    add_arguments(command)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``fluxapi``; returns the exit status: 0, or 1 with one sentence on standard error."""
    parsed = _parser().parse_args(arguments)
    try:
        settings = Settings.read(parsed, environment.take())
        logging.basicConfig(
            level=settings.log_level.upper(),
            format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        )
        _run(settings)
    except FluxapiError as error:
        return _fail(error.detail)
    except KeyboardInterrupt:
        return 130
    return 0


def _run(settings: Settings) -> None:
    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(serve(settings))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


def _fail(sentence: str) -> int:
    print(f"fluxapi: {sentence}", file=sys.stderr)  # noqa: T201 - for the person who typed it
    return 1
