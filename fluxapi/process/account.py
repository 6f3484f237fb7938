"""The account of this process, which may have no passwd entry.

A container that runs as any number (OpenShift, ``docker run --user``) has none, and so has everyone
while the directory service is away. Flux runs there, and so does this.
"""

from __future__ import annotations

import getpass
import os
import pwd
from pathlib import Path

__all__ = ["environment", "expand", "home", "user_name"]

_SHELL = "/bin/sh"


def user_name() -> str:
    """Return the name of the user (LOGNAME, USER, else the passwd entry), or the number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid())


def home() -> Path | None:
    """Return the home directory (HOME, else the passwd entry), if there is one."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def expand(text: str) -> Path:
    """Return a path in which ``~`` is expanded; raises ``ValueError`` if that cannot be done."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(
            "takes a path without ~ here, since no home directory is known (HOME is not set)"
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
