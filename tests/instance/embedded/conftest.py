from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from fluxapi.instance.embedded import EmbeddedInstance

from .harness import Site

Starter = Callable[..., Awaitable[Site]]


@pytest.fixture
async def start() -> AsyncIterator[Starter]:
    """Return a function that starts instances, by default with four cores, to be closed."""
    sites: list[Site] = []

    async def starter(**options: Any) -> Site:
        instance = EmbeddedInstance(**{"cores": 4, "kill_timeout": 0.5, **options})
        await instance.start()
        site = Site(instance)
        sites.append(site)
        await site.journal.live.wait()
        return site

    yield starter
    for site in sites:
        await site.close()


@pytest.fixture
async def site(start: Starter) -> Site:
    return await start()
