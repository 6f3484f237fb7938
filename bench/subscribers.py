"""Ten thousand subscribers of one process, beside plain transports that write the same bytes."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection

from .figures import Figure
from .readers import Readers, websocket
from .relay import Relay, relay

__all__ = ["figures"]

_SUBSCRIBERS = 10_000
_RATE = 100.0
_EVENTS = 500
_EVERY = 50
"""One of so many readers notes the latencies."""
_SINGLE = 10
_SINGLE_RATE = 2.0
"""Events of a round that are written alone, since each is written before the next one comes."""
_ROUNDS = 3
_MS = 1e6
_KIB = 1024


def _read(port: int, until: bytes, orders: Connection) -> None:
    """Connect all readers; then, at each order, read a run and send the latencies."""
    readers = Readers(port, websocket(), _SUBSCRIBERS, every=_EVERY)
    readers.connect(until)
    orders.send(None)
    while orders.recv():
        readers.latencies.clear()
        readers.read()
        orders.send(sorted(readers.latencies))


class _Side:
    """One server, and its readers in a process of their own: no process may open all sockets."""

    def __init__(self, server: Relay, until: bytes) -> None:
        self.server = server
        self.alone: list[float] = []
        self.p99: list[int] = []
        self._readers, there = multiprocessing.Pipe()
        before = self._resident()
        multiprocessing.get_context("spawn").Process(
            target=_read, args=(server.port, until, there), daemon=True
        ).start()
        there.close()  # so that a process that dies ends the wait
        self._readers.recv()
        self.memory = (self._resident() - before) / _SUBSCRIBERS

    def run(self) -> None:
        """Send events, one alone and at the rate; note the CPU time of one, and the p99."""
        self._readers.send(True)
        before = self._processor()
        self.server.tell(do="paced", events=_SINGLE, rate=_SINGLE_RATE)
        self._readers.recv()
        self.server.answer()
        # The last event, which ends the run, is one more.
        self.alone.append((self._processor() - before) / (_SINGLE + 1))
        self._readers.send(True)
        self.server.tell(do="paced", events=_EVENTS, rate=_RATE)
        found = self._readers.recv()
        self.server.answer()
        assert len(found) == _EVENTS * _SUBSCRIBERS // _EVERY
        self.p99.append(found[int(0.99 * len(found))])

    def close(self) -> None:
        """Let the readers end."""
        self._readers.send(False)

    def _processor(self) -> float:
        self.server.tell(do="processor")
        seconds: float = self.server.answer()["processor"]
        return seconds

    def _resident(self) -> int:
        self.server.tell(do="memory")
        resident: int = self.server.answer()["resident"]
        return resident


def figures() -> list[Figure]:
    """Measure in turns; the best of the rounds counts, since it had most of the machine."""
    with relay("fluxapi", 1000) as ours, relay("raw") as raw:
        sides = [_Side(ours, b'"bookmark"'), _Side(raw, b"\r\n\r\n")]
        for _ in range(_ROUNDS):
            for side in sides:
                side.run()
        for side in sides:
            side.close()
    mine, theirs = sides
    name = f"{_SUBSCRIBERS:,} subscribers at {_RATE:.0f} events/s"
    least = min(theirs.p99) / _MS
    alone = min(theirs.alone) * 1e3
    return [
        Figure(
            f"one event to {_SUBSCRIBERS:,} subscribers, CPU time: above the raw socket's "
            f"{alone:,.1f} ms",
            min(mine.alone) * 1e3 - alone, "ms", "the bound", 10.0, 1.0, at_most=True,
        ),
        Figure(
            f"{name}, p99: above the raw socket's {least:,.0f} ms",
            min(mine.p99) / _MS - least, "ms", "the bound", 10.0, 1.0, at_most=True,
        ),
        Figure(
            f"memory of each of {_SUBSCRIBERS:,} subscribers",
            mine.memory / _KIB, "KiB", "the bound", 16.0, 1.0, at_most=True,
        ),
    ]  # fmt: skip
