"""Heads of requests that take long to read, or never end, from anybody."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from fluxapi.errors import FluxapiError
from fluxapi.http import cookies
from fluxapi.http.head_limit import MAX_HEAD_BYTES, MAX_SEGMENTS
from fluxapi.http.unreadable import unreadable
from fluxapi.web.words import ENGLISH, chosen, load

from .wire import PATIENCE_S, connect, serving

ASK = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
LONG = 200_000
HEADER = b"X-A: " + b"a" * 8000 + b"\r\n"


async def test_a_head_has_an_end() -> None:
    async with serving() as port, connect(port) as wire:
        await wire.send(ASK + HEADER * (MAX_HEAD_BYTES // len(HEADER) + 2))
        answer = await wire.answer()
        assert answer is not None
        assert answer.status == 400
        assert "headers" in answer.problem["detail"]
        assert await wire.answer() is None


async def test_heads_below_the_limit_are_counted_one_by_one() -> None:
    async with serving() as port, connect(port) as wire:
        for _ in range(4):
            for piece in (ASK, *[HEADER] * 6, b"\r\n"):
                await wire.send(piece)
            answer = await wire.answer()
            assert answer is not None
            assert answer.status == 200


async def test_a_long_body_is_no_head() -> None:
    async with serving() as port, connect(port) as wire:
        size = 4 * MAX_HEAD_BYTES
        head = (
            b"POST /v1/jobs/bulk HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % size
        )
        await wire.send(head)
        for _ in range(16):
            await wire.send(b" " * (size // 16))
        answer = await wire.answer()
        assert answer is not None
        assert "headers" not in answer.problem["detail"]


UPGRADE = (
    b"GET /v1/events/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 99\r\nSec-WebSocket-Key: x\r\n\r\n"
)
CHUNKED = b"POST /v1/token HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("begin", "piece"),
    [(b"2\r\n{}\r\n0\r\n", HEADER), (b"2;", b"a" * 8000)],
    ids=["trailers", "extension of a chunk"],
)
async def test_trailers_and_chunk_extensions_have_an_end(begin: bytes, piece: bytes) -> None:
    async with serving() as port, connect(port) as wire:
        await wire.send(CHUNKED + begin)
        for _ in range(32 * MAX_HEAD_BYTES // len(piece)):
            await wire.send(piece)
        # There may be a refusal, but no answer to the request.
        answer = await wire.answer()
        assert answer is None or answer.status == 400


async def test_a_body_in_very_many_pieces_is_no_head() -> None:
    async with serving() as port, connect(port) as wire:
        await wire.send(CHUNKED)
        for _ in range(2 * MAX_HEAD_BYTES // 8000):
            await wire.send(b"3e8;" + b"a" * 3000 + b"\r\n" + b" " * 1000 + b"\r\n")
        await wire.send(b"0\r\nX-A: a\r\n\r\n")
        answer = await wire.answer()
        assert answer is not None
        assert answer.status == 415
        assert "headers" not in answer.problem["detail"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "sent",
    [
        ASK + b"X\x01: y\r\n",
        ASK + b"a: b\r\n" * 10_000,
        CHUNKED + b"zz\r\n",
        b"\0" * 99,
        UPGRADE + b"zz\r\n",
    ],
    ids=["header", "headers", "chunk", "line", "upgrade that is refused"],
)
async def test_an_unreadable_request_is_freed_at_once(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[weakref.ref[BaseException]] = []

    def noted(status: int, error: BaseException | None) -> FluxapiError:
        assert error is not None
        kept.append(weakref.ref(error))
        return unreadable(status, error)

    monkeypatch.setattr("fluxapi.http.server.unreadable", noted)
    gc.collect()
    gc.disable()
    try:
        async with serving() as port:
            async with connect(port) as wire:
                await wire.send(sent + b"z" * 50_000)
                answer = await wire.answer()
                assert answer is not None
                assert answer.status == 400
            for _ in range(9):
                await asyncio.sleep(0)
            assert {error() for error in kept} == {None}
    finally:
        gc.enable()


async def test_a_path_of_thousands_of_segments_is_not_looked_up() -> None:
    async with serving() as port, connect(port) as wire:
        await wire.send(ASK.replace(b"/health", b"/v1/jobs" + b"/a" * MAX_SEGMENTS) + b"\r\n")
        answer = await wire.answer()
        assert answer is not None
        assert answer.status == 400
        assert "segments" in answer.problem["detail"]


@pytest.mark.parametrize("header", ["a-" * LONG, "-" * LONG, f"en;q=0.5,{'x-' * LONG}"])
def test_a_language_without_end_is_no_language(header: str) -> None:
    # Work by the square of the length would take minutes.
    assert chosen(load(), header).tag == ENGLISH


def test_the_cookies_of_others_are_passed_over() -> None:
    app = web.Application()
    others = "a=b;" * LONG + ";" * (8 * LONG)
    name = cookies._name(make_mocked_request("GET", "/", app=app))
    request = make_mocked_request("GET", "/", {"Cookie": f"{others} {name}=1 ;x{name}=2"}, app=app)
    assert list(cookies._own(request)) == [(name, "1")]
    assert cookies.read(request) == ["1"]


@pytest.mark.parametrize(
    "first",
    [b"", b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"],
    ids=["first", "later"],
)
async def test_few_bytes_of_what_is_not_http_are_parsed(
    first: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    parse = web.RequestHandler.data_received

    def data_received(self: web.RequestHandler, data: bytes) -> None:
        sizes.append(len(data))
        parse(self, data)

    monkeypatch.setattr(web.RequestHandler, "data_received", data_received)
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(first + b"\xff" * 1_000_000)
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.transport.abort()
    assert sum(sizes) <= len(first) + (16 << 10)


async def test_requests_that_arrive_at_once_are_all_answered() -> None:
    request = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 1000 + b"\r\n\r\n"
    last = b"GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request * 400 + last)
        answers = await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.transport.abort()
    assert answers.count(b"HTTP/1.1 200 OK") == 400
    assert answers.count(b"HTTP/1.1 404") == 1
