"""Bytes on a socket, and the answers that come back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from fluxapi.app import create_app
from fluxapi.http.connection_limit import ConnectionLimit
from fluxapi.http.server import Runner
from fluxapi.settings import Settings
from tests.handlers.fake import FakeInstance

__all__ = ["PATIENCE_S", "Answer", "Wire", "connect", "serving"]

PATIENCE_S = 30.0
"""How long a test waits for what has to come."""


@dataclass
class Answer:
    """One answer, its header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The problem document; fails where the answer is none."""
        assert self.headers["content-type"] == "application/problem+json", self
        document: dict[str, Any] = json.loads(self.body)
        assert document["status"] == self.status
        return document


class Wire:
    """One connection to the service."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)
        with suppress(ConnectionError):
            await self._writer.drain()

    async def answer(self, *, is_head: bool = False) -> Answer | None:
        """Return the next answer, or ``None`` where the service closed the connection.

        Args:
            is_head: True for the answer to a HEAD, which has no body.
        """
        try:
            return await asyncio.wait_for(self._answer(is_head=is_head), PATIENCE_S)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def _answer(self, *, is_head: bool) -> Answer:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        status = int(first.split()[1])
        if status < 200:  # 100 Continue comes before the answer
            return await self._answer(is_head=is_head)
        length = 0 if is_head else int(headers.get("content-length", "0"))
        return Answer(status, headers, await self._reader.readexactly(length))

    async def next_status(self) -> int:
        """Return the status of the next head, that of ``100 Continue`` included."""
        head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        return int(head.split()[1])

    async def ended(self) -> bool:
        """Wait until the service closes the connection; whether it sent nothing more."""
        try:
            return await asyncio.wait_for(self._reader.read(), PATIENCE_S) == b""
        except ConnectionError:
            return True

    async def close(self) -> None:
        """Close the connection; drop what the service does not read."""
        if self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


@asynccontextmanager
async def connect(port: int) -> AsyncIterator[Wire]:
    """Connect to the service while the context lasts."""
    wire = Wire(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield wire
    finally:
        await wire.close()


@asynccontextmanager
async def serving(
    limit: ConnectionLimit | None = None, instance: FakeInstance | None = None, **settings: Any
) -> AsyncIterator[int]:
    """Run the service on a free port while the context lasts, and yield the port."""
    app = create_app(Settings(**settings), instance or FakeInstance(), stop=lambda: None)
    runner = Runner(app, limit=limit, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
