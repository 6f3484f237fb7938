from __future__ import annotations

import asyncio
import errno
import gc
import logging
import socket
from collections.abc import Callable, Iterator

import pytest
import uvloop

from fluxapi.app import create_app
from fluxapi.http import acceptor, server, site
from fluxapi.http.acceptor import Acceptor
from fluxapi.settings import Settings
from tests.attack.passes import Passes
from tests.handlers.fake import FakeInstance

MANY = 50


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=MANY) as sock:
        yield sock


def connected(listening: socket.socket) -> socket.socket:
    return socket.create_connection(listening.getsockname())


class Begun:
    """Closes each connection, and counts them."""

    def __init__(self, count: int) -> None:
        self.counted = Passes()
        self.all = asyncio.Event()
        self._count = count

    async def begin(self, sock: socket.socket, _address: object) -> None:
        sock.close()
        self.counted.note()
        if sum(self.counted.done.values()) == self._count:
            self.all.set()


def test_connections_that_wait_are_accepted_in_few_passes(listening: socket.socket) -> None:
    clients = [connected(listening) for _ in range(MANY)]

    async def main() -> None:
        begun = Begun(MANY)
        accepting = Acceptor(listening, begun.begin)
        await asyncio.wait_for(begun.all.wait(), 30)
        accepting.close()
        # uvloop itself accepts one in each pass.
        assert begun.counted.most > 1
        assert len(begun.counted.done) < MANY

    uvloop.run(main())
    for client in clients:
        client.close()


async def test_a_pass_has_a_limited_time_for_them(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptor, "SLICE_S", 0)
    clients = [connected(listening) for _ in range(MANY)]
    begun = Begun(MANY)
    accepting = Acceptor(listening, begun.begin)
    await asyncio.wait_for(begun.all.wait(), 30)
    accepting.close()
    assert begun.counted.most == 1
    for client in clients:
        client.close()


async def test_it_goes_on_after_a_connection_that_cannot_be_accepted(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(acceptor, "_PAUSE_S", 0)
    errors: list[OSError] = [
        ConnectionAbortedError(),
        OSError(errno.EMFILE, "Too many open files"),
        BlockingIOError(),
    ]

    class Failing(socket.socket):
        def accept(self) -> tuple[socket.socket, object]:
            if errors:
                raise errors.pop(0)
            return super().accept()

    failing = Failing(fileno=listening.detach())
    begun = Begun(1)
    accepting = Acceptor(failing, begun.begin)
    with connected(failing), caplog.at_level(logging.WARNING):
        await asyncio.wait_for(begun.all.wait(), 30)
    accepting.close()
    assert not errors
    assert "cannot accept a connection: Too many open files" in caplog.text


async def test_nothing_is_accepted_after_the_end(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(socket.socket):
        def accept(self) -> tuple[socket.socket, object]:
            failed.set()
            raise OSError(errno.EMFILE, "Too many open files")

    failed, begun = asyncio.Event(), Begun(1)
    failing = Failing(fileno=listening.detach())
    accepting = Acceptor(failing, begun.begin)
    with connected(failing):
        await asyncio.wait_for(failed.wait(), 30)
        accepting.close()
        monkeypatch.undo()
    assert failing.fileno() == -1
    assert not begun.counted.done


REQUEST = (
    b"GET /v1/events/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@pytest.mark.slow
@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("request_bytes", [REQUEST, b"GET /v1/jobs HTTP/1.0\r\n\r\n"])
@pytest.mark.parametrize("moment", ["connection_made", "data_received"])
def test_a_request_on_a_connection_whose_acceptance_is_canceled(
    listening: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    new_loop: Callable[[], asyncio.AbstractEventLoop],
    request_bytes: bytes,
    moment: str,
) -> None:
    ended: list[Exception | None] = []
    arrived = asyncio.Event()

    class Site(site.Site):
        def cancel(self) -> None:
            assert self._acceptor is not None
            for task in self._acceptor._tasks:
                task.cancel()
            arrived.set()

    async def main() -> None:
        app = create_app(Settings(), FakeInstance(), stop=lambda: None)
        runner = server.Runner(app, access_log=None, handle_signals=False)
        await runner.setup()
        site = Site(runner, listening, None)
        await site.start()
        take, lose = getattr(server._Protocol, moment), server._Protocol.connection_lost

        def taken(self: server._Protocol, what: object) -> None:
            site.cancel()
            take(self, what)

        def lost(self: server._Protocol, error: Exception | None) -> None:
            lose(self, error)
            ended.append(error)

        monkeypatch.setattr(server._Protocol, moment, taken)
        monkeypatch.setattr(server._Protocol, "connection_lost", lost)
        with connected(listening) as client:
            client.sendall(request_bytes)
            await asyncio.wait_for(arrived.wait(), 30)
            await asyncio.sleep(0)
        await runner.cleanup()

    loop = new_loop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
    # An error of a task that nobody awaits is logged when it is collected.
    gc.collect()
    assert len(ended) == 1
    assert [record.getMessage() for record in caplog.records if record.levelno > 20] == []
