"""Sites of the channel, on a real Flux and on the embedded instance."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.running import Service, needs_flux

from .site import Site
from .wires import WIRES

EMBEDDED = "--instance=embedded"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None, connect=30)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, read_bufsize=1 << 20
    ) as session:
        yield session


@pytest.fixture
def flux_site(on_flux: Service, flux_uri: str, session: aiohttp.ClientSession) -> Site:
    return Site(on_flux, session, flux_uri)


@pytest.fixture
def embedded_site(on_embedded: Service, session: aiohttp.ClientSession) -> Site:
    return Site(on_embedded, session, None)


@pytest.fixture(params=[pytest.param("flux_site", marks=needs_flux), "embedded_site"])
def site(request: pytest.FixtureRequest) -> Site:
    """Return the site of a test that runs on both instances."""
    found: Site = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> str:
    return str(request.param)
