"""Hundreds of requests that have waited for the same value do not go on in the same pass.

Each of them takes milliseconds after that wait: a page is rendered, or an answer encoded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, make_mocked_request
from aiohttp_jinja2 import APP_KEY

from fluxapi.handlers import resources
from fluxapi.http import keys
from fluxapi.observability import metrics
from fluxapi.process.joined_call import JoinedCall
from fluxapi.process.shared_value import SharedValue
from fluxapi.web import docs
from fluxapi.web.slices import text_of
from tests.handlers.conftest import Service, Start, start

from .passes import Passes

__all__ = ["start"]

MANY = 50


class Gate:
    """A value for which all wait until it is opened."""

    def __init__(self) -> None:
        self.open, self.reached = asyncio.Event(), asyncio.Event()

    async def wait(self, *_: object) -> Any:
        self.reached.set()
        await self.open.wait()
        return {"nodes": []}


async def most_at_once(counted: Passes, gate: Gate, *many: Any) -> int:
    """Return how many went on in one pass once they may."""
    tasks = [asyncio.ensure_future(one) for one in many]
    # They have begun in the same pass, so all of them wait when one does.
    await gate.reached.wait()
    assert not counted.done
    gate.open.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 30)
    assert sum(counted.done.values()) == len(many)
    return counted.most


async def test_few_who_wait_for_a_shared_value_go_on_in_a_pass() -> None:
    counted, gate = Passes(), Gate()
    shared = SharedValue(gate.wait, 3600.0)

    async def wait() -> None:
        await shared.get()
        counted.note()

    assert await most_at_once(counted, gate, *(wait() for _ in range(MANY))) <= 16


async def test_one_page_begins_to_be_rendered_in_a_pass(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = _app_of(await start())
    counted, gate = Passes(), Gate()

    async def generate(_: object) -> AsyncIterator[str]:
        counted.note()
        yield ""

    template = SimpleNamespace(generate_async=generate)
    monkeypatch.setattr(app[APP_KEY], "get_template", lambda _: template)

    async def page() -> None:
        await gate.wait()
        await text_of(make_mocked_request("GET", "/", app=app), "page.html", {})

    assert await most_at_once(counted, gate, *(page() for _ in range(MANY))) == 1


async def test_one_search_of_the_documentation_begins_in_a_pass() -> None:
    counted, gate = Passes(), Gate()

    class Library:
        async def index(self, _: object) -> Any:
            await gate.wait()
            return self

        async def search(self, _: str) -> tuple[int, list[object]]:
            counted.note()
            return 0, []

    app = {docs.LIBRARY: Library()}
    request: Any = {keys.QUERY: {"q": "job"}}

    class Request(dict[Any, Any]):
        def __init__(self) -> None:
            super().__init__(request)
            self.app = app

    some: Any = Request()
    assert await most_at_once(counted, gate, *(docs._found(some) for _ in range(MANY))) == 1


@pytest.mark.parametrize("handler", [resources.nodes, resources.resources])
async def test_the_nodes_are_encoded_once_in_a_pass(
    handler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, gate = Passes(), Gate()

    def reply(_: object) -> web.Response:
        counted.note()
        return web.Response()

    monkeypatch.setattr(resources, "reply", reply)
    nodes = SimpleNamespace(read=JoinedCall(lambda: gate.wait(None)).get)
    request: Any = {keys.SESSION: SimpleNamespace(nodes=nodes)}
    assert await most_at_once(counted, gate, *(handler(request) for _ in range(MANY))) == 1


async def test_one_answer_of_metrics_is_made_in_a_pass(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = _app_of(await start())[keys.METRICS]
    counted, gate = Passes(), Gate()

    def generate(registry: object) -> bytes:
        if registry is found.registry:
            counted.note()
        return b""

    monkeypatch.setattr(metrics, "generate_latest", generate)
    monkeypatch.setattr(asyncio, "to_thread", lambda *_: _empty(gate))
    assert await most_at_once(counted, gate, *(found.render() for _ in range(MANY))) == 1


def _app_of(service: Service) -> web.Application:
    server = service.client.server
    assert isinstance(server, TestServer)
    return server.app


async def _empty(gate: Gate) -> bytes:
    await gate.wait()
    return b""
