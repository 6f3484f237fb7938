"""The user account of this process, which may have no passwd entry.

A container that runs with an arbitrary user ID (OpenShift, ``docker run --user``) has no entry, and
no user has one while the directory service is unavailable. Flux runs in such places, and so does
fluxapi.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

__all__ = ["environment", "expand", "home", "user_name"]

_SHELL = "/bin/sh"


def user_name() -> str:
    """Return the user name (LOGNAME, USER, or the passwd entry), or the user ID."""
    import getpass  # noqa: PLC0415 - loads termios, and few callers need a name

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid())


def home() -> Path | None:
    """Return the home directory (HOME, or the passwd entry), if there is one."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def expand(text: str) -> Path:
    """Expand ``~`` in a path; raise ``ValueError`` if no home directory is known."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(
            "must be a path without ~, since no home directory is known (HOME is not set)"
        ) from None


def environment() -> dict[str, str]:
    """Return HOME, USER, LOGNAME and SHELL of the user that this process runs as."""
    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        name = str(os.getuid())
        found = os.environ.get("HOME") or "/"
        return {"HOME": found, "USER": name, "LOGNAME": name, "SHELL": _SHELL}
    return {
        "HOME": entry.pw_dir,
        "USER": entry.pw_name,
        "LOGNAME": entry.pw_name,
        "SHELL": entry.pw_shell or _SHELL,
    }
