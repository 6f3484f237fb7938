"""Odd bytes on the socket: every error is a problem document, and none is the service's."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from .wire import connect, serving

SEEDS = range(3)
REQUESTS_PER_SEED = 300

METHODS = [b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"CONNECT", b"TRACE", b"PRI",
           b"get", b"G\0T", b"\xff"]  # fmt: skip
TARGETS = [
    b"/", b"*", b"/health", b"/v1/jobs", b"/v1/jobs/bulk", b"/v1/token", b"/v1/events/ws", b"/%00",
    b"/v1/events?since=%ff", b"/v1/jobs/\xff", b"/v1/jobs/%ff", b"/v1/jobs?name=%ff&text=\xe9",
    b"/ui/jobs/%ff", b"/static/%ff/%ff", b"/docs/%ff", b"/nothing\xff", b"//x/v1/jobs", b"?x", b"",
    b"http://localhost/v1/jobs", b"http://[::1", b"http://a:b@c:99999/x", b"localhost:80",
    b"/v1/jobs/f1/output?tail=\xff", b"/" + b"a" * 70_000,
]  # fmt: skip
VERSIONS = [b"HTTP/1.1"] * 6 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.1 x", b"", b"\0"]
NAMES = [
    b"Accept", b"Accept-Encoding", b"Authorization", b"Connection", b"Content-Encoding",
    b"Content-Length", b"Content-Type", b"Cookie", b"Expect", b"Forwarded", b"Host",
    b"Idempotency-Key", b"If-None-Match", b"Last-Event-ID", b"Origin", b"Range", b"Sec-Fetch-Site",
    b"Sec-WebSocket-Key", b"Sec-WebSocket-Protocol", b"Sec-WebSocket-Version", b"Transfer-Encoding",
    b"Upgrade", b"X-Request-ID", b"traceparent", b"X\xff", b"X\0", b"X ", b" X", b"",
]  # fmt: skip
VALUES = [
    b"\xff\xfe", b"\xe9", b"\x01", b"a\0b", b"", b"text/html", b"text/html;q=\xff", b"a/b;;=/c",
    b"application/json", b"application/json; charset=\xff", b"Basic \xff", b"Bearer \xff", b"2",
    b"-1", b"1e3", b"9" * 30, b"chunked", b"gzip, chunked", b"chunked, chunked", b"identity",
    b"gzip", b"100-continue", b"200-ok", b"keep-alive, close", b"Upgrade", b"websocket", b"h2c",
    b"bytes=9-1", b"http://evil.example", b"x" * 9000, b"13", b"99", b"dGhlIHNhbXBsZSBub25jZQ==",
]  # fmt: skip
BODIES = [
    b"", b"{}", b"[" * 90_000, b'{"command":"\xff"}', b"zz\r\n\r\n", b"ffffffffffffffffff\r\n",
    b"2;x=\xff\r\n{}\r\n0\r\nX: y\r\n\r\n", b"2\r\n{}0\r\n\r\n", b'"\\ud800"',
    b'{"command":"\\ud800","\\udfff":1}',
]  # fmt: skip
AUTH: dict[str, Any] = {"require_auth": True, "user": "alice", "token": "s3cret"}


@pytest.fixture(params=[{}, AUTH], ids=["open", "auth"])
async def port(request: pytest.FixtureRequest) -> AsyncIterator[int]:
    async with serving(**request.param) as port:
        yield port


@pytest.mark.parametrize("name", [b"Connection", b"Sec-WebSocket-Key", b"Upgrade"])
async def test_a_handshake_that_is_not_ascii(port: int, name: bytes) -> None:
    headers = {
        b"Host": b"localhost",
        b"Authorization": b"Basic YWxpY2U6czNjcmV0",
        b"Connection": b"Upgrade",
        b"Upgrade": b"websocket",
        b"Sec-WebSocket-Version": b"13",
        b"Sec-WebSocket-Key": b"dGhlIHNhbXBsZSBub25jZQ==",
        b"Origin": b"http://localhost",
        name: b"\xff\xfe",
    }
    head = b"".join(b"%s: %s\r\n" % header for header in headers.items())
    async with connect(port) as wire:
        await wire.send(b"GET /v1/events/ws HTTP/1.1\r\n%s\r\n" % head)
        answer = await wire.answer()
        assert answer is not None
        assert answer.status == 400
        assert answer.problem["title"]


async def check(port: int, request: bytes) -> None:
    """Send a request that may never end; what is answered, if anything, must be sound."""
    async with connect(port) as wire:
        await wire.send(request)
        # A broken request behind it, so that even one that waits for its body has an end.
        await wire.send(b"\r\n\r\n\0\r\n\r\n" * 64)
        answer = await wire.answer(is_head=request.startswith(b"HEAD"))
    if answer is None:
        return
    assert answer.status < 500, (request[:200], answer)
    kind = answer.headers.get("content-type", "")
    assert not kind.startswith("text/plain"), (request[:200], answer)
    if answer.status >= 400:
        assert kind.startswith(("application/problem+json", "text/html")), (request[:200], answer)
        assert kind.startswith("application") or b"text/html" in request


def some_request(rng: random.Random) -> bytes:
    """Return a request of which about every third part is odd."""
    line = b" ".join([rng.choice(METHODS), rng.choice(TARGETS), rng.choice(VERSIONS)])
    headers = [b"Host: localhost", b"Connection: close"][: rng.randrange(3)]
    headers += [
        rng.choice(NAMES) + b": " + rng.choice(VALUES) for _ in range(rng.choice([0, 1, 2, 3, 150]))
    ]
    return b"\r\n".join([line, *headers, b"", rng.choice(BODIES)])


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_random_bytes_find_no_error_of_the_service(port: int, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - the same requests each time
    for _ in range(REQUESTS_PER_SEED):
        await check(port, some_request(rng))


@pytest.mark.slow
async def test_bytes_that_are_not_utf_8_in_a_header(port: int) -> None:
    paths = [b"/v1/jobs", b"/", b"/nothing", b"/v1/events/ws", b"/v1/token"]
    for path, name, accept in itertools.product(paths, NAMES[:24], [b"*/*", b"text/html"]):
        for method, rest in ((b"GET", b"\r\n"), (b"POST", b"Content-Length: 2\r\n\r\n{}")):
            head = b"%s %s HTTP/1.1\r\nAccept: %s\r\n" % (method, path, accept)
            await check(port, head + name + b": a\xff\xfe\xe9\r\n" + rest)


@pytest.mark.parametrize("expect", [b"200-ok", b"\xff", b"100-continue, x"])
async def test_an_unknown_expectation_is_a_problem(port: int, expect: bytes) -> None:
    for path in [b"/health", b"/v1/jobs", b"/nothing"]:
        async with connect(port) as wire:
            await wire.send(b"GET %s HTTP/1.1\r\nHost: a\r\nExpect: %s\r\n\r\n" % (path, expect))
            answer = await wire.answer()
        assert answer is not None
        assert answer.status == 417
        assert "100-continue" in answer.problem["detail"]


@pytest.mark.parametrize(
    "name", [b"Authorization", b"Host", b"Idempotency-Key", b"Origin", b"Sec-Fetch-Site"]
)
async def test_of_two_headers_that_decide_none_is_taken(port: int, name: bytes) -> None:
    values = {
        b"Authorization": b"Basic YWxpY2U6czNjcmV0",
        b"Host": b"localhost",
        b"Idempotency-Key": b"k",
        b"Origin": b"http://localhost",
        b"Sec-Fetch-Site": b"same-origin",
    }
    head = b"".join(b"%s: %s\r\n" % header for header in values.items())
    again = b"%s: %s\r\n" % (name, values[name])
    for more, status in ((b"", 200), (again, 400), (b"%s: other\r\n" % name, 400)):
        async with connect(port) as wire:
            await wire.send(b"GET /v1/jobs HTTP/1.1\r\n%s%s\r\n" % (head, more))
            answer = await wire.answer()
        assert answer is not None
        assert answer.status == status
