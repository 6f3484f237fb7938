"""The first step of the ``fluxapi`` command, before anything that takes time is imported."""

from __future__ import annotations

import gc
import os
import sys

from fluxapi.process import stop_signals

from .command_name import named_command
from .standard_streams import open_closed

TYPE_CHECKING = False  # see fluxapi.process.stop_signals
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_GARBAGE_THRESHOLD = 50_000
"""Objects between two garbage collections; imports make many, and hardly any garbage."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status, see :mod:`fluxapi.cli.exit_codes`."""
    if arguments is None:
        open_closed()
        gc.set_threshold(_GARBAGE_THRESHOLD)
    given = sys.argv[1:] if arguments is None else list(arguments)
    is_service = named_command(given) == "serve"
    if is_service:
        stop_signals.install()
    from .program import run  # noqa: PLC0415 - signal handlers come first

    status = run(given)
    if is_service and arguments is None:
        _exit_at_once(status)
    return status


def _exit_at_once(status: int) -> None:
    """End the process without freeing its memory, which takes seconds for 100,000s of jobs.

    Nothing could limit this time: no other thread runs during the end of the interpreter.
    """
    import contextlib  # noqa: PLC0415 - the service has imported it
    import logging  # noqa: PLC0415 - as above

    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)
