"""A receiver, an instance that outlives its service, and services that may send to loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from fluxapi.app import create_app
from fluxapi.http import keys
from fluxapi.instance.protocol import ChangeBatch, Resources
from fluxapi.model import jobid
from fluxapi.model.eventlog import JournalMessage, Resync
from fluxapi.model.jobid import JOBID_ANY
from fluxapi.settings import Settings
from fluxapi.webhooks.webhooks import Webhooks
from tests.blocking import blocking_watch
from tests.handlers.fake import FakeInstance, r_object
from tests.waiting import poll_until

from .receiver import Receiver, receiving

__all__ = ["Lasting", "Serve", "Site", "receiver", "serve", "until"]


async def until(holds: Callable[[], object]) -> None:
    """Return when *holds* does; what the tasks of the service do tells nobody."""

    async def condition() -> bool:
        return bool(holds())

    await poll_until(condition)


class Lasting(FakeInstance):
    """A fake whose backlog has all of its jobs, for a service that starts later."""

    def __init__(self) -> None:
        super().__init__()
        self.drained: dict[str, dict[str, Any]] = {}

    async def changes(self) -> AsyncIterator[ChangeBatch]:
        self._journal = asyncio.Queue()
        yield [Resync()]
        for job, events in list(self.eventlogs.items()):
            spec = json.loads(self.jobspecs[job])
            has_R = any(event.name == "alloc" for event in events)
            R = r_object("0", "0", "node0") if has_R else None
            yield [JournalMessage(job, list(events), spec, R)]
        yield [JournalMessage(JOBID_ANY, [])]
        while True:
            yield await self._journal.get()

    async def resources(self) -> Resources:
        return Resources(r_object(), None, None, self.drained, "0-1", "", "", "")


class Site:
    """A service in front of an instance, with what tests look into."""

    def __init__(self, client: TestClient[Any, Any], instance: Lasting) -> None:
        self.client = client
        self.instance = instance

    @property
    def webhooks(self) -> Webhooks:
        app = self.client.app
        assert app is not None
        found: Webhooks = app[keys.WEBHOOKS]
        return found

    async def ask(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        response = await self.client.request(method, f"/v1{path}", **options)
        assert response.status == status, await response.text()
        return await response.json()

    async def hook(self, receiver: Receiver, **fields: Any) -> dict[str, Any]:
        """Create a webhook to *receiver*."""
        body = {"url": receiver.url, **fields}
        made: dict[str, Any] = await self.ask("POST", "/webhooks", 201, json=body)
        return made

    async def shown(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.ask("GET", f"/webhooks/{name}")
        return found

    async def submit(self, **fields: Any) -> int:
        body = {"command": "true", **fields}
        return jobid.parse((await self.ask("POST", "/jobs", 201, json=body))["id"])

    async def stop(self) -> None:
        await self.client.close()


Serve = Callable[..., Awaitable[Site]]


@pytest.fixture
def serve(aiohttp_client: AiohttpClient) -> Iterator[Serve]:
    watch = blocking_watch()

    async def _serve(instance: Lasting | None = None, **settings: Any) -> Site:
        instance = instance or Lasting()
        watch.deactivate()
        allowed = {"webhook_allow": ("127.0.0.1",), "no_history": True, **settings}
        app = create_app(Settings(**allowed), instance, stop=lambda: None)
        watch.activate()
        return Site(await aiohttp_client(app), instance)

    yield _serve
    watch.deactivate()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made
