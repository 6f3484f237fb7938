"""Idle streams: each keeps little in memory, so that ten thousand fit into a small service."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from aiohttp import web
from aiohttp.http_parser import HttpRequestParser

from .test_socket_floods import HANDSHAKE
from .wire import PATIENCE_S, serving

STREAM = b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
SUBSCRIBE = b'{"type":"subscribe","sub":"e","stream":"events"}'
SUBSCRIPTION = bytes([0x81, 0x80 | len(SUBSCRIBE)]) + bytes(4) + SUBSCRIBE
SOCKET = HANDSHAKE + SUBSCRIPTION


async def follow(port: int, hello: bytes) -> asyncio.StreamWriter:
    """Open a stream, and return once it is live."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(hello)
    await asyncio.wait_for(reader.readuntil(b"bookmark"), PATIENCE_S)
    return writer


def found(kind: type[Any]) -> list[Any]:
    gc.collect()
    return [item for item in gc.get_objects() if isinstance(item, kind)]


@pytest.mark.slow
@pytest.mark.parametrize("hello", [STREAM, SOCKET], ids=["events", "socket"])
async def test_an_idle_stream_keeps_no_headers_of_its_response(hello: bytes) -> None:
    async with serving() as port:
        writer = await follow(port, hello)
        responses = [it for it in found(web.StreamResponse) if it.prepared]
        assert [dict(response.headers) for response in responses] == [{}]
        writer.transport.abort()


@pytest.mark.slow
async def test_an_idle_socket_keeps_no_parser_of_requests() -> None:
    async with serving() as port:
        before = len(found(HttpRequestParser))
        writer = await follow(port, SOCKET)
        assert len(found(HttpRequestParser)) == before
        writer.transport.abort()


async def test_an_idle_stream_has_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bool] = []
    keep_alive = web.RequestHandler.keep_alive

    def noted(protocol: web.RequestHandler, val: bool) -> None:
        kept.append(val)
        keep_alive(protocol, val)

    monkeypatch.setattr(web.RequestHandler, "keep_alive", noted)
    async with serving() as port:
        writer = await follow(port, STREAM)
        assert kept == [False]
        writer.transport.abort()
