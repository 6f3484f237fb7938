"""Every test here runs on both instances: what it says is the protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fluxapi.instance.broker import BrokerInstance
from fluxapi.instance.embedded import EmbeddedInstance
from fluxapi.instance.protocol import Instance
from fluxapi.instance.release import Release
from tests.contract.polling import PollingInstance
from tests.contract.site import Site
from tests.running import needs_flux


def make(kind: str, request: pytest.FixtureRequest) -> Instance:
    if kind == "flux":
        return BrokerInstance(request.getfixturevalue("flux_uri"))
    if kind == "polling":
        return PollingInstance(request.getfixturevalue("flux_uri"))
    return EmbeddedInstance(cores=8)


@pytest.fixture(params=[pytest.param("flux", marks=needs_flux), "embedded"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def site(kind: str, request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    site = Site(make(kind, request))
    try:
        await site.begin()
        if kind == "polling":
            site.needs(Release(0, 87, 0), "the times of pending states in job-list")
        yield site
    finally:
        await site.end()
