"""A service in front of a directed instance, and a client that talks to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from fluxapi.app import create_app
from fluxapi.settings import Settings
from tests.blocking import blocking_watch

from .fake import FakeInstance
from .tree_site import Site, tree_site


@dataclass
class Service:
    """The client, the instance behind the service, and whether it was told to stop."""

    client: TestClient[Any, Any]
    instance: FakeInstance
    stopped: asyncio.Event

    async def submit(self, **fields: Any) -> str:
        default = {} if "script" in fields else {"command": "true"}
        response = await self.client.post("/v1/jobs", json={**default, **fields})
        assert response.status == 201, await response.text()
        jobid: str = (await response.json())["id"]
        return jobid


Start = Callable[..., Awaitable[Service]]


@pytest.fixture
def start(aiohttp_client: AiohttpClient) -> Iterator[Start]:
    watch = blocking_watch()

    async def _start(**settings: Any) -> Service:
        instance, stopped = FakeInstance(), asyncio.Event()
        # Files are read while the application is made; from then on a call of ours that blocks
        # the event loop raises.
        watch.deactivate()
        app = create_app(Settings(**settings), instance, stop=stopped.set)
        watch.activate()
        return Service(await aiohttp_client(app), instance, stopped)

    yield _start
    watch.deactivate()


@pytest.fixture
async def service(start: Start) -> Service:
    return await start()


@pytest.fixture
async def site(aiohttp_client: AiohttpClient) -> Site:
    """Return a service in front of a tree of instances."""
    return await tree_site(aiohttp_client)
