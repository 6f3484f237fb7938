"""The folders of ``fluxapi/compat/path``, and the variables that put them on the paths."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

__all__ = ["added", "leave", "real_flux", "removed"]

_FOLDER = Path(__file__).resolve().parents[1] / "compat" / "path"
_FOLDERS = {"PATH": _FOLDER / "bin", "PYTHONPATH": _FOLDER / "python"}


def added(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the paths with the folders in front."""
    without = removed(environ)
    return {
        name: os.pathsep.join(filter(None, [str(folder), without[name]]))
        for name, folder in _FOLDERS.items()
    }


def removed(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the paths without the folders, empty if nothing is left."""
    return {
        name: os.pathsep.join(
            entry
            for entry in environ.get(name, "").split(os.pathsep)
            if entry and Path(entry).resolve() != folder
        )
        for name, folder in _FOLDERS.items()
    }


def real_flux(environ: Mapping[str, str]) -> str | None:
    """Return the program of an installed Flux, if one is on PATH."""
    return shutil.which("flux", path=removed(environ)["PATH"])


def leave(environ: dict[str, str] | os._Environ[str], path: list[str]) -> None:
    """Take the folders off the variables of this process, and off ``sys.path``."""
    for name, text in removed(environ).items():
        if environ.get(name, text) != text:
            environ[name] = text
    path[:] = [entry for entry in path if Path(entry).resolve() not in _FOLDERS.values()]
