"""A target of webhooks that answers with more than one response, without an end."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fluxapi.webhooks import connector
from fluxapi.webhooks.bounded_handler import MAX_RESPONSE_BYTES, BoundedHandler
from fluxapi.webhooks.sender import SEND_TIMEOUT_S, Outcome, Sender
from fluxapi.webhooks.targets import Targets

RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Transport(asyncio.Transport):
    """A transport that only notes its end."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted


class Counted(BoundedHandler):
    """A handler that counts the responses that were parsed."""

    parsed = 0

    def feed_data(self, data: object, size: int = 0) -> None:
        self.parsed += 1
        super().feed_data(data, size)  # type: ignore[arg-type]


async def handler() -> tuple[Counted, Transport]:
    found, transport = Counted(asyncio.get_running_loop()), Transport()
    found.connection_made(transport)
    found.set_response_params()
    return found, transport


@pytest.mark.parametrize("flood", [RESPONSE, CONTINUE])
async def test_few_of_many_responses_are_parsed(flood: bytes) -> None:
    found, transport = await handler()
    found.data_received(flood * (256 * 1024 // len(flood)))
    assert transport.aborted
    assert found.parsed < 64


@pytest.mark.parametrize(
    ("head", "flood"),
    [
        (CHUNKED, b"1\r\na\r\n"),
        (CHUNKED + b"1;", b"x"),
        (CHUNKED + b"0\r\n", b"X-Trailer: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", b"x"),
    ],
)
async def test_a_response_without_an_end_is_cut_off(head: bytes, flood: bytes) -> None:
    found, transport = await handler()
    found.data_received(head + flood * (2 * MAX_RESPONSE_BYTES // len(flood)))
    assert transport.aborted
    assert found.parsed == 1, "the status has arrived"


async def test_responses_that_nobody_asked_for_are_not_kept() -> None:
    found, _ = await handler()
    found.data_received(RESPONSE * 99)
    assert len(found._buffer) == 1
    assert (await found.read())[0].code == 200
    found.data_received(RESPONSE * 99)
    assert not found._buffer, "the request has its response"


async def test_each_request_may_have_a_response() -> None:
    found, transport = await handler()
    for _ in range(2 * MAX_RESPONSE_BYTES // len(RESPONSE)):
        found.data_received(CONTINUE + RESPONSE)
        while (await found.read())[0].code != 200:
            pass
        found.set_response_params()
    assert not transport.aborted


async def test_bytes_between_two_requests_are_bounded() -> None:
    found, transport = await handler()
    found.data_received(RESPONSE)
    await found.read()
    for _ in range(2 * MAX_RESPONSE_BYTES // 1000):
        found.data_received(b"x" * 1000)
    assert transport.aborted


@asynccontextmanager
async def target(begin: bytes, flood: bytes) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Serve *begin* and then *flood* without an end; the event is set when that has failed."""
    refused = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(begin)
        try:
            while True:
                writer.write(flood * 1000)
                await writer.drain()
        except ConnectionError:
            refused.set()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/", refused


@pytest.mark.parametrize(
    ("begin", "flood"), [(b"", CONTINUE), (b"", RESPONSE), (CHUNKED + b"1;", b"x")]
)
async def test_the_memory_of_a_target_is_freed_at_once(
    monkeypatch: pytest.MonkeyPatch, begin: bytes, flood: bytes
) -> None:
    made: list[weakref.ref[BoundedHandler]] = []
    freed = asyncio.Event()

    class Noted(BoundedHandler):
        def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
            super().__init__(loop)
            made.append(weakref.ref(self, lambda _: freed.set()))

    monkeypatch.setattr(connector, "BoundedHandler", Noted)
    sender = Sender(Targets(["127.0.0.1"]))
    gc.disable()
    try:
        async with target(begin, flood) as (url, refused):
            await sender.send(url, [b"k" * 32], "id-1", b"{}")
            await asyncio.wait_for(refused.wait(), 10)
            # Those that may be used again are kept until their time has passed.
            await sender.close()
            await asyncio.wait_for(freed.wait(), 10)
            assert [found() for found in made] == [None]
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("begin", "flood", "result"),
    [
        (b"", CONTINUE, "unavailable"),
        (b"", RESPONSE, "delivered"),
        (CHUNKED + b"1;", b"x", "delivered"),
    ],
)
async def test_a_target_is_disconnected(begin: bytes, flood: bytes, result: str) -> None:
    sender = Sender(Targets(["127.0.0.1"]))
    try:
        async with target(begin, flood) as (url, refused):
            found: Outcome = await sender.send(url, [b"k" * 32], "id-1", b"{}")
            assert found.result == result
            assert found.seconds < SEND_TIMEOUT_S / 2
            await asyncio.wait_for(refused.wait(), 10)
    finally:
        await sender.close()
