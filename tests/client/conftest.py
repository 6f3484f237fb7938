"""Services for the client to talk to: in this process, and as a user runs them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpServer

from fluxapi.app import create_app
from fluxapi.client import AsyncClient
from fluxapi.settings import Settings
from tests.handlers.fake import FakeInstance
from tests.running import Service, needs_flux

from .proxy import Proxy

START_OF_NAMES = ("FLUX_USER", "FLUX_TOKEN", "FLUXAPI_", "XDG_CONFIG_HOME")


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the folder of an empty configuration, and clear the environment."""
    for name in [name for name in os.environ if name.startswith(START_OF_NAMES)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "fluxapi"


@pytest.fixture
def instance() -> FakeInstance:
    return FakeInstance()


Serve = Callable[..., Awaitable[str]]


@pytest.fixture
def serve(aiohttp_server: AiohttpServer) -> Serve:
    """Begin a service in front of an instance; its address."""

    async def _serve(instance: FakeInstance, **settings: Any) -> str:
        app = create_app(Settings(**settings), instance, stop=lambda: None)
        server = await aiohttp_server(app)
        return str(server.make_url("")).rstrip("/")

    return _serve


@pytest.fixture
async def url(serve: Serve, instance: FakeInstance) -> str:
    """Run a service in this process without authentication."""
    return await serve(instance)


@pytest.fixture
async def flux(url: str) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(url) as client:
        yield client


@pytest.fixture
async def proxy(url: str) -> AsyncIterator[Proxy]:
    """Run a proxy to the service that can cut connections."""
    async with Proxy(url) as between:
        yield between


@pytest.fixture
async def cut_flux(proxy: Proxy) -> AsyncIterator[AsyncClient]:
    """Return a client behind the proxy."""
    async with AsyncClient(proxy.url) as client:
        yield client


@pytest.fixture
async def enter() -> AsyncIterator[AsyncExitStack]:
    """Return a stack that is closed at the end of the test."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture(params=[pytest.param("on_flux", marks=needs_flux), "on_embedded"])
def running(request: pytest.FixtureRequest) -> Service:
    """Run a service as a user does, on both instances."""
    found: Service = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a list of the pauses before each retry; no real time passes."""
    waited: list[float] = []

    async def _pause(seconds: float) -> None:
        waited.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr("fluxapi.client.backoff.pause", _pause)
    return waited
