"""The generators, installed once into this environment, and a service to try their clients on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.environments import install_once, make_environment
from tests.running import Service, service

HERE = Path(__file__).parent
PYPI = HERE / "requirements.txt"
NPM = (HERE / "package.json", HERE / "package-lock.json")

INSTALL_TIMEOUT_S = 500

PATH = f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
"""The folders of node: this environment has one if the machine has none."""


@pytest.fixture(scope="session")
def bin_folder() -> Path:
    """Return the programs of the environment that holds the generators from PyPI."""
    folder = install_once(
        "generators-pypi", [PYPI], lambda it: make_environment(it, "the generators", "-r", PYPI)
    )
    return folder / "bin"


@pytest.fixture(scope="session")
def node_folder() -> Path:
    """Return the folder whose ``node_modules`` holds the generators from npm."""
    if shutil.which("npm", path=PATH) is None:
        pytest.skip("there is no npm on PATH: generators from npm are not tried")
    return install_once("generators-npm", NPM, _install_from_npm)


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


def _install_from_npm(folder: Path) -> None:
    folder.mkdir()
    for file in NPM:
        shutil.copy(file, folder)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=folder,
        env=os.environ | {"PATH": PATH},
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        pytest.skip(f"the generators cannot be had from npm: {reason}")
