"""Requests that reach no handler: not HTTP, or not as the service accepts it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from fluxapi.app import create_app
from fluxapi.http import server
from fluxapi.http.server import Runner
from fluxapi.settings import Settings
from tests.handlers.fake import FakeInstance
from tests.waiting import hang_up


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = create_app(Settings(), FakeInstance(), stop=lambda: None)
    # It reads the rest of the body of a refused request for so long.
    runner = Runner(app, lingering_time=0.5, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def test_a_client_that_never_ends_a_head_is_disconnected() -> None:
    app = create_app(Settings(), FakeInstance(), stop=lambda: None)
    runner = Runner(app, idle=0.1, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    reader, writer = await asyncio.open_connection(*runner.addresses[0])
    writer.write(b"GET / HTTP/1.1\r\nX: ")
    assert await reader.read() == b""
    await hang_up(writer)
    await runner.cleanup()


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (b"POST /v1/jobs/bulk", "outcome-unknown"),
        (b"POST /v1/jobs", "outcome-unknown"),
        (b"GET /v1/nodes", "shutting-down"),
    ],
)
async def test_a_request_that_the_end_cuts_short_is_answered(
    monkeypatch: pytest.MonkeyPatch, request_: bytes, kind: str
) -> None:
    asked = asyncio.Event()

    async def never(*_: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    instance = FakeInstance()
    monkeypatch.setattr(instance, "submit", never)
    monkeypatch.setattr(instance, "resources", never)
    app = create_app(Settings(), instance, stop=lambda: None)
    runner = Runner(app, access_log=None, handle_signals=False, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    body = b'{"jobs":[{"command":"true"}]}' if b"bulk" in request_ else b'{"command":"true"}'
    head = b"%b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" % request_
    sent = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    asking = asyncio.ensure_future(answer(runner.addresses[0][1], sent))
    await asked.wait()
    await runner.cleanup()
    status, headers, text = await asking
    assert (status, json.loads(text)["type"]) == (503, f"/docs/errors#{kind}")
    assert headers["retry-after"]


async def answer(port: int, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the answer before the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    data = await reader.read()
    # The service has closed the connection and reads nothing more.
    await hang_up(writer)
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): text.strip() for name, _, text in (x.partition(":") for x in lines)}
    return int(status.split()[1]), headers, body


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /" + b"s3cret" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"S3CRET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01 s3cret\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\ns3cret header\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: s3cret\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/0.9\r\nHost: localhost\r\n\r\n",
        b"GET /health\r\n\r\n",
    ],
    ids=["long", "method", "tls", "header", "length", "9.9", "2.0", "0.9", "no version"],
)
async def test_an_unreadable_request_gets_a_problem_document(port: int, request_: bytes) -> None:
    status, headers, body = await answer(port, request_)
    assert status == 400
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["server"] == "fluxapi"
    problem = json.loads(body)
    assert problem["status"] == 400
    assert problem["type"] == "/docs/errors#bad-request"
    assert b"cret" not in body


async def test_a_broken_chunk_is_a_problem(port: int) -> None:
    request = (
        b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n"
    )
    status, headers, _ = await answer(port, request)
    assert status == 400
    assert headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "codings",
    ["gzip, chunked", "chunked, chunked", "xchunked", "chunked\r\nTransfer-Encoding: gzip"],
)
async def test_a_transfer_coding_besides_chunked_is_refused(port: int, codings: str) -> None:
    request = (
        "POST /v1/jobs/check HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f'Transfer-Encoding: {codings}\r\n\r\n15\r\n{{"command": ["true"]}}\r\n0\r\n\r\n'
    )
    status, _, _ = await answer(port, request.encode())
    assert status == 400


async def test_a_readable_request_is_answered_as_usual(port: int) -> None:
    request = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    status, _, body = await answer(port, request)
    assert (status, body) == (200, b'{"status":"ok"}')


async def test_a_broken_body_of_a_refused_request_is_no_error_of_the_service(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.split()[1] == b"415"
    writer.write(b"nonsense\r\n")
    await reader.read()
    await hang_up(writer)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_body_that_has_arrived_is_parsed_once(
    monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    parsed: list[bytes] = []
    receive = server._Protocol.data_received

    def received(self: server._Protocol, data: bytes) -> None:
        parsed.append(data)
        receive(self, data)

    monkeypatch.setattr(server._Protocol, "data_received", received)
    request = (
        b"POST /v1/jobs/check HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b'Connection: close\r\nContent-Length: 22\r\n\r\n{"command":["a", "b"]}'
    )
    await answer(port, request)
    assert (b"".join(parsed), b"" in parsed) == (request, False)
