"""The generators, installed once into this environment, and a service to try their clients on."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.running import Service, service

HERE = Path(__file__).parent
HOME = Path(sys.prefix) / "generators"
"""The place of the generators: they go when the environment goes."""

INSTALL_TIMEOUT_S = 500

PATH = f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
"""The folders of node: this environment has one if the machine has none."""


@pytest.fixture(scope="session")
def bin_folder() -> Path:
    """Return the programs of the environment that holds the generators from PyPI."""
    return _installed("python", ("requirements.txt",)) / "bin"


@pytest.fixture(scope="session")
def node_folder() -> Path:
    """Return the folder whose ``node_modules`` holds the generators from npm."""
    if shutil.which("npm", path=PATH) is None:
        pytest.skip("there is no npm on PATH: generators from npm are not tried")
    return _installed("node", ("package.json", "package-lock.json"))


@pytest.fixture(scope="package")
def running() -> Iterator[Service]:
    with service("--instance=embedded") as started:
        yield started


@pytest.fixture
def document(running: Service, tmp_path: Path) -> Path:
    """Return the OpenAPI document as the service serves it."""
    path = tmp_path / "openapi.json"
    path.write_bytes(running.read("/openapi.json"))
    return path


@functools.cache
def _installed(name: str, files: Sequence[str]) -> Path:
    """Return the folder of what *files* pin, after installing it if they have changed."""
    folder = HOME / name
    pins = hashlib.sha256(b"".join((HERE / file).read_bytes() for file in files)).hexdigest()
    stamp = folder / ".pins"
    if sys.prefix == sys.base_prefix:
        pytest.skip("generators are installed beside a virtual environment, and this is none")
    HOME.mkdir(exist_ok=True)
    with (HOME / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the other workers wait for the one that installs
        if not stamp.exists() or stamp.read_text() != pins:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            _install(folder, files)
            stamp.write_text(pins)
    return folder


def _install(folder: Path, files: Sequence[str]) -> None:
    for file in files:
        shutil.copy(HERE / file, folder)
    if "package.json" in files:
        _run(folder, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        return
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = (sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"))
    _run(folder, *pip, "install", "--quiet", "--no-input", "--no-compile", "-r", "requirements.txt")


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": PATH, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        pytest.skip(f"the generators cannot be installed: {reason}")
