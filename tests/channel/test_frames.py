"""Sockets whose clients do what they should not, or only what few do: nobody else is hurt."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.waiting import hang_up

from .reader import Events
from .site import Site

TEXT, BINARY, CLOSE, PING, PONG, FINAL = 1, 2, 8, 9, 10, 0x80
MASK = b"\x01\x02\x03\x04"


def frame(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    """Return a frame of a client (RFC 6455, 5.2)."""
    size = len(payload)
    head = bytes([opcode | (FINAL if final else 0)])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += b"\xfe" + size.to_bytes(2, "big")
    else:
        head += b"\xff" + size.to_bytes(8, "big")
    return head + MASK + bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))


def message(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


class Raw:
    """A socket frame by frame."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def receive(self) -> tuple[int, bytes]:
        """Return the opcode and payload of the next frame."""
        opcode, size = await self.reader.readexactly(2)
        assert opcode & FINAL
        if size == 126:
            size = int.from_bytes(await self.reader.readexactly(2), "big")
        elif size == 127:
            size = int.from_bytes(await self.reader.readexactly(8), "big")
        return opcode & 0x0F, await self.reader.readexactly(size)

    async def told(self) -> dict[str, Any]:
        """Return the next message."""
        opcode, payload = await self.receive()
        assert opcode == TEXT, payload
        fields: dict[str, Any] = json.loads(payload)
        return fields

    async def until_close(self) -> int:
        """Return the close code; messages before it are skipped."""
        while True:
            opcode, payload = await self.receive()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big")


@contextlib.asynccontextmanager
async def connected(site: Site, ahead: bytes = b"") -> AsyncIterator[Raw]:
    """Open a socket by hand; ``ahead`` is sent with the request, without waiting for its answer."""
    place = urlsplit(site.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(
        b"GET /v1/events/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: flux-events.v1\r\n\r\n" + ahead
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    try:
        yield Raw(reader, writer)
    finally:
        await hang_up(writer)


async def failures(site: Site) -> list[str]:
    """Return the number of requests that failed by the service's own fault, by route."""
    async with site.session.get(f"{site.url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return [line for line in lines if line.startswith("fluxapi_requests_total") and "500" in line]


SUBSCRIBE = message(type="subscribe", sub="a", stream="stats")


async def test_a_message_in_fragments(embedded_site: Site) -> None:
    async with connected(embedded_site) as raw:
        raw.send(frame(TEXT, SUBSCRIBE[:10], final=False))
        # Between fragments there may be a ping; it is answered at once.
        raw.send(frame(PING, b"between"))
        assert await raw.receive() == (PONG, b"between")
        raw.send(frame(0, SUBSCRIBE[10:20], final=False) + frame(0, SUBSCRIBE[20:]))
        assert (await raw.told())["type"] == "subscribed"


async def test_a_message_byte_by_byte(embedded_site: Site) -> None:
    async with connected(embedded_site) as raw:
        raw.writer.transport.get_extra_info("socket").setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )
        for byte in frame(TEXT, SUBSCRIBE):
            raw.send(bytes([byte]))
            await raw.writer.drain()
        assert (await raw.told())["type"] == "subscribed"


async def test_messages_that_come_with_the_upgrade(embedded_site: Site) -> None:
    unsubscribe = message(type="unsubscribe", sub="b")
    other = message(type="subscribe", sub="b", stream="events")
    ahead = frame(TEXT, SUBSCRIBE) + frame(TEXT, other) + frame(TEXT, unsubscribe) + frame(PING)
    async with connected(embedded_site, ahead) as raw:
        answers = []
        while (received := await raw.receive())[0] != PONG:
            answers.append(json.loads(received[1]))
    kinds = [(it["type"], it["sub"]) for it in answers if it["type"] != "stats"]
    assert [it for it in kinds if it[0] != "bookmark"] == [
        ("subscribed", "a"),
        ("subscribed", "b"),
        ("unsubscribed", "b"),
    ]


async def test_a_ping_is_answered(embedded_site: Site) -> None:
    async with connected(embedded_site) as raw:
        raw.send(frame(PING, b"hello"))
        assert await raw.receive() == (PONG, b"hello")


async def test_a_close_is_answered(embedded_site: Site) -> None:
    async with connected(embedded_site) as raw:
        raw.send(frame(CLOSE, (1000).to_bytes(2, "big")))
        assert await raw.until_close() == 1000
        assert await raw.reader.read() == b""


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(frame(BINARY, b"{}"), 1003, id="binary"),
        pytest.param(frame(TEXT, b"\xff\xfe"), 1007, id="not UTF-8"),
        pytest.param(frame(3), 1002, id="unknown opcode"),
        pytest.param(frame(TEXT | 0x40, b"{}"), 1002, id="reserved bit"),
        pytest.param(frame(0, b"{}"), 1002, id="continuation of nothing"),
        pytest.param(frame(PING, b"x" * 126), 1002, id="long ping"),
        pytest.param(frame(PING, final=False), 1002, id="ping in fragments"),
    ],
)
async def test_an_invalid_frame_closes_the_socket(
    embedded_site: Site, data: bytes, code: int
) -> None:
    before = await failures(embedded_site)
    async with connected(embedded_site) as raw:
        raw.send(data)
        assert await raw.until_close() == code
        assert await raw.reader.read() == b""
    # It is the client's fault, so the service does not count it as one of its own.
    assert await failures(embedded_site) == before


async def test_a_message_of_ten_megabytes(embedded_site: Site) -> None:
    before = embedded_site.memory()
    async with embedded_site.session.ws_connect(f"{embedded_site.url}/v1/events/ws") as large:
        with contextlib.suppress(ConnectionError):
            await large.send_str("x" * 10_000_000)
        assert (await large.receive()).data == 1009
    assert embedded_site.memory() - before < 32 << 20


async def test_many_fragments_that_are_too_large_together(embedded_site: Site) -> None:
    async with connected(embedded_site) as raw:
        raw.send(frame(TEXT, b"x" * 1000, final=False))
        for _ in range(65):
            raw.send(frame(0, b"x" * 1000, final=False))
        assert await raw.until_close() == 1009


async def test_a_storm_of_subscriptions(embedded_site: Site) -> None:
    events = Events()
    ids: set[str] = set()
    async with embedded_site.read("sse", events) as reader, connected(embedded_site) as raw:
        await reader.until_mark()
        for number in range(2000):
            wanted = {
                "type": "subscribe",
                "sub": str(number),
                "stream": ("events", "jobs")[number % 2],
            }
            raw.send(frame(TEXT, message(**wanted, filter={"name": f"n{number}"})))
            raw.send(frame(TEXT, message(type="unsubscribe", sub=str(number))))
        raw.send(frame(PING, b"over"))
        ids |= set(await embedded_site.submit(5))
        counts: dict[str, int] = {}
        while (received := await raw.receive())[0] != PONG:
            kind = json.loads(received[1])["type"]
            counts[kind] = counts.get(kind, 0) + 1
        await reader.until(lambda held: ids <= held.clean)
    assert counts["subscribed"] == counts["unsubscribed"] == 2000
    assert "error" not in counts


async def test_one_subscription_too_many(embedded_site: Site) -> None:
    async with connected(embedded_site) as raw:
        for number in range(33):
            raw.send(frame(TEXT, message(type="subscribe", sub=str(number), stream="events")))
        raw.send(frame(PING))
        answers = []
        while (received := await raw.receive())[0] != PONG:
            answers.append(json.loads(received[1]))
        (error,) = [it for it in answers if it["type"] == "error"]
        assert (error["sub"], error["status"]) == ("32", 422)
        assert sum(it["type"] == "subscribed" for it in answers) == 32
        # One goes, another may come.
        raw.send(frame(TEXT, message(type="unsubscribe", sub="0")))
        raw.send(frame(TEXT, message(type="subscribe", sub="32", stream="events")))
        told: list[dict[str, Any]] = []
        while not told or told[-1]["type"] not in {"subscribed", "error"}:
            told.append(await raw.told())
        assert told[-1]["type"] == "subscribed"


@pytest.mark.parametrize(
    ("text", "pointers"),
    [
        (b"{", None),
        (b"[]", None),
        (b"[" * 10_000, None),
        (message(type="nothing"), ["/type"]),
        (message(type="subscribe", sub="a"), ["/stream"]),
        (message(type="subscribe", sub="a", stream="events", extra=1), ["/extra"]),
        (message(type="subscribe", sub="", stream="events"), ["/sub"]),
        (message(type="subscribe", sub="a", stream="jobs", filter={"id": ["?"]}), ["/filter/id/0"]),
        (message(type="unsubscribe", sub="a"), ["/sub"]),
    ],
)
async def test_a_bad_message_is_answered_and_the_socket_stays(
    embedded_site: Site, text: bytes, pointers: list[str] | None
) -> None:
    async with connected(embedded_site) as raw:
        raw.send(frame(TEXT, text))
        error = await raw.told()
        assert error["type"] == "error"
        found = [it["pointer"] for it in error["errors"]] if "errors" in error else None
        assert found == pointers
        raw.send(frame(TEXT, SUBSCRIBE))
        assert (await raw.told())["type"] == "subscribed"


@pytest.mark.parametrize("path", ["/v1/events", "/v1/events?stream=jobs"])
async def test_head_ends(embedded_site: Site, path: str) -> None:
    async with embedded_site.session.head(embedded_site.url + path) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        assert await answer.read() == b""


async def test_a_request_behind_a_stream_waits_for_its_end(embedded_site: Site) -> None:
    (jobid,) = await embedded_site.submit()
    place = urlsplit(embedded_site.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    stream = f"GET /v1/jobs/{jobid}/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    health = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    writer.write((stream + health).encode())
    first, second = (await reader.read()).split(b"\r\n0\r\n\r\n")
    await hang_up(writer)
    assert b'"reason":"clean"' in first
    assert second.startswith(b"HTTP/1.1 200 OK")
