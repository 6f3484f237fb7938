"""Virtual environments with programs from PyPI that the suite itself does not depend on."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

__all__ = ["install_once", "make_environment"]

INSTALL_TIMEOUT_S = 500

_ROOT = Path(__file__).parents[1]


def make_environment(folder: Path, noun: str, *packages: str | Path) -> Path:
    """Make an environment with *packages* in *folder*, and return its Python.

    It imports fluxapi and all that this environment holds, too, so that pip installs only what is
    missing here, or has another version. The test is skipped where they cannot be had.

    Args:
        folder: An empty folder, or one that does not exist.
        noun: The name of what is installed, for the reason of a skip.
        packages: Arguments of ``pip install``.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    lines = f"{_ROOT}\n{sysconfig.get_path('purelib')}\n"
    (site / "suite.pth").write_text(lines, encoding="utf-8")
    # With this environment's pip, which is quicker than to install another.
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install")
    done = subprocess.run(
        [*pip, "--quiet", "--no-input", "--no-compile", *packages],
        env=os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        pytest.skip(f"{noun} cannot be had from PyPI: {reason}")
    return python


def install_once(name: str, sources: Sequence[Path], install: Callable[[Path], object]) -> Path:
    """Return a folder of the environment of the suite that *install* has filled.

    It goes when that environment goes, and is filled again if one of *sources* has changed.
    """
    if sys.prefix == sys.base_prefix:
        pytest.skip(f"{name} is installed beside a virtual environment, and this is none")
    folder = Path(sys.prefix) / name
    pins = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    stamp = folder / ".pins"
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the other workers wait for the one that installs
        if not stamp.exists() or stamp.read_text() != pins:
            shutil.rmtree(folder, ignore_errors=True)
            install(folder)
            stamp.write_text(pins)
    return folder
