"""Requests of some milliseconds each, of which hundreds arrive at once: others do not wait for all.

A viewer can send them: pages, metrics, messages of MCP.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from aiohttp import HttpVersion11, web
from aiohttp.test_utils import TestServer, make_mocked_request

from fluxapi.errors import ValidationFailed
from fluxapi.events.channel.subscriptions import Subscriptions
from fluxapi.events.transport.connections import Connections
from fluxapi.handlers import events, mcp, submit
from fluxapi.handlers.routes import ROUTES
from fluxapi.http import keys
from fluxapi.http.endpoints import _validated
from fluxapi.mcp import tools
from fluxapi.process.timeslice import TimeSlice
from fluxapi.web import docs
from fluxapi.web.reference import channel, groups
from fluxapi.web.slices import text_of
from tests.handlers.conftest import Start, start

from .passes import Passes

__all__ = ["start"]

MANY = 50
COSTLY = [
    route
    for route in ROUTES
    if route.name
    in {
        "callTools",
        "checkJob",
        "checkScript",
        "getMetrics",
        "getInfo",
        "getReference",
        "getJobPage",
    }
]


@pytest.mark.parametrize("route", COSTLY, ids=lambda route: route.name)
async def test_one_of_them_begins_in_a_pass(route: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = 0
    begun: list[int] = []

    async def count() -> None:
        nonlocal passes
        while True:
            passes += 1
            await asyncio.sleep(0)

    async def handler(_: web.Request) -> web.Response:
        begun.append(passes)
        return web.Response()

    monkeypatch.setattr("fluxapi.http.endpoints._with_body", lambda made: made.handler)
    monkeypatch.setattr("fluxapi.http.endpoints._without_body", lambda made: made.handler)
    route = replace(route, handler=handler)
    counting = asyncio.create_task(count())
    behind: Any = _validated(route)
    await asyncio.gather(*(behind(None) for _ in range(MANY)))
    counting.cancel()
    assert len(begun) == MANY
    assert len(set(begun)) == MANY


@pytest.mark.slow
async def test_the_reference_is_rendered_once(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await start()
    rendered: list[str] = []

    async def render(request: web.Request, name: str, context: Any) -> str:
        rendered.append(name)
        return await text_of(request, name, context)

    monkeypatch.setattr(docs, "text_of", render)
    answers = await asyncio.gather(*(service.client.get("/docs/reference") for _ in range(MANY)))
    assert {answer.status for answer in answers} == {200}
    below = await service.client.get("/v1/docs/reference")
    texts = [await answer.text() for answer in (answers[0], below)]
    assert texts[0] != texts[1]  # They have other links.
    assert rendered == ["reference_text.html"] * 2


async def test_a_long_page_is_rendered_in_slices(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await start()
    server = service.client.server
    assert isinstance(server, TestServer)
    shared = 0

    async def share(_self: TimeSlice) -> None:
        nonlocal shared
        shared += 1

    monkeypatch.setattr(TimeSlice, "share", share)
    contract, events = server.app[keys.OPENAPI], server.app[keys.ASYNCAPI]
    context = {"groups": groups(contract), "channel": channel(events), "url": str}
    request = make_mocked_request("GET", "/docs/reference", app=server.app)
    text = await text_of(request, "reference_text.html", context)
    assert 'id="submitJob"' in text
    assert shared > 50


def test_arguments_of_tools_are_not_checked_word_by_word(monkeypatch: pytest.MonkeyPatch) -> None:
    # jsonschema takes 4 µs for each word.
    from fluxapi.mcp.server import _check, _schemas  # noqa: PLC0415 - the SDK is large

    tool = next(tool for tool in tools.TOOLS if tool.name == "submit_job")
    monkeypatch.setattr(_schemas()[tool.name], "_judge", None)
    _check(tool, {"command": ["true"] * 100_000})


async def test_one_script_of_many_is_read_in_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Passes()

    async def read(*_: object) -> None:
        counted.note()
        raise ValidationFailed([])

    monkeypatch.setattr(submit, "read_script", read)
    fields = {"script": "#!/bin/sh"}
    session: Any = None
    made = [submit.submit_fields(session, fields, None) for _ in range(MANY)]
    found = await asyncio.gather(*made, return_exceptions=True)
    assert {type(error) for error in found} == {ValidationFailed}
    assert counted.most == 1


async def test_a_message_of_mcp_goes_on_at_once(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_module(mcp._HTTP)
    service = await start()

    async def leave(*_: object) -> None:
        raise AssertionError("It leaves its turn.")

    monkeypatch.setattr("fluxapi.handlers.mcp.asyncio.to_thread", leave)
    answer = await service.client.post(
        "/v1/mcp",
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
        headers={"Accept": "application/json"},
    )
    assert answer.status == 200


async def test_messages_of_mcp_wait_until_the_sdk_is_loaded(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await start()
    # Another thread imports the module, so it is listed, but is not complete.
    monkeypatch.setitem(sys.modules, mcp._HTTP, ModuleType(mcp._HTTP))
    whole: Any = ModuleType(mcp._HTTP)

    async def answer(*_: object) -> Any:
        return type("Answer", (), {"status": 202})

    async def load(*_: object) -> Any:
        whole.answer = answer
        return whole

    monkeypatch.setattr("fluxapi.handlers.mcp.asyncio.to_thread", load)
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    found = await service.client.post("/v1/mcp", json=message)
    assert found.status == 202


class Request(dict[Any, Any]):
    """A request for a stream with many subscriptions."""

    version = HttpVersion11
    remote = "192.0.2.1"

    def __init__(self) -> None:
        owner = SimpleNamespace(may=lambda _: False, grants=(), client="", user="")
        super().__init__(
            {keys.BASE: "", keys.PRINCIPAL: owner, keys.SESSION: SimpleNamespace(outputs=None)}
        )
        self.app = {keys.CONNECTIONS: CONNECTIONS}


CONNECTIONS = Connections(MANY)


async def test_few_subscriptions_of_many_streams_begin_in_a_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = Passes()
    monkeypatch.setattr(Subscriptions, "begin", counted.note)
    none: Any = None
    stops = []
    for _ in range(MANY):
        request: Any = Request()
        many = events._Many(request, none, [{}] * 10)
        stops.append(many.begin(none, none, none))
    for _ in range(MANY):
        await asyncio.sleep(0)
    assert sum(counted.done.values()) == MANY * 10
    assert counted.most <= 16
    for stop in stops:
        stop()


async def test_a_stream_whose_subscriptions_fail_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Subscriptions, "begin", None)
    ended = asyncio.get_running_loop().create_future()
    none: Any = None
    end: Any = ended.set_result
    request: Any = Request()
    stop = events._Many(request, none, [{}]).begin(none, none, end)
    assert await asyncio.wait_for(ended, 30) == "failed"
    stop()
