"""The folder for the state of programs of this user, and whether it outlives this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .account import home

__all__ = ["in_container", "user_state_folder"]

_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
"""Files that Docker and Podman create in a container."""


def in_container(environ: Mapping[str, str], marks: Sequence[Path] = _MARKS) -> bool:
    """Return whether this process runs in a container, whose files go with it."""
    return "KUBERNETES_SERVICE_HOST" in environ or any(mark.exists() for mark in marks)


def user_state_folder(environ: Mapping[str, str], program: str) -> Path | None:
    """Return the folder of *program* below ``XDG_STATE_HOME`` or ``~/.local/state``.

    Returns ``None`` if there is no home directory.
    """
    given = environ.get("XDG_STATE_HOME", "")
    # The specification has relative paths ignored.
    if given.startswith("/"):
        return Path(given) / program
    known = home()
    return None if known is None else known / ".local" / "state" / program
