"""The environment, with its secrets out of sight of every other process.

A process's first environment stays readable in /proc for as long as it runs, whatever is taken out
of ``os.environ`` later, and a job may read that of its parent. So a service that finds secrets in
its environment starts itself anew, in the same process, with them in a file that has no name.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys

from fluxapi.process import stop_signals

__all__ = ["NAMES", "hide_memory", "scrub_environment"]

NAMES = ("FLUX_TOKEN", "FLUX_SECRET_KEY")
_DESCRIPTOR = "FLUXAPI_SECRETS_FD"
_PR_SET_DUMPABLE = 4


def scrub_environment() -> dict[str, str]:
    """The environment with its secrets, which are in ``os.environ`` no more.

    Does not return where it has to start the program anew.
    """
    found = {name: os.environ.pop(name) for name in NAMES if name in os.environ}
    if found and hasattr(os, "memfd_create"):
        _start_anew(found)
    return {**os.environ, **_received(), **found}


def _start_anew(found: dict[str, str]) -> None:
    descriptor = os.memfd_create("secrets", 0)
    os.write(descriptor, json.dumps(found).encode())
    os.set_inheritable(descriptor, True)
    os.environ[_DESCRIPTOR] = str(descriptor)
    # One that comes meanwhile would end the new program before it can say how.
    stop_signals.hold()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - itself


def _received() -> dict[str, str]:
    text = os.environ.pop(_DESCRIPTOR, None)
    if text is None:
        return {}
    with os.fdopen(int(text), "rb") as file:
        file.seek(0)
        values: dict[str, str] = json.loads(file.read())
    return values


def hide_memory() -> bool:
    """Keep other processes of this user from reading this one, and tell whether that succeeded.

    Its memory, environment and open files in ``/proc`` are then root's, no debugger attaches, and
    there are no core dumps. A program that this process starts is not affected.
    """
    if not sys.platform.startswith("linux"):
        return False
    return bool(ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
