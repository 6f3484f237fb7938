"""Heads of requests that take long to read, or never end, from anybody."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from fluxapi.http import cookies
from fluxapi.http.head_limit import MAX_HEAD_BYTES, MAX_SEGMENTS
from fluxapi.web.words import ENGLISH, chosen, load

from .wire import connect, serving

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
