"""Servers that send the same events to all their clients, each a process that takes commands.

``fluxapi JOBS`` is the service itself, fed with raw journal payloads, ``grouped JOBS`` the same
with all jobs in one group; ``ready`` writes frames that are ready to aiohttp's transports, the
least that any aiohttp service does; ``websockets`` is that library's ``broadcast``; ``raw`` writes
the same bytes to plain asyncio transports. All run on uvloop. Commands on standard input and their
answers on standard output are lines of JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import uvloop
import websockets.asyncio.server
from aiohttp import web

from fluxapi.app import create_app
from fluxapi.events.transport.wire import frame_text
from fluxapi.http.server import Runner
from fluxapi.http.site import Site
from fluxapi.instance.protocol import ChangeBatch
from fluxapi.model.eventlog import Resync, decode_journal
from fluxapi.process.descriptors import make_room
from fluxapi.service import tune
from fluxapi.settings import Settings

from .backlog import live, payloads
from .instance import StillInstance

__all__ = ["LAST", "MAX_CONNECTIONS", "STAMP", "Relay", "relay"]

LAST = "the-last"
"""Name of the event that ends a run."""

STAMP = b'"sent":'
"""The text before the monotonic time, in nanoseconds, at which an event was due."""

MAX_CONNECTIONS = 12_000
_BACKLOG = 4096
_FIRST = 10_000_000
_PAGE = 4096


class _Fed(StillInstance):
    """An instance whose journal consists of a backlog and the events that it is fed with."""

    def __init__(self, jobs: int, *, grouped: bool) -> None:
        self._jobs = jobs
        self._grouped = grouped
        self._batches: asyncio.Queue[ChangeBatch] = asyncio.Queue()

    async def changes(self) -> AsyncIterator[ChangeBatch]:
        yield [Resync()]
        yield [decode_journal(payload) for payload in payloads(self._jobs, grouped=self._grouped)]
        while True:
            batch = await self._batches.get()
            # The journal of a broker yields in the same way: a backlog must not block the loop.
            await asyncio.sleep(0)
            yield batch

    async def feed(self, raw: list[bytes]) -> None:
        self._batches.put_nowait([decode_journal(payload) for payload in raw])
        while not self._batches.empty():  # noqa: ASYNC110 - as fast as it is taken
            await asyncio.sleep(0)


Feed = Callable[[list[bytes]], Awaitable[None]]


def _frame(payload: bytes) -> bytes:
    """Return an event as a server without our code would send it."""
    message = json.loads(payload)
    cursor = "0123456789abcdef.12345678.1795474494232"
    event = {"type": "event", "sub": "e", "cursor": cursor, "id": "f" * 9, "index": 3}
    event |= message["events"][-1]
    return json.dumps(event, separators=(",", ":")).encode()


async def _grouped(sock: socket.socket, jobs: int) -> Feed:
    return await _fluxapi(sock, jobs, grouped=True)


async def _fluxapi(sock: socket.socket, jobs: int, *, grouped: bool = False) -> Feed:
    instance = _Fed(jobs, grouped=grouped)
    settings = Settings(
        instance="flux", max_streams=MAX_CONNECTIONS, max_client_streams=MAX_CONNECTIONS
    )
    app = create_app(settings, cast("Any", instance), stop=lambda: None)
    # The server of the service, which is part of what a connection costs.
    runner = Runner(app, access_log=None)
    await runner.setup()
    await Site(runner, sock, None).start()
    return instance.feed


async def _ready(sock: socket.socket, _: int) -> Feed:
    transports: list[Any] = []

    async def handler(request: web.Request) -> web.WebSocketResponse:
        response = web.WebSocketResponse(compress=False, protocols=("flux-events.v1",))
        await response.prepare(request)
        transports.append(request.transport)
        async for _ in response:
            pass
        return response

    async def feed(raw: list[bytes]) -> None:
        for payload in raw:
            data = frame_text(_frame(payload))
            for transport in transports:
                transport.write(data)
            await asyncio.sleep(0)

    app = web.Application()
    app.router.add_get("/v1/events/ws", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, sock).start()
    return feed


async def _websockets(sock: socket.socket, _: int) -> Feed:
    connections: set[websockets.asyncio.server.ServerConnection] = set()

    async def handler(connection: websockets.asyncio.server.ServerConnection) -> None:
        connections.add(connection)
        await connection.wait_closed()

    async def feed(raw: list[bytes]) -> None:
        for payload in raw:
            websockets.asyncio.server.broadcast(connections, _frame(payload).decode())
            await asyncio.sleep(0)

    await websockets.asyncio.server.serve(
        handler, sock=sock, compression=None, ping_interval=None, subprotocols=None
    )
    return feed


async def _raw(sock: socket.socket, _: int) -> Feed:
    transports: list[asyncio.Transport] = []

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            transports.append(cast("asyncio.Transport", transport))
            transports[-1].write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")

    async def feed(raw: list[bytes]) -> None:
        data = b"".join([frame_text(_frame(payload)) for payload in raw])
        for transport in transports:
            transport.write(data)
        await asyncio.sleep(0)

    await asyncio.get_running_loop().create_server(Protocol, sock=sock, backlog=_BACKLOG)
    return feed


_KINDS: dict[str, Callable[[socket.socket, int], Awaitable[Feed]]] = {
    "fluxapi": _fluxapi,
    "grouped": _grouped,
    "ready": _ready,
    "websockets": _websockets,
    "raw": _raw,
}


def _last(number: int) -> bytes:
    entry = {"timestamp": time.time(), "name": LAST}
    return json.dumps({"id": (_FIRST * 10 + number) << 24, "events": [_submit(), entry]}).encode()


def _submit() -> dict[str, Any]:
    context = {"userid": 0, "urgency": 16, "flags": 0, "version": 1}
    return {"timestamp": time.time(), "name": "submit", "context": context}


def _stamped(payload: bytes, sent: int) -> bytes:
    return payload.replace(b'"context": {', b'"context": {"sent":%d, ' % sent, 1)


class _Commands:
    """The commands of the process; the numbers of jobs continue from run to run."""

    def __init__(self, feed: Feed, *, grouped: bool) -> None:
        self._feed = feed
        self._grouped = grouped
        self._number = _FIRST

    async def burst(self, events: int, batch: int) -> dict[str, Any]:
        """Feed ``events`` events, ``batch`` at a time, then the last one.

        The answer has the CPU time that it took, which does not depend on what else runs.
        """
        raw = list(live(events, self._number, grouped=self._grouped))
        self._number += events
        began = time.process_time()
        for at in range(0, len(raw), batch):
            await self._feed(raw[at : at + batch])
        await self._feed([self._end()])
        return {"processor": time.process_time() - began}

    async def paced(self, events: int, rate: float) -> dict[str, Any]:
        """Feed ``rate`` events a second, each with the time at which it was due.

        Events that became due while earlier ones were written are fed together.
        """
        raw = list(live(events, self._number, 100, grouped=self._grouped))
        self._number += events
        interval = int(1e9 / rate)
        began, processor = time.monotonic_ns(), time.process_time()
        at = 0
        while at < events:
            due = min(events, (time.monotonic_ns() - began) // interval + 1)
            await self._feed([_stamped(raw[n], began + n * interval) for n in range(at, due)])
            at = due
            await asyncio.sleep(max(0.0, (began + at * interval - time.monotonic_ns()) / 1e9))
        await self._feed([self._end()])
        return {"processor": time.process_time() - processor}

    async def processor(self) -> dict[str, Any]:
        """Return the seconds of CPU time so far."""
        return {"processor": time.process_time()}

    async def memory(self) -> dict[str, Any]:
        """Return the resident memory in bytes."""
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]  # noqa: ASYNC240 - /proc does not block
        return {"resident": int(pages) * _PAGE}

    def _end(self) -> bytes:
        self._number += 1
        return _last(self._number)


async def _serve(kind: str, number: int, port: int) -> None:
    tune()
    make_room(MAX_CONNECTIONS)
    sock = socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
    commands = _Commands(await _KINDS[kind](sock, number), grouped=kind == "grouped")
    print(sock.getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        order = json.loads(line)
        answer = await getattr(commands, order.pop("do"))(**order)
        print(json.dumps(answer), flush=True)


class Relay:
    """A relay process: its ``port``, and its commands."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._process = process
        self.port = int(process.stdout.readline())

    def tell(self, **order: Any) -> None:
        """Send a command; use :meth:`answer` to read the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for the answer to a command, and return it."""
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found


@contextlib.contextmanager
def relay(kind: str, number: int = 0, port: int = 0) -> Iterator[Relay]:
    """Run a relay while the context lasts, on a free port or on one that was released."""
    command = [sys.executable, "-m", "bench.relay", kind, str(number), str(port)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Relay(process)
        finally:
            process.kill()


if __name__ == "__main__":
    uvloop.new_event_loop().run_until_complete(
        _serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    )
