"""Requests to a server that a test scripts: tries, redirects, silence."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from fluxapi.client import (
    AsyncClient,
    BadAnswer,
    ClientError,
    ConnectionFailed,
    TooManyRequests,
    Unavailable,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Fake = Callable[..., Awaitable[AsyncClient]]


@pytest.fixture
def fake(aiohttp_server: AiohttpServer, enter: AsyncExitStack) -> Fake:
    """Return a client of a server that answers all requests by one function."""

    async def _fake(handler: Handler, **options: object) -> AsyncClient:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        server = await aiohttp_server(app)
        client = AsyncClient(str(server.make_url("")), **options)  # type: ignore[arg-type] # any
        return await enter.enter_async_context(client)

    return _fake


async def test_retry_after_is_honored(fake: Fake, pauses: list[float]) -> None:
    left = [
        web.json_response({"detail": "later"}, status=503, headers={"Retry-After": "7"}),
        web.Response(text="<h1>Bad gateway</h1>", status=502),
        web.Response(status=429, headers={"Retry-After": "3"}),
        web.json_response({"nodes": ["a"]}),
    ]

    async def handler(_: web.Request) -> web.StreamResponse:
        return left.pop(0)

    flux = await fake(handler)
    assert await flux.nodes() == ["a"]
    first, second, third = pauses
    assert 7 <= first < 8
    assert second < 1
    assert 3 <= third < 4


@pytest.mark.parametrize(
    ("status", "error"), [(503, Unavailable), (429, TooManyRequests), (500, ClientError)]
)
async def test_a_permanent_error_is_raised(
    fake: Fake, pauses: list[float], status: int, error: type[ClientError]
) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response({"detail": "Not today."}, status=status)

    flux = await fake(handler, retries=1)
    with pytest.raises(error, match="Not today"):
        await flux.nodes()
    assert len(pauses) == (0 if status == 500 else 1)


async def test_an_error_tells_when_to_try_again(fake: Fake) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": "3"})

    flux = await fake(handler, retries=0)
    with pytest.raises(TooManyRequests) as refused:
        await flux.nodes()
    assert refused.value.retry_after == 3
    assert pickle.loads(pickle.dumps(refused.value)).retry_after == 3  # noqa: S301 - our own


async def test_another_server_is_recognized(fake: Fake) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<h1>It works!</h1>", content_type="text/html")

    flux = await fake(handler)
    with pytest.raises(BadAnswer, match="not that of a fluxapi service"):
        await flux.nodes()


async def test_not_ready_is_no_error(fake: Fake, pauses: list[float]) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response({"detail": "Reading."}, status=503)

    assert await (await fake(handler)).ready() is False
    assert pauses == []


async def test_silence_is_an_error(fake: Fake) -> None:
    never = asyncio.Event()

    async def handler(_: web.Request) -> web.StreamResponse:
        await never.wait()
        return web.Response()

    flux = await fake(handler, timeout=0.05, retries=0)
    with pytest.raises(ConnectionFailed, match="timed out"):
        await flux.nodes()
    never.set()


async def test_redirects_within_the_origin_are_followed(fake: Fake) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/v1/nodes":
            raise web.HTTPFound("/elsewhere")
        return web.json_response({"nodes": [request.headers["Authorization"][:5]]})

    assert await (await fake(handler, user="me", token="secret")).nodes() == ["Basic"]


async def test_redirects_in_a_circle_end(fake: Fake) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(request.path)

    with pytest.raises(ConnectionFailed, match="redirects to"):
        await (await fake(handler)).nodes()


async def test_other_origins_get_nothing(fake: Fake, aiohttp_server: AiohttpServer) -> None:
    seen: list[web.Request] = []

    async def thief(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        return web.json_response({"nodes": []})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", thief)
    other = str((await aiohttp_server(app)).make_url("/v1/nodes"))

    async def handler(_: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(other)

    flux = await fake(handler, user="me", token="secret")
    with pytest.raises(ConnectionFailed, match="which would receive your credentials"):
        await flux.nodes()
    with pytest.raises(ConnectionFailed, match="which would receive your credentials"):
        await flux.submit("true")
    assert seen == []


async def test_the_beginning_of_an_answer_is_no_reason(fake: Fake) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(b"HTTP/1.1 200 OK\r\nX-Secret: s3cret\r\n")
        request.transport.close()
        return web.Response()

    flux = await fake(handler, retries=0)
    with pytest.raises(ConnectionFailed) as interrupted:
        await flux.nodes()
    assert "s3cret" not in str(interrupted.value)
