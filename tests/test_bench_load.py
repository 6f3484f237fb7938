"""The load generator of the measures: it finds the end of each response."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bench import load

BODY = b"x" * 100_000


async def whole(_request: web.Request) -> web.Response:
    return web.Response(body=BODY)


async def chunked(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    for start in range(0, len(BODY), 30_000):
        await response.write(BODY[start : start + 30_000])
    await response.write_eof()
    return response


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = web.Application()
    app.add_routes([web.get("/whole", whole), web.get("/chunked", chunked)])
    async with TestServer(app) as server:
        yield server.port or 0


@pytest.mark.parametrize("path", ["/whole", "/chunked"])
async def test_each_response_is_taken_to_its_end(port: int, path: str) -> None:
    done = await load.run(port, itertools.repeat(load.get(path), 20), 2)
    assert done.statuses == {200: 20}
    assert len(done.latencies) == 20
    assert done.rate > 0


async def test_a_run_with_a_bad_response_has_no_rate(port: int) -> None:
    requests = iter([load.get("/whole"), load.get("/missing")])
    done = await load.run(port, requests, 1)
    assert done.statuses == {200: 1, 404: 1}
    assert done.rate == 0
