"""One message to a target: what it answers, and which connections are made."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from fluxapi.webhooks import sender as module
from fluxapi.webhooks.connector import _CheckedResolver
from fluxapi.webhooks.sender import Outcome, Sender
from fluxapi.webhooks.targets import BlockedTarget, Targets
from tests.certificates import make_certificate, needs_openssl

from .receiver import Receiver

KEY = b"k" * 32
LOCAL = Targets(["127.0.0.1"])


async def send(url: str, targets: Targets = LOCAL) -> Outcome:
    sender = Sender(targets)
    try:
        return await sender.send(url, [KEY], "id-1", b"{}")
    finally:
        await sender.close()


def answers(status: int, **headers: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(
            status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    return answer


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, "delivered"), (204, "delivered"), (400, "refused"), (404, "refused"),
        (408, "unavailable"), (410, "gone"), (425, "unavailable"), (429, "unavailable"),
        (500, "unavailable"), (503, "unavailable"),
    ],
)  # fmt: skip
async def test_statuses(receiver: Receiver, status: int, result: str) -> None:
    receiver.answer = answers(status)
    outcome = await send(receiver.url)
    assert (outcome.result, outcome.status) == (result, status)


async def test_retry_after(receiver: Receiver) -> None:
    receiver.answer = answers(503, Retry_After="17")
    assert (await send(receiver.url)).retry_after == 17.0


async def test_a_pause_until_a_year_that_no_date_has(receiver: Receiver) -> None:
    receiver.answer = answers(503, Retry_After="Mon, 01 Jan 99999999999999999999 00:00:00 GMT")
    outcome = await send(receiver.url)
    assert (outcome.result, outcome.status, outcome.retry_after) == ("unavailable", 503, None)


async def test_a_bug_counts_as_a_failed_attempt(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_response: object) -> Outcome:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(module, "_outcome", fail)
    outcome = await send(receiver.url)
    assert outcome.result == "unavailable"
    assert "a bug" not in (outcome.reason or "")
    assert "a bug" in caplog.text


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answer = answers(status, Location=f"{receiver.url}/other")
    outcome = await send(receiver.url)
    assert outcome.result == "refused"
    assert len(receiver.messages) == 1


async def test_a_signature_by_each_key(receiver: Receiver) -> None:
    sender = Sender(LOCAL)
    await sender.send(receiver.url, [KEY, b"o" * 32], "id-1", b"{}")
    await sender.close()
    (message,) = receiver.messages
    given = message.headers["webhook-signature"].split()
    assert len(given) == 2
    assert all(it.startswith("v1,") for it in given)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0", "[::]", "0.0.0.0",
    ],
)  # fmt: skip
async def test_no_form_of_loopback_is_connected_to(receiver: Receiver, host: str) -> None:
    outcome = await send(f"https://{host}:{receiver.port}/", Targets())
    assert outcome.result == "unavailable"
    assert receiver.messages == []
    # Another allowed network makes http possible, not loopback.
    outcome = await send(f"http://{host}:{receiver.port}/", Targets(["10.0.0.0/8"]))
    assert outcome.result == "unavailable"
    assert receiver.messages == []


async def test_a_name_that_leads_elsewhere_meanwhile(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check the address of each look-up, since a name may lead to another one each time."""
    asked: list[str] = []

    def look_up(host: str, port: int, *_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr("fluxapi.webhooks.connector.socket.getaddrinfo", look_up)
    outcome = await send(f"https://rebind.example.org:{receiver.port}/", Targets())
    assert outcome.reason is not None
    assert "not a public address" in outcome.reason
    assert asked == ["rebind.example.org"]
    targets = Targets(["rebind.example.org"])
    outcome = await send(f"http://rebind.example.org:{receiver.port}/", targets)
    assert outcome.result == "delivered"


async def test_a_socket_for_an_address_that_no_look_up_has_checked() -> None:
    resolver = _CheckedResolver(Targets(), is_encrypted=True)
    place = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))
    with pytest.raises(BlockedTarget):
        resolver.make_socket(place)


@asynccontextmanager
async def raw(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """Serve with a handler of bytes."""
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.close()


async def test_a_target_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEND_TIMEOUT_S", 0.2)
    done = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await done.wait()
        writer.close()

    async with raw(silent) as url:
        outcome = await send(url)
        done.set()
    assert outcome.result == "unavailable"
    assert "did not answer" in (outcome.reason or "")


async def test_a_huge_response_is_cut_off() -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while sent < 1 << 30:
                writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                sent += 0x10000
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    async with raw(flood) as url:
        outcome = await send(url)
    assert outcome.result == "delivered"
    assert sent < 64 << 20


async def test_a_response_without_an_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_DRAIN_TIMEOUT_S", 0.1)
    ended = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")
        while await reader.read(100):
            pass
        ended.set()
        writer.close()

    async with raw(drip) as url:
        outcome = await send(url)
        await asyncio.wait_for(ended.wait(), 10)
    assert outcome.result == "delivered"
    assert outcome.seconds < module.SEND_TIMEOUT_S / 2


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 " + b"K" * 100_000 + b"\r\n\r\n",
        b"",
    ],
)
async def test_an_answer_that_is_not_http(answer: bytes) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with raw(say) as url:
        outcome = await send(url)
    assert outcome.result == "unavailable"
    assert outcome.reason is not None
    assert "y" * 20 not in outcome.reason
    assert "K" * 20 not in outcome.reason


async def test_plain_http_behind_https(receiver: Receiver) -> None:
    outcome = await send(receiver.url.replace("http:", "https:"))
    assert outcome.reason == "The target does not speak TLS as the service does."


async def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        outcome = await send(f"http://127.0.0.1:{free.getsockname()[1]}/")
    assert outcome.reason == "The target cannot be connected to."


@needs_openssl
async def test_a_certificate_that_is_not_valid(tmp_path: Path) -> None:
    # The error of the library is also a ValueError, which stands for an invalid URL.
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*make_certificate(tmp_path))
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        outcome = await send(f"https://127.0.0.1:{port}/")
    assert outcome.reason == "The certificate of the target is not valid for its host."


async def test_a_host_that_is_no_address() -> None:
    outcome = await send("https://127.1/")
    assert outcome.reason is not None
    assert outcome.reason.startswith("The URL 127.1 ")
