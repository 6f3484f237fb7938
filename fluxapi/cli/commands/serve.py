"""``fluxapi serve``: run the service."""

from __future__ import annotations

import argparse
import logging
import os
import sys

from fluxapi.cli import compat_paths
from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.exit_codes import OK, USAGE, Failure
from fluxapi.errors import FluxapiError, SettingsError
from fluxapi.observability import logs
from fluxapi.process import stop_signals
from fluxapi.security import secrets
from fluxapi.settings import Settings, add_arguments, exposed_files

__all__ = ["COMMAND", "add"]

COMMAND = Command("serve", "run the service", group="run the service", position=1)

_log = logging.getLogger(__name__)


def add(parsers: Parsers) -> None:
    """Declare the command, with the settings as options."""
    parser = add_command(
        parsers,
        COMMAND,
        "Run the service for the Flux instance at FLUX_URI. Without one, run jobs on this machine "
        "with an embedded instance.",
    )
    add_arguments(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    # The service, and the jobs of an embedded instance, need a real Flux or none.
    compat_paths.leave(os.environ, sys.path)
    try:
        environ = secrets.scrub_environment()
        hidden = secrets.hide_memory()
        settings = Settings.read(arguments, environ)
        logs.configure(settings.log_level, settings.log_format)
        for sentence in exposed_files(arguments):
            _log.warning("%s", sentence)
        if not hidden:
            _log.warning("this system lets jobs of the same user read the memory of the service")
        _serve(settings)
    except SettingsError as error:
        raise Failure(error.detail, USAGE) from None
    except FluxapiError as error:
        raise Failure(error.detail) from None
    return OK


def _serve(settings: Settings) -> None:
    try:
        import uvloop  # noqa: PLC0415 - no other command should load the server

        from fluxapi.service import serve  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        if str(error.name).startswith("fluxapi"):
            raise
        raise Failure(
            f"This installation is a client only: it lacks {error.name}, which the service needs. "
            "To run the service: pip install 'fluxapi[server]'",
            USAGE,
        ) from None
    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(serve(settings))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        stop_signals.ignore()
        loop.close()
