"""The command, in front of a real Flux and of the embedded instance."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running import Service

from .program import Program


@pytest.fixture
def run(on_embedded: Service, tmp_path: Path) -> Program:
    """Return the command in front of the embedded instance."""
    return Program(on_embedded.url, tmp_path)


@pytest.fixture
def run_on_flux(on_flux: Service, tmp_path: Path) -> Program:
    """Return the command in front of a real Flux."""
    return Program(on_flux.url, tmp_path)
