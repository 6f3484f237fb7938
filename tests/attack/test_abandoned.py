"""Clients that leave in the middle of a long answer: nothing of it stays in memory."""

from __future__ import annotations

import asyncio
import gc
import weakref
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from aiohttp import web

from fluxapi.handlers import sending
from fluxapi.http.server import Runner

from .wire import PATIENCE_S


class Response:
    async def write(self, _: bytes) -> NoReturn:
        raise ConnectionResetError("The client has left.")


async def fail(_: Response) -> bytes:
    raise ConnectionResetError("The client has left.")


@pytest.mark.parametrize("way", ["write", "read"])
async def test_sent_data_is_freed_at_once(way: str) -> None:
    request: Any = SimpleNamespace(transport=None)
    response: Any = Response()
    kept = weakref.ref(response)
    gc.disable()
    try:
        with pytest.raises(ConnectionResetError):  # noqa: PT012 - the object must not outlive it
            if way == "write":
                await sending._write(request, response, b"x")
            else:
                await sending.while_connected(request, fail(response))
        del response
        assert kept() is None
    finally:
        gc.enable()


async def test_the_rest_of_an_answer_is_freed_when_its_client_leaves() -> None:
    freed = asyncio.Event()

    class Whole(web.Response):
        def __del__(self) -> None:
            freed.set()

    async def answer(_: web.Request) -> web.StreamResponse:
        return Whole(body=bytes(32 << 20))

    app = web.Application()
    app.router.add_get("/", answer)
    runner = Runner(app, access_log=None, handle_signals=False)
    await runner.setup()
    gc.disable()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        assert not freed.is_set()
        writer.transport.abort()
        await asyncio.wait_for(freed.wait(), PATIENCE_S)
    finally:
        gc.enable()
        await runner.cleanup()
