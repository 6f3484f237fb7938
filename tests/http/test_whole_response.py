"""A response that is written as a whole is the one that aiohttp would write."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from fluxapi.http import server, whole_response
from fluxapi.http.common_headers import COMMON_HEADERS, CommonHeaders
from fluxapi.settings import Settings
from tests.waiting import hang_up

Handler = Callable[[web.Request], Awaitable[web.Response]]


async def small(_: web.Request) -> web.Response:
    return web.Response(body=b"{}", content_type="application/json", headers={"X-Odd": "é"})


async def large(_: web.Request) -> web.Response:
    return web.Response(body=b"x" * 50_000, content_type="application/json", status=201)


async def long(_: web.Request) -> web.Response:
    return web.Response(body=b"x" * 200_000, content_type="application/json", status=207)


async def text(_: web.Request) -> web.Response:
    return web.Response(text="é")


async def empty(_: web.Request) -> web.Response:
    return web.Response(status=204)


async def with_cookie(_: web.Request) -> web.Response:
    response = web.Response(text="yes")
    response.set_cookie("a", "b")
    return response


async def closing(_: web.Request) -> web.Response:
    response = web.Response(text="yes")
    response.force_close()
    return response


async def compressed(_: web.Request) -> web.Response:
    response = web.Response(text="yes" * 100)
    response.enable_compression(web.ContentCoding.gzip)
    return response


HANDLERS = (small, large, long, text, empty, with_cookie, closing, compressed)


async def add_header(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "fluxapi"
    response.headers["Date"] = "Thu, 01 Jan 1970 00:00:00 GMT"


async def answer(handler: Handler, request: bytes, common: CommonHeaders | None = None) -> bytes:
    """Return all bytes that a server sends for two requests and the end."""
    app = web.Application()
    if common is None:
        app.on_response_prepare.append(add_header)
    else:
        app[COMMON_HEADERS] = common
        app.on_response_prepare.append(common.add)
    app.router.add_route("*", "/", handler)
    runner = server.Runner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        writer.write(request * 2 + b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        found = await asyncio.wait_for(reader.read(), 30)
        await hang_up(writer)
    finally:
        await runner.cleanup()
    return found


@pytest.mark.parametrize("handler", HANDLERS, ids=lambda handler: handler.__name__)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_the_bytes_are_those_of_aiohttp(
    handler: Handler, method: str, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = "Connection: keep-alive\r\n" if version == "1.0" else ""
    length = "Content-Length: 0\r\n" if method == "POST" else ""
    request = f"{method} / HTTP/{version}\r\nHost: a\r\n{keep}{length}\r\n".encode()
    found = await answer(handler, request)
    monkeypatch.setattr(server, "is_whole", lambda *_: False)
    monkeypatch.setattr(server, "long_body", lambda *_: None)
    assert found == await answer(handler, request)


async def own_server(_: web.Request) -> web.Response:
    return web.Response(text="yes", headers={"server": "other"})


async def page(_: web.Request) -> web.Response:
    return web.Response(text="<p>", content_type="text/html")


COMMON = {
    "all": CommonHeaders(Settings()),
    "framed": CommonHeaders(Settings(frame_ancestors=("https://portal.example",))),
}


def in_order(sent: bytes) -> list[list[bytes]]:
    """Return the heads and bodies of responses, with the lines of each head in order.

    The time of a response is left out.
    """
    parts = (part.split(b"\r\n") for part in sent.split(b"\r\n\r\n"))
    return [sorted(line for line in lines if not line.startswith(b"Date: ")) for lines in parts]


@pytest.mark.parametrize("handler", [*HANDLERS, own_server, page], ids=lambda it: it.__name__)
@pytest.mark.parametrize("kind", COMMON)
async def test_ready_headers_are_those_that_aiohttp_adds(
    handler: Handler, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    found = await answer(handler, request, COMMON[kind])
    monkeypatch.setattr(server, "is_whole", lambda *_: False)
    monkeypatch.setattr(server, "long_body", lambda *_: None)
    assert in_order(found) == in_order(await answer(handler, request, COMMON[kind]))


async def test_plain_json_is_written_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    send = whole_response.send_whole

    async def note(response: web.Response, *rest: Any) -> bool:
        sent.append(response.status)
        return await send(response, *rest)

    monkeypatch.setattr(server, "send_whole", note)
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    await answer(small, request)
    await answer(large, request)
    await answer(empty, request)
    assert sent == [200, 200, 201, 201]


async def test_a_large_body_is_not_copied() -> None:
    parts: list[bytes] = []

    class Transport:
        """A transport of another event loop than asyncio's."""

        def is_closing(self) -> bool:
            return False

        def write(self, data: bytes) -> None:
            raise AssertionError(data)

        def writelines(self, data: tuple[bytes, ...]) -> None:
            parts.extend(data)

    class Request:
        transport = Transport()

        def _finish(self) -> None: ...

        async def _prepare_hook(self, _: web.Response) -> None: ...

        class writer:  # noqa: N801 - an attribute of a request
            @staticmethod
            async def drain() -> None: ...

    response = await large(None)  # type: ignore[arg-type] # it ignores the request
    body = response.body
    assert await whole_response.send_whole(response, Request())  # type: ignore[arg-type]
    assert parts[0].startswith(b"HTTP/1.1 201 Created\r\n")
    assert parts[1] is body
    assert response.body is None
