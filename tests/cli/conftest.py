"""One service for all tests of the command line, on a real Flux and on the embedded instance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Service, flux_instance, service

from .program import Program

EMBEDDED = "--instance=embedded"


@pytest.fixture(scope="package")
def cli_uri() -> Iterator[str]:
    """A Flux of four brokers whose jobs these tests may cancel."""
    with flux_instance(4) as uri:
        yield uri


@pytest.fixture(scope="package")
def on_flux(cli_uri: str) -> Iterator[Service]:
    with service(FLUX_URI=cli_uri) as running:
        yield running


@pytest.fixture(scope="package")
def on_embedded() -> Iterator[Service]:
    with service(EMBEDDED) as running:
        yield running


@pytest.fixture
def run(on_embedded: Service, tmp_path: Path) -> Program:
    """The command in front of the embedded instance."""
    return Program(on_embedded.url, tmp_path)


@pytest.fixture
def run_on_flux(on_flux: Service, tmp_path: Path) -> Program:
    """The command in front of a real Flux."""
    return Program(on_flux.url, tmp_path)
