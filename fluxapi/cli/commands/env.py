"""``fluxapi env``: let tools that know only Flux speak to the service."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator

from fluxapi.cli import compat_paths
from fluxapi.cli.arguments import Command, Parsers, add_command
from fluxapi.cli.exit_codes import OK, Failure
from fluxapi.cli.session import add_connection
from fluxapi.cli.terminal import put

__all__ = ["COMMAND", "add"]

COMMAND = Command("env", "let tools for Flux use the service", group="set up clients", position=4)

_PYTHON = "FLUXAPI_PYTHON"
_NAMES = "FLUXAPI_ENV"
"""The names of the variables that the options of the command have set."""

_OPTIONS = {
    "url": "FLUXAPI_URL",
    "ca_file": "FLUXAPI_CA_FILE",
    "login": "FLUX_USER",
    "profile": "FLUXAPI_PROFILE",
}


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        'Print variables that let tools for Flux use the service: eval "$(fluxapi env)" puts a '
        "command flux on PATH and a package flux on PYTHONPATH, both of which use the service. "
        "The Python of the tool needs fluxapi. The command refuses to hide a real Flux.",
    )
    parser.add_argument(
        "--unset", action="store_true", help="print the commands that undo eval of this command"
    )
    parser.add_argument(
        "--force", action="store_true", help="hide the real Flux on PATH and at FLUX_URI"
    )
    add_connection(parser, timeout=False, instance=False)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    lines = _undone() if arguments.unset else _done(arguments)
    for line in list(lines):
        put(line)
    return OK


def _done(arguments: argparse.Namespace) -> Iterator[str]:
    found = compat_paths.real_flux(os.environ)
    if not arguments.force:
        if os.environ.get("FLUX_URI"):
            raise Failure(
                "FLUX_URI is set, so this shell uses a real Flux; use --force to hide it."
            )
        if found:
            raise Failure(f"{found} is a real Flux; use --force to hide it.")
    elif os.environ.get("FLUX_URI"):
        yield "unset FLUX_URI"
    for name, text in compat_paths.added(os.environ).items():
        yield f"export {name}={shlex.quote(text)}"
    yield f"export {_PYTHON}={shlex.quote(sys.executable)}"
    given = {name: getattr(arguments, option) for option, name in _OPTIONS.items()}
    given = {name: str(text) for name, text in given.items() if text is not None}
    for name, text in given.items():
        yield f"export {name}={shlex.quote(text)}"
    names = sorted({*os.environ.get(_NAMES, "").split(), *given})
    if names:
        yield f"export {_NAMES}={shlex.quote(' '.join(names))}"


def _undone() -> Iterator[str]:
    for name, text in compat_paths.removed(os.environ).items():
        if name in os.environ:
            yield f"export {name}={shlex.quote(text)}" if text else f"unset {name}"
    set_by_us = set(os.environ.get(_NAMES, "").split()) & set(_OPTIONS.values())
    for name in sorted({_PYTHON, _NAMES, *set_by_us} & os.environ.keys()):
        yield f"unset {name}"
