"""A lean HTTP/1.1 load generator: ready request bytes, keep-alive, nothing parsed twice.

It must cost less than any server that it measures, so it only looks for the end of the headers,
the status and Content-Length, or else for the last chunk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

__all__ = ["Load", "get", "post", "run"]

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_CHUNKED = b"transfer-encoding: chunked"
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_UNKNOWN = 1 << 62
"""The length of a response whose end is its last chunk."""


def get(path: str) -> bytes:
    """Return an encoded GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n".encode()


def post(path: str, body: bytes, *headers: str) -> bytes:
    """Return an encoded POST request with a JSON body."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + _HEAD_END + body


@dataclass
class Load:
    """The result of one run: answers by status, its duration, and each latency, in seconds."""

    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Return the good answers per second, or 0 if any answer was bad."""
        good = sum(n for status, n in self.statuses.items() if status < 400)
        return good / self.seconds if good == sum(self.statuses.values()) else 0.0

    def percentile(self, share: float) -> float:
        """Return the latency that ``share`` (0–1) of the answers did not exceed, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], load: Load) -> None:
        self._requests = requests
        self._load = load
        self._buffer = bytearray()
        self._need = -1
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._need < 0:
            end = self._buffer.find(_HEAD_END)
            if end < 0:
                return
            head = bytes(self._buffer[:end]).lower()
            if _CHUNKED in head:
                self._need = _UNKNOWN
            else:
                at = head.index(_LENGTH) + len(_LENGTH)
                self._need = end + len(_HEAD_END) + int(head[at:].split(b"\r\n", 1)[0])
            status = int(head[9:12])
            self._load.statuses[status] = self._load.statuses.get(status, 0) + 1
        if len(self._buffer) >= self._need or (
            self._need == _UNKNOWN and self._buffer.endswith(_LAST_CHUNK)
        ):
            self._load.latencies.append(time.perf_counter() - self._sent)
            self._buffer.clear()
            self._need = -1
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))

    def _next(self) -> None:
        assert self._transport is not None
        request = next(self._requests, None)
        if request is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)


async def run(port: int, requests: Iterator[bytes], connections: int) -> Load:
    """Send all ``requests`` to 127.0.0.1:``port``, one at a time on each connection."""
    loop = asyncio.get_running_loop()
    load = Load()
    started = time.perf_counter()
    made = [
        await loop.create_connection(lambda: _Connection(requests, load), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    load.seconds = time.perf_counter() - started
    return load
