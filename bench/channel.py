"""The event channel: its throughput, its delay, and the cost of a subscriber."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from fluxapi.events.buffer import EventBuffer
from fluxapi.events.cursor import new_epoch
from fluxapi.events.event_log import EventLog
from fluxapi.events.hub import Hub
from fluxapi.model.eventlog import decode_journal
from fluxapi.service import tune
from fluxapi.table.backlog import BacklogBuffer
from fluxapi.table.table import Table

from .backlog import live, payloads
from .figures import Figure
from .readers import Readers, sse, websocket
from .relay import Relay, relay

__all__ = ["figures"]

_SUBSCRIBERS = 200
_ROUNDS = 5
_SINGLE = 2_000
"""Events of one round, one per write."""
_LOADED = 20_000
"""Events of one round under load."""
_BATCH = 256
"""Events handed over together under load: as many as the broker's journal gives at most."""
_PACED = 500
_RATE = 100.0
_JOBS = 10_000
_INGESTED = 500_000
_FIRST = 10_000_000
_PIECE = 64
"""Messages that the journal consumer folds at a time."""
_IDLE = 1_000
_KIB = 1024

_HEAD = b"\r\n\r\n"
_LIVE = b'"bookmark"'
_LIVE_SSE = b"event: bookmark"


class _Side:
    """One server and its readers. Sides take turns, so that drift affects all of them alike."""

    def __init__(self, server: Relay, hello: bytes, ready: bytes, number: int) -> None:
        self.server = server
        self.readers = Readers(server.port, hello, number)
        self.readers.connect(ready)
        self.rates: list[float] = []

    def burst(self, events: int, batch: int, readers: int | None = None) -> float:
        """Return the events delivered in one round to the first ``readers`` readers.

        Per second of CPU time of the server.
        """
        chosen = self.readers.sockets[:readers]
        self.server.tell(do="burst", events=events, batch=batch)
        self.readers.read(chosen)
        return events * len(chosen) / float(self.server.answer()["processor"])

    def paced(self) -> list[int]:
        """Return the nanoseconds from hand-over to receipt of each event at each reader."""
        self.readers.latencies.clear()
        self.server.tell(do="paced", events=_PACED, rate=_RATE)
        self.readers.read()
        self.server.answer()
        return sorted(self.readers.latencies)


def _rates(sides: dict[str, _Side], run: Callable[[_Side], float]) -> dict[str, float]:
    """Return the median rate of each side over alternating rounds."""
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(_ROUNDS):
        for name, side in sides.items():
            rates[name].append(run(side))
    return {name: statistics.median(found) for name, found in rates.items()}


def _throughput() -> list[Figure]:
    with (
        relay("fluxapi", 1000) as ours,
        relay("fluxapi", 1000) as ours_sse,
        relay("ready") as ready,
        relay("websockets") as library,
    ):
        number = _SUBSCRIBERS
        sides = {
            "ours": _Side(ours, websocket(), _LIVE, number),
            "ready": _Side(ready, websocket(), _HEAD, number),
            "library": _Side(library, websocket(), _HEAD, number),
        }
        single = _rates(sides, lambda side: side.burst(_SINGLE, 1))
        library_loaded = single["library"]
        sides = {"ours": sides["ours"], "sse": _Side(ours_sse, sse(), _LIVE_SSE, number)}
        loaded = _rates(sides, lambda side: side.burst(_LOADED, _BATCH))
    unit = "events/s"
    return [
        Figure(
            f"delivered to {number} sockets, one event a write",
            single["ours"], unit, "ready frames to aiohttp's transports", single["ready"], 0.95,
        ),
        Figure(
            "the same", single["ours"], unit, "websockets.broadcast", single["library"], 1.8,
        ),
        Figure(
            f"delivered to {number} sockets under load",
            loaded["ours"], unit, "websockets.broadcast", library_loaded, 5.0,
        ),
        Figure(
            "the same as Server-Sent Events",
            loaded["sse"], unit, "our WebSocket", loaded["ours"], 0.9,
        ),
    ]  # fmt: skip


def _latency() -> list[Figure]:
    with relay("fluxapi", 1000) as ours, relay("raw") as raw:
        sides = [
            _Side(ours, websocket(), _LIVE, _SUBSCRIBERS),
            _Side(raw, websocket(), _HEAD, _SUBSCRIBERS),
        ]
        mine, theirs = (side.paced() for side in sides)
    assert len(mine) == len(theirs) == _PACED * _SUBSCRIBERS
    found = []
    for name, share, most in (("p50", 0.5, 1.0), ("p99", 0.99, 3.0)):
        at = int(share * len(mine))
        above = (mine[at] - theirs[at]) / 1e6
        found.append(
            Figure(
                f"journal to subscriber at {_RATE:.0f} events/s, {name}: above the raw socket's "
                f"{theirs[at] / 1e6:.2f} ms",
                above, "ms", "the bound", most, 1.0, at_most=True,
            )
        )  # fmt: skip
    return found


def _resident(server: Relay) -> int:
    server.tell(do="memory")
    resident: int = server.answer()["resident"]
    return resident


def _memory() -> list[Figure]:
    with relay("fluxapi", 1000) as server:
        warm = _Side(server, websocket(), _LIVE, 50)
        warm.burst(_LOADED, _BATCH)
        before = _resident(server)
        idle = Readers(server.port, websocket(), _IDLE)
        idle.connect(_LIVE)
        each = (_resident(server) - before) / _IDLE
        idle.close()
    with relay("fluxapi", 1000) as server:
        # The buffer and the table grow to their bounds first.
        warm = _Side(server, websocket(), _LIVE, 1)
        for _ in range(5):
            warm.burst(_LOADED, _BATCH)
        stalled = Readers(server.port, websocket(), _SUBSCRIBERS)
        stalled.connect(_LIVE)
        before = _resident(server)
        warm.burst(_LOADED, _BATCH)
        held = (_resident(server) - before) / _SUBSCRIBERS
        stalled.close()
    return [
        Figure(
            "memory of an idle subscriber", each / _KIB, "KiB", "the bound", 12, 1, at_most=True
        ),
        Figure("memory of a stalled one", held / _KIB, "KiB", "the bound", 64, 1, at_most=True),
    ]


def _stalled() -> list[Figure]:
    with relay("fluxapi", 1000) as with_one, relay("fluxapi", 1000) as without:
        number = _SUBSCRIBERS
        sides = {
            "with": _Side(with_one, websocket(), _LIVE, number),
            "without": _Side(without, websocket(), _LIVE, number - 1),
        }
        rates = _rates(sides, lambda side: side.burst(_LOADED, _BATCH, number - 1))
    return [
        Figure(
            f"delivered to {number - 1} sockets beside one that does not read",
            rates["with"], "events/s", "the same without it", rates["without"], 0.95,
        )
    ]  # fmt: skip


def _live(port: int, answer: Connection) -> None:
    readers = Readers(port, websocket(), 1)
    readers.connect(_LIVE)
    answer.send(None)
    readers.read()
    answer.send(sorted(readers.latencies))


def _back(server: Relay, hello: bytes, what: str) -> list[Figure]:
    """Measure the delay at an existing client while many others connect at once."""
    here, there = multiprocessing.Pipe()
    live = multiprocessing.get_context("spawn").Process(target=_live, args=(server.port, there))
    live.start()
    here.recv()
    back = Readers(server.port, hello, _SUBSCRIBERS)
    server.tell(do="paced", events=_PACED, rate=_RATE)
    started = time.perf_counter()
    back.connect(_LIVE)
    seconds = time.perf_counter() - started
    server.answer()
    latencies = here.recv()
    live.join()
    back.close()
    # Only the events that were sent while the clients connected.
    during = sorted(latencies)[-max(1, int(seconds * _RATE)) :]
    p99 = during[int(0.99 * len(during))] / 1e6
    return [
        Figure(
            f"{_SUBSCRIBERS} clients back at once, {what} ({back.received / 1e6:,.0f} MB)",
            seconds, "s", "the bound", 2.0, 1.0, at_most=True,
        ),
        Figure("live events meanwhile, p99", p99, "ms", "the bound", 50.0, 1.0, at_most=True),
    ]  # fmt: skip


def _reconnect() -> list[Figure]:
    whole = f"whole snapshot of {_JOBS:,} jobs each"
    with relay("fluxapi", _JOBS) as server:
        return [
            *_back(server, websocket("jobs", deflate=True), whole),
            *_back(server, websocket("jobs"), f"{whole}, not compressed"),
        ]


def _fill(answer: Connection) -> None:
    tune()
    table = Table(history=BacklogBuffer())
    hub = Hub(table, EventLog(EventBuffer(new_epoch("0" * 8))))
    table.feed([decode_journal(payload) for payload in payloads(1000)])
    hub.start()
    raw = list(live(_INGESTED, _FIRST))
    rates = []
    for start in range(0, _INGESTED, _INGESTED // _ROUNDS):
        part = raw[start : start + _INGESTED // _ROUNDS]
        began = time.perf_counter()
        for at in range(0, len(part), _PIECE):
            hub.publish(table.feed([decode_journal(payload) for payload in part[at : at + _PIECE]]))
        rates.append(len(part) / (time.perf_counter() - began))
    answer.send(statistics.median(rates))


def _ingest() -> list[Figure]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_fill, args=(there,))
    process.start()
    there.close()  # so that a process that dies ends the wait
    rate = here.recv()
    process.join()
    return [
        Figure(
            "live events from raw payload to buffer and table",
            rate, "events/s", "the target rate", 100_000, 1.0,
        )
    ]  # fmt: skip


def figures() -> list[Figure]:
    """Return all figures; they are measured one after the other."""
    return [*_ingest(), *_throughput(), *_latency(), *_memory(), *_stalled(), *_reconnect()]
