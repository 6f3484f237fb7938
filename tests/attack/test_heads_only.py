"""Responses to HEAD have no body, whose text the client would take for the next response."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from fluxapi.app import create_app
from fluxapi.http.server import Runner
from fluxapi.model import jobid
from fluxapi.settings import Settings
from tests.handlers.fake import FakeInstance

from .wire import connect

FORGED = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
async def job() -> AsyncIterator[tuple[int, str]]:
    """Run a service with one job, whose long output looks like responses; its port and the job."""
    instance = FakeInstance()
    app = create_app(Settings(), instance, stop=lambda: None)
    runner = Runner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        body = b'{"command":"true"}'
        head = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        async with connect(port) as wire:
            await wire.send(b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body))
            answer = await wire.answer()
        assert answer is not None
        name = json.loads(answer.body)["id"]
        instance.write(jobid.parse(name), {"stream": "stdout", "data": FORGED * 4000})
        yield port, name
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("output", "text/plain"),
        ("output", "application/json"),
        ("output", "application/x-ndjson"),
        ("output", "application/octet-stream"),
        ("output/lines", "*/*"),
        ("output/search?q=HTTP", "*/*"),
    ],
)
async def test_the_output_of_a_job_does_not_follow_a_head(
    job: tuple[int, str], path: str, kind: str
) -> None:
    port, name = job
    wanted = f"HEAD /v1/jobs/{name}/{path} HTTP/1.1"
    head = f"{wanted}\r\nHost: localhost\r\nAccept: {kind}\r\nConnection: close\r\n\r\n"
    async with connect(port) as wire:
        await wire.send(head.encode())
        answer = await wire.answer(is_head=True)
        assert answer is not None
        assert answer.status == 200
        assert await wire.ended()


async def test_a_head_opens_no_socket(job: tuple[int, str]) -> None:
    port, _ = job
    head = (
        "HEAD /v1/events/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    async with connect(port) as wire:
        await wire.send(head.encode())
        answer = await wire.answer(is_head=True)
        assert answer is not None
        assert answer.status == 405
