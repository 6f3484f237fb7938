"""The command ``flux`` of fluxapi, in front of the embedded instance and of a real Flux."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluxapi.cli import terminal
from fluxapi.compat.command.program import main
from tests.cli.program import Program
from tests.running import Service

FOLDER = Path(__file__).parents[2] / "fluxapi" / "compat" / "path"


@pytest.fixture(autouse=True)
def _name_of_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "_program", ["fluxapi"])


@pytest.fixture
def flux(on_embedded: Service, tmp_path: Path) -> Program:
    """Return the command in front of the embedded instance."""
    return Program(on_embedded.url, tmp_path, module="fluxapi.compat", main=main)


@pytest.fixture
def flux_on_flux(on_flux: Service, tmp_path: Path) -> Program:
    """Return the command in front of a real Flux."""
    return Program(on_flux.url, tmp_path, module="fluxapi.compat", main=main)
