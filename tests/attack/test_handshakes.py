"""Connections to a service with TLS that never complete a handshake."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from fluxapi.app import create_app
from fluxapi.http.connection_limit import ConnectionLimit
from fluxapi.http.listen import open_all
from fluxapi.http.server import Runner
from fluxapi.http.site import Site
from fluxapi.http.tls import Certificate, Renewal
from fluxapi.process.turn_queue import current_client
from fluxapi.settings import Address, Settings
from tests.certificates import make_certificate, needs_openssl
from tests.handlers.fake import FakeInstance
from tests.waiting import block_until

from .tls_client import exchange
from .wire import PATIENCE_S, Wire

pytestmark = needs_openssl

TOTAL = 3
GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
async def limit() -> ConnectionLimit:
    return ConnectionLimit(TOTAL, TOTAL)


@pytest.fixture
async def port(tmp_path: Path, limit: ConnectionLimit) -> AsyncIterator[int]:
    cert, key = make_certificate(tmp_path)
    settings = Settings(listen=(Address("127.0.0.1", 0),), tls_cert=cert, tls_key=key)
    app = create_app(settings, FakeInstance(), stop=lambda: None)
    runner = Runner(app, limit=limit, access_log=None, handle_signals=False)
    await runner.setup()
    (listener,) = open_all(settings, {})
    await Site(runner, listener.socket, Certificate(cert, key).context).start()
    yield listener.socket.getsockname()[1]
    await runner.cleanup()


async def connect(port: int, *, tls: bool) -> Wire:
    context = ssl._create_unverified_context() if tls else None  # noqa: S323 - a test's
    return Wire(*await asyncio.open_connection("127.0.0.1", port, ssl=context))


async def test_memory_of_connections_that_have_left_is_returned(
    port: int, limit: ConnectionLimit, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = asyncio.Event()
    monkeypatch.setattr(limit.on_leave.__self__, "_wait", looked.set)  # type: ignore[attr-defined]
    silent = await connect(port, tls=False)
    await silent.close()
    await asyncio.wait_for(looked.wait(), PATIENCE_S)


async def test_files_that_cannot_be_read_hold_up_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluxapi.http.tls._READ_TIMEOUT_S", 0.05)
    cert, key = make_certificate(tmp_path)
    certificate = Certificate(cert, key)
    renewal = Renewal(certificate)
    content = cert.read_bytes()
    cert.unlink()
    os.mkfifo(cert)
    threads = threading.active_count()
    for _ in range(50):
        renewal.request()
        await asyncio.sleep(0)
    assert threading.active_count() <= threads + 1
    await asyncio.to_thread(block_until, lambda: "were not read within" in caplog.text)
    pipes: list[int] = []

    def is_read() -> bool:
        with contextlib.suppress(OSError):  # Nobody reads it yet.
            pipes.append(os.open(cert, os.O_WRONLY | os.O_NONBLOCK))
        return bool(pipes)

    await asyncio.to_thread(block_until, is_read)
    cert.rename(tmp_path / "pipe")
    cert.write_bytes(content)
    os.write(pipes[0], content)  # The thread goes on and ends.
    os.close(pipes[0])
    await renewal.close()


async def test_connections_without_a_handshake_count_and_make_room(
    port: int, limit: ConnectionLimit
) -> None:
    silent = [await connect(port, tls=False) for _ in range(3 * TOTAL)]
    wire = await connect(port, tls=True)
    await wire.send(GET)
    answer = await wire.answer()
    assert answer is not None
    assert answer.status == 200
    assert len(limit) == TOTAL
    for one in silent[: 2 * TOTAL]:
        assert await one.ended()
    for one in (wire, *silent):
        await one.close()


class Turns:
    """The turns in which handshakes begin: none before :meth:`begin`."""

    def __init__(self) -> None:
        self.clients: list[str] = []
        self.given_up = 0
        self._begins = asyncio.Event()

    def __call__(self, _seconds: float) -> Turns:
        return self

    def begin(self) -> None:
        self._begins.set()

    async def share(self) -> None:
        self.clients.append(current_client())
        try:
            await self._begins.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise


@pytest.fixture
async def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    made = Turns()
    monkeypatch.setattr("fluxapi.http.handshake.TimeSlice", made)
    return made


async def until(is_so: Callable[[], bool]) -> None:
    async def wait() -> None:
        while not is_so():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)

    await asyncio.wait_for(wait(), PATIENCE_S)


async def test_connections_on_which_nothing_arrives_take_no_turn(
    port: int, limit: ConnectionLimit, turns: Turns
) -> None:
    turns.begin()
    silent = [await connect(port, tls=False) for _ in range(TOTAL)]
    await until(lambda: len(limit) == TOTAL)
    await silent[0].close()
    await until(lambda: len(limit) < TOTAL)
    wire = await connect(port, tls=True)
    assert len(turns.clients) == 1
    for one in (wire, *silent[1:]):
        await one.close()


async def test_a_connection_that_makes_room_waits_for_no_turn(port: int, turns: Turns) -> None:
    begun = []
    for count in range(1, 3 * TOTAL + 1):
        begun.append(await connect(port, tls=False))
        await begun[-1].send(b"\x16")
        await until(lambda count=count: len(turns.clients) == count)  # type: ignore[misc]
    await until(lambda: turns.given_up == 2 * TOTAL)
    for one in begun:
        await one.close()


async def test_each_address_has_its_own_turns(
    port: int, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluxapi.http.handshake.peer_of", lambda address: f"10.0.0.{address[1]}")
    begun = [await connect(port, tls=False) for _ in range(2)]
    for one in begun:
        await one.send(b"\x16")
    await until(lambda: len(turns.clients) == len(begun))
    assert len(set(turns.clients)) == len(begun)
    for one in begun:
        await one.close()


async def test_a_client_that_leaves_in_its_handshake_counts_no_more(
    port: int, limit: ConnectionLimit
) -> None:
    for sent in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"):
        one = await connect(port, tls=False)
        await one.send(sent)
        await one.close()

    async def empty() -> None:
        while len(limit):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)

    await asyncio.wait_for(empty(), PATIENCE_S)


async def test_a_request_that_comes_with_the_end_of_the_handshake_is_answered(port: int) -> None:
    await exchange(port, [GET])
