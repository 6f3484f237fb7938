"""Records of TLS that take much more time than their bytes, such as updates of the keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from fluxapi.app import create_app
from fluxapi.http import server
from fluxapi.http.listen import open_all
from fluxapi.http.server import Runner
from fluxapi.http.site import Site
from fluxapi.http.tls import Certificate
from fluxapi.http.tls_records import in_turns
from fluxapi.settings import Address, Settings
from tests.certificates import make_certificate, needs_openssl
from tests.handlers.fake import FakeInstance

from .tls_client import exchange
from .wire import PATIENCE_S

PADDING = 5_000
GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * PADDING + b"\r\n\r\n"
SMALL = b"\x17\x03\x03\x00\x11" + b"s" * 17
LONG = b"\x17\x03\x03\x40\x11" + b"l" * 16401
MOST = 32
"""Records that are decrypted in one turn."""


class Tls:
    """The protocol of an event loop that makes TLS of a connection, as far as it is used."""

    def __init__(self) -> None:
        self._buffer = bytearray(256 * 1024)
        self.given: list[bytes] = []
        self.when_given: Callable[[], None] = lambda: None

    def get_buffer(self, _size: int) -> memoryview:
        return memoryview(self._buffer)

    def buffer_updated(self, size: int) -> None:
        self.given.append(bytes(self._buffer[:size]))
        self.when_given()

    def connection_made(self, _transport: asyncio.BaseTransport) -> None: ...
    def connection_lost(self, _exc: BaseException | None) -> None: ...


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self._reads = True

    def is_reading(self) -> bool:
        return self._reads

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self._reads = False

    def resume_reading(self) -> None:
        self._reads = True


@pytest.fixture
def tls() -> Tls:
    return Tls()


@pytest.fixture
def transport() -> Transport:
    return Transport()


@pytest.fixture
def protocol(tls: Tls, transport: Transport) -> asyncio.BufferedProtocol:
    made: asyncio.BufferedProtocol = in_turns(tls, "client")
    made.connection_made(transport)
    return made


def arrive(protocol: asyncio.BufferedProtocol, data: bytes) -> None:
    """Put what has arrived into the buffer of the connection, as an event loop does."""
    view = memoryview(protocol.get_buffer(-1))
    view[: len(data)] = data
    protocol.buffer_updated(len(data))


async def until_reading(transport: Transport) -> None:
    while not transport.is_reading():  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0)


async def test_small_records_wait_for_turns(
    protocol: asyncio.BufferedProtocol, tls: Tls, transport: Transport
) -> None:
    arrive(protocol, 300 * SMALL)
    assert not transport.is_reading()
    await asyncio.wait_for(until_reading(transport), PATIENCE_S)
    assert b"".join(tls.given) == 300 * SMALL
    assert max(map(len, tls.given)) <= MOST * len(SMALL)
    # The first ones are for those who send few.
    arrive(protocol, 2 * SMALL)
    assert tls.given[-1] == 2 * SMALL


async def test_long_records_do_not_wait(
    protocol: asyncio.BufferedProtocol, tls: Tls, transport: Transport
) -> None:
    sent = 20 * LONG
    for start in range(0, len(sent), 30_000):
        arrive(protocol, sent[start : start + 30_000])
        assert transport.is_reading()
    assert b"".join(tls.given) == sent


async def test_records_arrive_in_pieces(
    protocol: asyncio.BufferedProtocol, tls: Tls, transport: Transport
) -> None:
    sent = 3 * (SMALL + LONG)
    for byte in sent:
        arrive(protocol, bytes([byte]))
    assert transport.is_reading()
    assert b"".join(tls.given) == sent


async def test_a_connection_that_is_not_read_stays_so(
    protocol: asyncio.BufferedProtocol, tls: Tls, transport: Transport
) -> None:
    tls.when_given = transport.pause_reading
    arrive(protocol, 300 * SMALL)
    assert b"".join(tls.given) == 300 * SMALL
    assert not transport.is_reading()


async def test_records_that_wait_are_dropped_with_their_connection(
    protocol: asyncio.BufferedProtocol, tls: Tls
) -> None:
    arrive(protocol, 300 * SMALL)
    before = len(tls.given)
    protocol.connection_lost(None)
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(tls.given) == before


@needs_openssl
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_request_of_thousands_of_records_is_read_in_turns(
    run: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    received = server._Protocol.data_received

    def note(self: server._Protocol, data: bytes) -> None:
        sizes.append(len(data))
        received(self, data)

    monkeypatch.setattr(server._Protocol, "data_received", note)

    async def main() -> None:
        cert, key = make_certificate(tmp_path)
        settings = Settings(listen=(Address("127.0.0.1", 0),), tls_cert=cert, tls_key=key)
        app = create_app(settings, FakeInstance(), stop=lambda: None)
        runner = Runner(app, access_log=None, handle_signals=False)
        await runner.setup()
        (listener,) = open_all(settings, {})
        await Site(runner, listener.socket, Certificate(cert, key).context).start()
        try:
            # Each byte is a record.
            await exchange(listener.socket.getsockname()[1], [bytes([byte]) for byte in GET])
        finally:
            await runner.cleanup()

    run(main())
    assert sum(sizes) == len(GET)
    assert max(sizes) <= MOST
