"""Servers to measure, each a process of its own that prints its port.

``replay JOBS`` is fluxapi with a synthetic backlog in its table, ``grouped JOBS`` the same with all
jobs in one group, ``busy JOBS`` the same with 500 events per second from then on; ``ready SIZE`` is
an aiohttp handler that returns SIZE ready bytes, the least that any aiohttp service does;
``flux 0`` is fluxapi in front of the broker at FLUX_URI, and ``bare 0`` the least service there.
``--history FOLDER`` keeps past jobs. ``--lag`` measures the lag of the event loop, which takes CPU
time; it is printed at SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from aiohttp import web

from fluxapi.app import create_app
from fluxapi.http.server import Runner
from fluxapi.instance.protocol import ChangeBatch
from fluxapi.model.eventlog import Resync, decode_journal
from fluxapi.service import choose_instance, tune
from fluxapi.settings import Settings

from . import bare
from .backlog import live, payloads
from .instance import StillInstance

__all__ = ["Running", "running", "without_core"]

_BATCH = 256
_BUSY_BATCH = 5
_BUSY_EVENTS = 500
_ENDLESS = 1 << 62

_LEAST = frozenset({"ready", "bare"})
"""Kinds that aiohttp serves without a part of fluxapi."""

_SCHEDSTAT = Path("/proc/thread-self/schedstat")
_SAMPLE = 0.005
"""Seconds between two measurements of the lag of the event loop."""


class ReplayInstance(StillInstance):
    """An instance that has run ``jobs`` jobs; then it has ``events`` events per second."""

    def __init__(self, jobs: int, *, grouped: bool = False, events: int = 0) -> None:
        self._jobs = jobs
        self._grouped = grouped
        self._events = events

    async def changes(self) -> AsyncIterator[ChangeBatch]:
        yield [Resync()]
        batch: ChangeBatch = []
        for payload in payloads(self._jobs, grouped=self._grouped):
            batch.append(decode_journal(payload))
            if len(batch) == _BATCH:
                yield batch
                batch = []
        yield batch
        if not self._events:
            await asyncio.Event().wait()
        more = live(_ENDLESS, self._jobs)
        while True:
            await asyncio.sleep(_BUSY_BATCH / self._events)
            yield [decode_journal(payload) for payload in itertools.islice(more, _BUSY_BATCH)]


def _ready(size: int) -> web.Application:
    body = b"x" * size

    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/jobs", handler)
    return app


def _application(kind: str, number: int, history: Path | None) -> web.Application:
    if kind == "ready":
        return _ready(number)
    if kind == "bare":
        return bare.application()
    events = _BUSY_EVENTS if kind == "busy" else 0
    instance: Any = ReplayInstance(number, grouped=kind == "grouped", events=events)
    settings = Settings(instance="flux", uri=os.environ.get("FLUX_URI"), history_max_age=0)
    if kind == "flux":
        instance = choose_instance(settings)
    return create_app(settings, instance, stop=lambda: None, history=history)


async def _serve(arguments: argparse.Namespace) -> None:
    kind = arguments.kind
    tune()
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    app = _application(kind, arguments.number, arguments.history)
    # fluxapi is served as ``fluxapi serve`` serves it.
    runner = (web.AppRunner if kind in _LEAST else Runner)(app, access_log=None)
    await runner.setup()
    sock = socket.create_server(("127.0.0.1", 0), backlog=1024)
    await web.SockSite(runner, sock).start()
    print(sock.getsockname()[1], flush=True)
    lags = await _sample_lag(stopping) if arguments.lag else []
    await stopping.wait()
    await runner.cleanup()
    if lags:
        print(sorted(lags)[int(0.99 * len(lags))], flush=True)


async def _sample_lag(stopping: asyncio.Event) -> list[float]:
    """Return the delay of each timer, in seconds, until ``stopping``.

    The time for which the thread waited for a core is left out: the machine causes it.
    """
    lags: list[float] = []
    while not stopping.is_set():
        due, waited = time.perf_counter() + _SAMPLE, without_core()
        await asyncio.sleep(_SAMPLE)
        lags.append(max(0.0, time.perf_counter() - due - (without_core() - waited)))
    return lags


def without_core() -> float:
    """Return the seconds for which this thread has waited for a core (proc(5), schedstat)."""
    return int(_SCHEDSTAT.read_text(encoding="ascii").split()[1]) / 1e9


@dataclass
class Running:
    """A running server.

    Attributes:
        port: The port of its socket.
        pid: The ID of its process.
        lag: The p99 of the lag of its event loop, in seconds, once it has ended; 0 if that was not
            measured.
    """

    port: int
    pid: int
    lag: float = 0.0

    def processor_time(self) -> float:
        """Return the seconds for which its threads have had a core."""
        threads = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(it.read_text(encoding="ascii").split()[0]) for it in threads) / 1e9


@contextlib.contextmanager
def running(
    kind: str, number: int, history: Path | None = None, *, measures_lag: bool = False
) -> Iterator[Running]:
    """Run a server while the context lasts.

    Args:
        kind: The kind of the server.
        number: The jobs, or the bytes, that its kind takes.
        history: The folder in which it keeps past jobs.
        measures_lag: Measure the lag of its event loop.
    """
    command = [sys.executable, "-m", "bench.server", kind, str(number)]
    if history is not None:
        command += ["--history", str(history)]
    if measures_lag:
        command.append("--lag")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        server = Running(int(process.stdout.readline()), process.pid)
        try:
            yield server
        finally:
            process.terminate()
            server.lag = float(process.stdout.readline() or 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.server")
    parser.add_argument("kind")
    parser.add_argument("number", type=int)
    parser.add_argument("--history", type=Path)
    parser.add_argument("--lag", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    uvloop.new_event_loop().run_until_complete(_serve(_arguments()))
