"""Finds Flux's own Python bindings, which are rarely on ``sys.path``.

A system Flux has them in its own folder (``flux config builtin python_path``), compiled for the
Python that it was built with; ``pip install flux-python`` installs them in an environment. An error
says in one sentence what is missing and how to fix it.
"""

from __future__ import annotations

import importlib
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from fluxapi.errors import SettingsError

__all__ = ["load"]

_TIMEOUT_S = 20
_NEEDED = {"cffi": "cffi", "_cffi_backend": "cffi", "yaml": "PyYAML", "ply": "ply"}
"""Modules that the bindings import, and the packages that contain them."""

_VERSION_OF_FLUX_PYTHON = "import platform, sys; print(platform.python_version(), sys.executable)"


def load() -> ModuleType:
    """Import the module ``flux``; add the folder of the installed Flux to ``sys.path`` if needed.

    The function blocks: it imports modules and may run ``flux``.

    Raises:
        SettingsError: The bindings are not usable; the message says what to do.
    """
    program = shutil.which("flux")
    try:
        if (module := _import()) is not None:
            return module
    except ImportError as error:
        _forget()
        raise SettingsError(_unusable(program, str(error))) from None
    if program is None:
        raise SettingsError(
            "Flux's Python bindings are not installed and there is no flux on PATH: put the "
            "installed Flux on PATH, pip install flux-python, or serve with --instance embedded."
        )
    folders = _folders(program)
    for folder in folders:
        if (folder / "flux").is_dir():
            return _load_from(folder, program)
    where = f" (looked in {', '.join(map(str, folders))})" if folders else ""
    raise SettingsError(
        f"The Flux at {program} has no Python bindings{where}: "
        f"pip install {_package(program)} ply pyyaml."
    )


def _load_from(folder: Path, program: str) -> ModuleType:
    if not _is_for_this_python(folder, program) and (problem := _trial(folder)):
        for name in _NEEDED:
            if f"No module named {name!r}" in problem:
                raise _missing(name)
        raise SettingsError(_mismatch(folder, program, problem))
    # Last, so that other modules in that folder do not shadow those of the service.
    sys.path.append(str(folder))
    try:
        module = _import()
        if module is not None:
            return module
        raise ModuleNotFoundError("No module named 'flux'", name="flux")
    except ImportError as error:
        sys.path.remove(str(folder))
        _forget()
        raise SettingsError(_mismatch(folder, program, str(error))) from None


def _is_for_this_python(folder: Path, program: str) -> bool:
    """Return whether the bindings were compiled for this minor version of Python."""
    here = _minor(platform.python_version())
    if named := re.search(r"python(\d+\.\d+)", str(folder)):
        return named[1] == here
    return _minor(_ask(program, "python", "-c", _VERSION_OF_FLUX_PYTHON)) == here


def _trial(folder: Path) -> str:
    """Import the bindings in another process, which may crash, and return the error.

    Bindings with the stable ABI can be imported into another Python than they were compiled for.
    """
    statement = f"import sys; sys.path.append({str(folder)!r}); import _flux._core"
    try:
        subprocess.run(  # noqa: S603 - this very Python
            [sys.executable, "-c", statement],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
        )
    except subprocess.CalledProcessError as error:
        lines: list[str] = error.stderr.strip().splitlines()
        return lines[-1] if lines else f"exit status {error.returncode}"
    except subprocess.TimeoutExpired:
        return f"no end within {_TIMEOUT_S} seconds"
    return ""


def _import() -> ModuleType | None:
    """Import ``flux`` if it is on ``sys.path``; raise ``SettingsError`` if it is not usable."""
    try:
        module = importlib.import_module("flux")
    except ModuleNotFoundError as error:
        _forget()
        if error.name == "flux":
            return None
        raise _missing(error.name) from None
    try:
        importlib.import_module("_flux._core")
    except ModuleNotFoundError as error:
        _forget()
        if error.name == "_flux":
            raise SettingsError(
                f"The Python package flux in {module.__path__[0]} is not Flux's: take it out of "
                "this environment, then pip install flux-python ply pyyaml."
            ) from None
        raise _missing(error.name) from None
    return module


def _missing(name: str | None) -> Exception:
    """Return the error for a missing module that the bindings import."""
    if name not in _NEEDED:
        return ModuleNotFoundError(f"No module named {name!r}", name=name)
    return SettingsError(
        f"Flux's Python bindings need {_NEEDED[name]}: pip install 'fluxapi[flux]'."
    )


def _forget() -> None:
    """Remove the modules of a failed import, so that the next attempt searches again."""
    # Other threads may import meanwhile.
    for name in [name for name in list(sys.modules) if name.partition(".")[0] in {"flux", "_flux"}]:
        del sys.modules[name]
    importlib.invalidate_caches()


def _folders(program: str) -> list[Path]:
    """Return the folders of the bindings that the installed Flux reports, in old and new ways."""
    answers = [_ask(program, "config", "builtin", "python_path")]
    if not any(answers):
        environment = _ask(program, "env")
        answers = [
            line.removeprefix("export ").removeprefix("PYTHONPATH=").strip("'\"")
            for line in environment.splitlines()
            if line.removeprefix("export ").startswith("PYTHONPATH=")
        ]
    folders = [part for answer in answers for part in answer.split(os.pathsep) if part]
    return list(dict.fromkeys(map(Path, folders)))


def _unusable(program: str | None, problem: str) -> str:
    """Return why the bindings of this environment cannot be imported, and how to fix it."""
    known = f"Flux's Python bindings in this environment do not import ({problem})"
    if program is None:
        return (
            f"{known} and there is no flux on PATH: install the Flux that they belong to, or serve "
            "with --instance embedded."
        )
    return (
        f"{known}. They and the Flux at {program} must be of the same release: "
        f"pip install {_package(program)} ply pyyaml."
    )


def _mismatch(folder: Path, program: str, problem: str) -> str:
    """Return why the bindings in *folder* cannot be imported, and how to fix it."""
    told = _ask(program, "python", "-c", _VERSION_OF_FLUX_PYTHON).split(None, 1)
    here = platform.python_version()
    package = f"pip install {_package(program)} ply pyyaml"
    if len(told) == 2 and _minor(told[0]) != _minor(here):  # noqa: PLR2004 - version, executable
        return (
            f"The Flux bindings in {folder} are for Python {_minor(told[0])} and this is Python "
            f"{_minor(here)}: run fluxapi with {told[1].strip()}, or {package}."
        )
    return f"The Flux bindings in {folder} do not import ({problem}): {package}."


def _minor(version: str) -> str:
    return ".".join(version.partition(" ")[0].split(".")[:2])


def _package(program: str) -> str:
    """Return the requirement for the bindings of the installed version."""
    for line in _ask(program, "version").splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "libflux-core:":
            return f"flux-python=={words[1].partition('-')[0]}"
    return "flux-python"


def _ask(program: str, *arguments: str) -> str:
    """Return the output of ``flux ARGUMENTS``, or an empty text if it fails."""
    try:
        answer = subprocess.run(  # noqa: S603 - the flux that PATH names
            [program, *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return answer.stdout.strip()
