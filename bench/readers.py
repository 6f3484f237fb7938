"""Many readers of one relay in one thread, which read as fast as they can until the end."""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from fluxapi.process.descriptors import make_room

from .relay import LAST, STAMP

__all__ = ["Readers", "sse", "websocket"]

_END = f'"{LAST}"'.encode()
_CHUNK = 1 << 20
_TAIL = 512
_LIMIT = 300.0


def websocket(stream: str = "events", *, deflate: bool = False) -> bytes:
    """Return an upgrade and a subscription in one write."""
    body = json.dumps({"type": "subscribe", "sub": "e", "stream": stream}).encode()
    mask = b"\x00\x00\x00\x00"
    offer = b"Sec-WebSocket-Extensions: permessage-deflate\r\n" if deflate else b""
    return (
        b"GET /v1/events/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: flux-events.v1\r\n%b\r\n"
        b"\x81%c%b%b" % (offer, 0x80 | len(body), mask, body)
    )


def sse(stream: str = "events") -> bytes:
    """Return a request for Server-Sent Events."""
    return (
        b"GET /v1/events?stream=%b HTTP/1.1\r\nHost: localhost\r\n"
        b"Accept: text/event-stream\r\n\r\n" % stream.encode()
    )


@dataclass
class Readers:
    """Connections to ``port`` that have sent ``hello`` and got the first bytes of an answer.

    One of ``every`` notes the latencies; the others only read, since many readers share one thread.
    """

    port: int
    hello: bytes
    number: int
    every: int = 1
    latencies: list[int] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)
    received: int = 0

    def connect(self, until: bytes = b"\r\n\r\n") -> None:
        """Connect all, and read until each has received ``until``."""
        make_room(self.number)
        self.sockets = [
            socket.create_connection(("127.0.0.1", self.port)) for _ in range(self.number)
        ]
        for sock in self.sockets:
            sock.sendall(self.hello)
        self._until(self.sockets, until)

    def close(self) -> None:
        """Close all connections."""
        for sock in self.sockets:
            sock.close()

    def read(self, sockets: Sequence[socket.socket] | None = None) -> float:
        """Read until each has received the last event, and return the seconds that it took."""
        started = time.perf_counter()
        self._until(self.sockets if sockets is None else sockets, _END)
        return time.perf_counter() - started

    def _until(self, sockets: Sequence[socket.socket], mark: bytes) -> None:
        selector = selectors.DefaultSelector()
        tails = dict.fromkeys(sockets, b"")
        for sock in sockets:
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ)
        noting = set(self.sockets[:: self.every])
        deadline = time.monotonic() + _LIMIT
        while tails:
            ready = selector.select(1.0)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(tails)} readers have not had {mark!r}")
            for key, _ in ready:
                sock = cast("socket.socket", key.fileobj)
                data = sock.recv(_CHUNK)
                if not data:
                    raise ConnectionResetError("the server hung up")
                self.received += len(data)
                if sock in noting:
                    self._note(data)
                tail = tails[sock] + data[-_TAIL:]
                if mark in tail or mark in data:
                    selector.unregister(sock)
                    del tails[sock]
                else:
                    tails[sock] = tail[-_TAIL:]
        selector.close()

    def _note(self, data: bytes) -> None:
        now = time.monotonic_ns()
        at = data.find(STAMP)
        while at >= 0:
            start = at + len(STAMP)
            self.latencies.append(now - int(data[start : data.index(b",", start)]))
            at = data.find(STAMP, start)
