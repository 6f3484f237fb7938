"""Services that tests of the channel share, on a real Flux and on the embedded instance."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.running import Service, flux_instance, needs_flux, service

from .site import Site
from .wires import WIRES

EMBEDDED = "--instance=embedded"


@pytest.fixture(scope="package")
def channel_uri() -> Iterator[str]:
    """A Flux of four brokers whose jobs these tests may purge."""
    with flux_instance(4) as uri:
        yield uri


@pytest.fixture(scope="package")
def on_flux(channel_uri: str) -> Iterator[Service]:
    with service(FLUX_URI=channel_uri) as running:
        yield running


@pytest.fixture(scope="package")
def embedded() -> Iterator[Service]:
    with service(EMBEDDED) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None, connect=30)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, read_bufsize=1 << 20
    ) as session:
        yield session


@pytest.fixture
def flux_site(on_flux: Service, channel_uri: str, session: aiohttp.ClientSession) -> Site:
    return Site(on_flux, session, channel_uri)


@pytest.fixture
def embedded_site(embedded: Service, session: aiohttp.ClientSession) -> Site:
    return Site(embedded, session, None)


@pytest.fixture(params=[pytest.param("flux_site", marks=needs_flux), "embedded_site"])
def site(request: pytest.FixtureRequest) -> Site:
    """The same test on both instances."""
    found: Site = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> str:
    return str(request.param)
