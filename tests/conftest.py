"""Fixtures that several packages of tests share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.running import flux_instance


@pytest.fixture(scope="session")
def flux_uri() -> Iterator[str]:
    """A real Flux of four brokers without named queues, one for the whole run."""
    if shutil.which("flux") is None:
        pytest.skip("there is no flux on PATH: not run on a real Flux")
    with flux_instance(4) as uri:
        yield uri
