"""Sockets whose clients send very many frames: they end, and nothing of them stays in memory."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from aiohttp import web

from fluxapi.events.channel import websocket
from fluxapi.events.transport.message_limit import MessageLimit

from .wire import PATIENCE_S, serving

HANDSHAKE = (
    b"GET /v1/events/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: flux-events.v1\r\n\r\n"
)
TEXT, PING, PONG = 1, 9, 10
POLICY_VIOLATION = b"\x03\xf0"
TOO_MANY = b"The client sends too many messages."


def frame(kind: int, data: bytes = b"") -> bytes:
    return bytes([0x80 | kind, 0x80 | len(data)]) + bytes(4) + data


async def upgrade(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HANDSHAKE)
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def test_messages_are_counted_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    limit = MessageLimit(2, 1.0)
    assert [limit.take() for _ in range(3)] == [True, True, False]
    now = 9.0
    assert [limit.take() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("kind", [TEXT, PING, PONG])
async def test_a_flood_of_frames_ends_its_socket(
    kind: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "_MESSAGES", (20, 0.0))
    async with serving() as port:
        reader, writer = await upgrade(port)
        writer.write(frame(kind) * 2000)
        try:
            await asyncio.wait_for(reader.readuntil(POLICY_VIOLATION + TOO_MANY), PATIENCE_S)
        finally:
            writer.transport.abort()


PROTOCOL_ERROR = b"\x88\x02\x03\xea"


@pytest.mark.parametrize("before", [b"", frame(PING) + frame(TEXT, b"{}")], ids=["first", "later"])
async def test_a_frame_without_a_mask_ends_its_socket(before: bytes) -> None:
    async with serving() as port:
        reader, writer = await upgrade(port)
        writer.write(before + b"\x89\x02hi")
        try:
            await asyncio.wait_for(reader.readuntil(PROTOCOL_ERROR), PATIENCE_S)
        finally:
            writer.transport.abort()


async def test_a_message_without_an_end_ends_its_socket() -> None:
    async with serving() as port:
        reader, writer = await upgrade(port)
        begin, part = bytes([TEXT, 0x80]) + bytes(4), bytes([0, 0x80]) + bytes(4)
        writer.write(begin + part * 50_000)
        try:
            await asyncio.wait_for(reader.readuntil(PROTOCOL_ERROR), PATIENCE_S)
        finally:
            writer.transport.abort()


@pytest.mark.parametrize("sent", [b"", frame(PONG) * 30_000], ids=["quiet", "flood"])
async def test_a_socket_is_freed_when_it_ends(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    freed = asyncio.Event()

    class Response(web.WebSocketResponse):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)

        def __del__(self) -> None:
            freed.set()

    async with serving() as port:
        gc.disable()
        try:
            with monkeypatch.context() as patched:
                patched.setattr(web, "WebSocketResponse", Response)
                _, writer = await upgrade(port)
            writer.write(sent)
            writer.close()
            await asyncio.wait_for(freed.wait(), PATIENCE_S)
        finally:
            gc.enable()
