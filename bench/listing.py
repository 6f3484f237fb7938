"""GET /jobs at 1,000 and 100,000 jobs, beside a handler that returns ready bytes."""

from __future__ import annotations

import itertools
import json
import statistics
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import NamedTuple

from . import load
from .figures import Figure
from .server import Running, running

__all__ = ["figures", "rate", "wait_until_ready"]

_CONNECTIONS = 16
_ROUNDS = 5
_SMALL = 1_000
_NUMBERS = itertools.count(100_000)

_NEW = "/v1/jobs?limit=100&since=0.{number}"
_FILTERS = {
    "replay": {
        "no filter": "/v1/jobs?limit=100",
        "state": "/v1/jobs?limit=100&state=INACTIVE",
        "user": "/v1/jobs?limit=100&user=0",
        "name prefix": "/v1/jobs?limit=100&name=train*",
        "never the same query twice": _NEW,
    },
    "busy": {"the same while 500 events/s come in": _NEW},
}
"""Queries by the kind of the server."""


def _size(port: int, path: str) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        body = answer.read()
    assert len(json.loads(body)["jobs"]) == 100, "the table is not full yet"
    return len(body)


def wait_until_ready(port: int) -> None:
    """Return once the service has read its backlog."""
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=30).close()
        except urllib.error.HTTPError:
            continue
        return


class _Round(NamedTuple):
    """Requests per second, and the CPU time of each in the server, in microseconds."""

    rate: float
    time: float


async def _measure(server: Running, path: str, requests: int) -> _Round:
    before = server.processor_time()
    found = await rate(server.port, path, requests)
    return _Round(found, 1e6 * (server.processor_time() - before) / requests)


async def rate(port: int, path: str, requests: int) -> float:
    """Return the requests per second of one round."""
    made: Iterator[bytes] = (load.get(path.format(number=next(_NUMBERS))) for _ in range(requests))
    if "{" not in path:
        made = itertools.repeat(load.get(path), requests)
    return (await load.run(port, made, _CONNECTIONS)).rate


async def figures(jobs: int, requests: int) -> list[Figure]:
    """Return medians of rounds in which the servers take turns, so that drift affects all alike."""
    found: list[Figure] = []
    for kind, filters in _FILTERS.items():
        with running(kind, jobs) as large, running(kind, _SMALL) as small:
            wait_until_ready(large.port)
            wait_until_ready(small.port)
            for name, path in filters.items():
                with running("ready", _size(large.port, path.format(number=0))) as ready:
                    rounds = [
                        (
                            await _measure(ready, "/jobs", requests),
                            await _measure(large, path, requests),
                            await _measure(small, path, requests),
                        )
                        for _ in range(_ROUNDS)
                    ]
                label = f"GET /jobs?limit=100, {jobs:,} jobs, {name}"
                found += _compared(label, *(list(column) for column in zip(*rounds, strict=True)))
    return found


def _compared(
    label: str, raw: list[_Round], many: list[_Round], few: list[_Round]
) -> Iterator[Figure]:
    rates = [statistics.median(one.rate for one in rounds) for rounds in (raw, many)]
    # The least time is that with the fewest interruptions.
    times = [min(one.time for one in rounds) for rounds in (raw, many, few)]
    yield Figure(label, rates[1], "req/s", "ready bytes", rates[0], 0.5)
    label = f"{label}: CPU time"
    yield Figure(label, times[1], "µs", "ready bytes", times[0], 2.0, at_most=True)
    yield Figure(label, times[1], "µs", f"{_SMALL:,} jobs", times[2], 1.2, at_most=True)
