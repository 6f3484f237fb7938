"""Hides the secrets in the environment from other processes.

The initial environment of a process stays readable in /proc while it runs, even if ``os.environ``
changes, and a job may read that of its parent. So a service with secrets in its environment
executes itself again in the same process, with the secrets in an anonymous file.
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
    """Return the environment with its secrets, and remove them from ``os.environ``.

    The function does not return if it has to execute the program again.
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
    # A signal in between would kill the new program before its handlers are installed.
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
    """Protect this process from other processes of the user, and return whether that succeeded.

    Only root can then read its memory, environment and open files in ``/proc``, no debugger can
    attach, and no core is dumped. Child programs are not affected.
    """
    if not sys.platform.startswith("linux"):
        return False
    return bool(ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
