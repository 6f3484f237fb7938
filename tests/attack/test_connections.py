"""Connections without end: there is room for so many, and descriptors are left for jobs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import resource
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvloop
from aiohttp import web

from fluxapi.http import keys
from fluxapi.http.connection_limit import ConnectionLimit
from fluxapi.http.server import Runner
from fluxapi.process.memory import HeapTrimmer
from fluxapi.security.clients import peer_of
from tests.running import clean_environment, read_start
from tests.waiting import hang_up

from .wire import PATIENCE_S, connect, serving

pytestmark = pytest.mark.slow

HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
STREAM = b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n"


class Fake:
    """A connection, with or without a request, or with a response that nobody reads."""

    def __init__(self, *, is_idle: bool = False, unread_s: float | None = None) -> None:
        self.is_idle = is_idle
        self.unread_since = None if unread_s is None else time.monotonic() - unread_s
        self.is_closed = False

    def drop(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        (("192.0.2.7", 5), "192.0.2.7"),
        (("::ffff:192.0.2.7", 5, 0, 0), "192.0.2.7"),
        (("2001:db8::1:2:3:4", 5, 0, 0), "2001:db8::/64"),
        (("fe80::1%eth0", 5, 0, 2), "fe80::/64"),
        (("127.0.0.1", 5), None),
        (("127.9.9.9", 5), None),
        (("::1", 5, 0, 0), None),
        (("::ffff:127.0.0.1", 5, 0, 0), None),
        ("", None),
        (None, None),
    ],
)
def test_the_peer_of_a_connection(address: Any, peer: str | None) -> None:
    assert peer_of(address) == peer


def test_one_peer_takes_no_more_than_its_share(caplog: pytest.LogCaptureFixture) -> None:
    limit = ConnectionLimit(total=10, per_peer=2)
    first, second = Fake(), Fake()
    assert limit.admit(first, "a")
    assert limit.admit(second, "a")
    with caplog.at_level(logging.WARNING):
        assert not limit.admit(Fake(), "a")
        assert not limit.admit(Fake(), "a")
    assert len(caplog.records) == 1
    assert "--max-peer-connections" in caplog.text
    assert limit.admit(Fake(), "b")
    limit.leave(first)
    limit.leave(first)
    assert limit.admit(Fake(), "a")
    assert not second.is_closed


def test_the_oldest_idle_connection_of_the_peer_makes_room() -> None:
    limit = ConnectionLimit(total=10, per_peer=3)
    other, busy, old, young = (
        Fake(is_idle=True), Fake(), Fake(is_idle=True), Fake(is_idle=True)
    )  # fmt: skip
    assert limit.admit(other, "b")
    for connection in (busy, old, young):
        assert limit.admit(connection, "a")
    assert limit.admit(Fake(), "a")
    assert [c.is_closed for c in (other, busy, old, young)] == [False, False, True, False]
    assert len(limit) == 4


def test_a_response_that_nobody_reads_makes_room_after_idle_connections() -> None:
    limit = ConnectionLimit(total=4, per_peer=4)
    all_ = read, late, unread, idle = (
        Fake(unread_s=-9.0), Fake(unread_s=5.0), Fake(unread_s=20.0), Fake(is_idle=True)
    )  # fmt: skip
    for connection in all_:
        assert limit.admit(connection, None)
    closed = []
    while limit.admit(Fake(), None):
        closed += [it for it in all_ if it.is_closed and it not in closed]
    assert closed == [idle, unread, late]
    assert not read.is_closed


async def test_idle_connections_make_room_for_requests() -> None:
    async with contextlib.AsyncExitStack() as stack:
        limit = ConnectionLimit(total=3, per_peer=1)
        port = await stack.enter_async_context(serving(limit))
        idle = [await stack.enter_async_context(connect(port)) for _ in range(3)]
        for wire in idle:
            await wire.send(b"GET / HTTP/1.1\r\nX: ")
        for number in range(3):
            wire = await stack.enter_async_context(connect(port))
            await wire.send(HEALTH)
            answer = await wire.answer()
            assert answer is not None
            assert answer.status == 200
            assert await idle[number].ended()


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{",
        b"POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{",
        b"POST /nothing HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n",
    ],
    ids=["login", "refused", "unknown"],
)
async def test_bodies_that_never_end_make_room(request_: bytes) -> None:
    async with contextlib.AsyncExitStack() as stack:
        auth: dict[str, Any] = {"require_auth": True, "user": "alice", "token": "s3cret"}
        port = await stack.enter_async_context(serving(ConnectionLimit(2, 1), **auth))
        for _ in range(2):
            wire = await stack.enter_async_context(connect(port))
            await wire.send(request_)
        # As soon as the service has seen what came before, it lets go of it.
        for _ in range(2):
            wire = await stack.enter_async_context(connect(port))
            await wire.send(HEALTH)
            answer = await wire.answer()
            assert answer is not None
            assert answer.status == 200


def large_or_small() -> web.Application:
    """Return an application with a large response at ``/`` and a small one at ``/health``."""

    async def large(_request: web.Request) -> web.Response:
        return web.Response(body=b"x" * (64 << 20))

    async def small(_request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.add_routes([web.get("/", large), web.get("/health", small)])
    return app


async def test_answers_that_nobody_reads_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fluxapi.http.connection_limit._MIN_UNREAD_S", 0.0)
    app = large_or_small()
    app[keys.HEAP] = HeapTrimmer()
    limit = ConnectionLimit(total=2, per_peer=2)
    runner = Runner(app, limit=limit, access_log=None, handle_signals=False)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        for _ in range(2):
            wire = await stack.enter_async_context(connect(port))
            await wire.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert await wire.next_status() == 200
        status = 503
        while status == 503:
            async with connect(port) as wire:
                await wire.send(HEALTH)
                answer = await wire.answer()
                status = 503 if answer is None else answer.status
        assert status == 200


async def test_an_answer_that_nobody_reads_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    app = large_or_small()
    runner = Runner(app, stall=0.1, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    assert runner.server is not None
    lost, gone = runner.server.connection_lost, asyncio.Event()

    def connection_lost(*arguments: Any) -> None:
        lost(*arguments)
        gone.set()

    monkeypatch.setattr(runner.server, "connection_lost", connection_lost)
    reader, writer = await asyncio.open_connection(*runner.addresses[0])
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await gone.wait()
    with contextlib.suppress(ConnectionError):
        assert len(await reader.read()) < 64 << 20
    await hang_up(writer)
    await runner.cleanup()


async def test_a_connection_beyond_the_limit_gets_an_answer() -> None:
    async with contextlib.AsyncExitStack() as stack:
        limit = ConnectionLimit(total=2, per_peer=1)
        port = await stack.enter_async_context(serving(limit))
        for _ in range(2):
            wire = await stack.enter_async_context(connect(port))
            await wire.send(STREAM)
            assert await wire.next_status() == 200
        third = await stack.enter_async_context(connect(port))
        answer = await third.answer()
        assert answer is not None
        assert answer.status == 503
        assert answer.problem["type"] == "/docs/errors#unavailable"
        assert answer.headers["retry-after"]
        assert await third.ended()


@contextlib.contextmanager
def limited(soft: int, hard: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the service with a limit of open files, and yield its process and address."""
    command = shlex.join([sys.executable, "-m", "fluxapi", "serve", "--port", "0"])
    with subprocess.Popen(
        ["sh", "-c", f"ulimit -Sn {soft} && ulimit -Hn {hard} && exec {command}"],
        env=clean_environment(FLUXAPI_INSTANCE="embedded"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process, read_start(process.stdout)[1].rstrip("/")
        finally:
            process.terminate()


def ask(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - ours
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
        return json.loads(answer.read())


def run(url: str, *command: str) -> tuple[str, str]:
    """Run a job to its end; its result and what it wrote."""
    jobid = ask(f"{url}/v1/jobs", {"command": list(command)})["id"]
    job = ask(f"{url}/v1/jobs/{jobid}/wait")
    lines = ask(f"{url}/v1/jobs/{jobid}/output")["Output"]
    return job["result"], "".join(lines).strip()


def test_connections_leave_descriptors_for_jobs() -> None:
    with limited(128, 128) as (process, url), contextlib.ExitStack() as stack:
        place = urlsplit(url)
        for _ in range(300):
            sock = socket.create_connection((str(place.hostname), int(place.port or 0)))
            stack.enter_context(contextlib.closing(sock))
        assert ask(f"{url}/health") == {"status": "ok"}
        assert run(url, "echo", "here") == ("COMPLETED", "here")
        process.terminate()
        assert process.stderr is not None
        assert "this process may open 128 files" in process.stderr.read()


def test_the_limit_is_raised_to_what_streams_need() -> None:
    hard = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1] % (1 << 31), 8192)
    with limited(256, hard) as (process, _):
        soft, _ = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        assert soft == min(2000 + 512 + 512, hard)


def test_a_connection_above_the_limit_is_answered_on_the_loop_of_the_service() -> None:
    async def ask() -> int:
        async with serving(ConnectionLimit(0, 0)) as port, connect(port) as wire:
            return await wire.next_status()

    loop = uvloop.new_event_loop()
    try:
        assert loop.run_until_complete(ask()) == 503
    finally:
        loop.close()
