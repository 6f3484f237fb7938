"""Lines of an output that is too long for one request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from fluxapi.client import AsyncClient, ClientError

Item = dict[str, Any]
Script = Callable[[Sequence[Sequence[Item]]], Awaitable[tuple[AsyncClient, list[dict[str, str]]]]]


@pytest.fixture
def script(aiohttp_server: AiohttpServer, enter: AsyncExitStack) -> Script:
    """Return a client of a service that gives these answers, the last one again and again.

    The list beside it gets the queries.
    """

    async def make(answers: Sequence[Sequence[Item]]) -> tuple[AsyncClient, list[dict[str, str]]]:
        asked: list[dict[str, str]] = []

        async def answer(request: web.Request) -> web.Response:
            items = answers[min(len(asked), len(answers) - 1)]
            asked.append(dict(request.query))
            assert len(asked) < 20, "the client asks without an end"
            return web.Response(
                body=b"".join(msgspec.json.encode(item) + b"\n" for item in items),
                content_type="application/x-ndjson",
            )

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        server = await aiohttp_server(app)
        flux = await enter.enter_async_context(AsyncClient(str(server.make_url(""))))
        return flux, asked

    return make


def line(number: int, kind: str = "line") -> Item:
    return {
        "type": kind, "line": number, "text": "a", "stream": "stdout", "rank": "0",
        "timestamp": 1.0, "index": number, "source": 1,
    }  # fmt: skip


def end(number: int, reason: str = "limit", source: int = 1) -> Item:
    return {"type": "end", "reason": reason, "source": source, "line": number}


async def test_a_search_that_comes_no_further_fails(script: Script) -> None:
    flux, asked = await script([[line(7, "match"), end(50)], [end(50)]])
    matches = aiter(flux.search_output("f1", "a"))
    assert (await anext(matches)).line == 7
    with pytest.raises(ClientError, match="beyond line 50 of output file 1"):
        await anext(matches)
    assert len(asked) == 4


async def test_a_search_goes_on_while_it_comes_further(script: Script) -> None:
    stops = [[end(50)], [end(50)], [end(60, source=0)], [end(70)], [end(70)], [end(70)]]
    flux, asked = await script([*stops, [end(80, "end")]])
    assert [match async for match in flux.search_output("f1", "a")] == []
    # An answer that ends early finds no line for the second time.
    assert [int(query.get("after", 0)) for query in asked] == [0, 50, 50, 50, 70, 70, 70]


async def test_lines_after_a_limit_are_asked_for(script: Script) -> None:
    flux, asked = await script([[line(5), end(5)], [line(6), line(7), end(7, "count")]])
    lines = [it.line async for it in flux.output_lines("f1", first=5, count=3, source=1)]
    assert lines == [5, 6, 7]
    assert [(query["first"], query["count"]) for query in asked] == [("5", "3"), ("6", "2")]


async def test_lines_that_are_not_reached_are_not_left_out_silently(script: Script) -> None:
    flux, _ = await script([[end(50)]])
    with pytest.raises(ClientError, match="beyond line 50"):
        await anext(aiter(flux.output_lines("f1", first=60, source=1)))


async def test_lines_before_another_may_be_fewer(script: Script) -> None:
    flux, asked = await script([[line(3), end(3)]])
    assert [it.line async for it in flux.output_lines("f1", before=9, source=1)] == [3]
    assert len(asked) == 1
