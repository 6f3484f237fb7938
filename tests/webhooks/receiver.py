"""A receiver of webhooks that a test directs."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from fluxapi.webhooks.signature import read_secret

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Message:
    """One request that has arrived."""

    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    def verify(self, secret: str) -> bool:
        """Check the signature as Standard Webhooks tells receivers to."""
        timestamp = self.headers["webhook-timestamp"]
        assert abs(time.time() - int(timestamp)) < 300
        content = f"{self.id}.{timestamp}.".encode() + self.body
        expected = base64.b64encode(
            hmac.new(read_secret(secret), content, "sha256").digest()
        ).decode()
        given = self.headers["webhook-signature"].split(" ")
        return any(hmac.compare_digest(f"v1,{expected}", one) for one in given)


@dataclass
class Receiver:
    """A server that keeps what it gets; *answer* decides what it says."""

    port: int = 0
    messages: list[Message] = field(default_factory=list)
    answer: Answer | None = None
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.messages.append(Message(headers, body, time.time()))
        self._arrived.set()
        if self.answer is not None:
            return await self.answer(request)
        return web.Response(status=204)

    async def wait(self, count: int, timeout: float = 20) -> list[Message]:
        """Return once *count* messages have arrived."""
        return await self.until(lambda messages: len(messages) >= count, timeout)

    async def until(
        self, holds: Callable[[list[Message]], bool], timeout: float = 20
    ) -> list[Message]:
        """Return the messages once *holds* does of them."""

        async def run() -> None:
            while not holds(self.messages):
                self._arrived.clear()
                await self._arrived.wait()

        await asyncio.wait_for(run(), timeout)
        return self.messages


@asynccontextmanager
async def receiving(port: int = 0) -> AsyncIterator[Receiver]:
    """Run a receiver on a free port of loopback, or on *port*."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        await runner.cleanup()
