"""Clients that ask for figures of the history and leave before their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from fluxapi.archive.figures import FiguresQuery
from fluxapi.handlers import history, sending
from fluxapi.process.client_turns import ClientTurns

from .wire import PATIENCE_S, serving

LEFT = 5


def request_of(by: str) -> bytes:
    path = f"/v1/history/figures?instance=all&by={by}"
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


async def test_figures_that_nobody_waits_for_are_not_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[str | None] = []
    turns: list[ClientTurns] = []
    waiting, left = asyncio.Semaphore(0), asyncio.Semaphore(0)
    archive_of = history.archive_of

    def compute(_: Any, query: FiguresQuery) -> dict[str, Any]:
        computed.append(query.by)
        return {}

    async def held(request: web.Request, work: Awaitable[Any]) -> Any:
        waiting.release()
        try:
            return await sending.while_connected(request, work)
        except ConnectionResetError:
            left.release()
            raise

    def noted(request: web.Request) -> Any:
        turns.append(archive_of(request).figures_turn)
        return archive_of(request)

    async def ask(port: int, by: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_of(by))
        return reader, writer

    monkeypatch.setattr(history, "read_figures", compute)
    monkeypatch.setattr(history, "while_connected", held)
    monkeypatch.setattr(history, "archive_of", noted)
    monkeypatch.setattr(sending, "_CHECK_INTERVAL_S", 0.01)
    async with serving(statedir=tmp_path) as port:
        reader, writer = await ask(port, "user")
        await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()
        await waiting.acquire()
        async with turns[0].held():
            writers = [(await ask(port, "name"))[1] for _ in range(LEFT)]
            for _ in writers:
                await asyncio.wait_for(waiting.acquire(), PATIENCE_S)
            for writer in writers:
                writer.transport.abort()
            for _ in writers:
                await asyncio.wait_for(left.acquire(), PATIENCE_S)
        reader, writer = await ask(port, "queue")
        answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200")
    assert computed == ["user", "queue"]
