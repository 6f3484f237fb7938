"""GET /jobs at 1,000 and 100,000 jobs, beside a handler that returns ready bytes."""

from __future__ import annotations

import itertools
import json
import statistics
import urllib.error
import urllib.request
from collections.abc import Iterator

from . import load
from .figures import Figure
from .server import running

__all__ = ["figures", "rate", "wait_until_ready"]

_CONNECTIONS = 16
_ROUNDS = 5
_SMALL = 1_000
_NUMBERS = itertools.count(100_000)

_FILTERS = {
    "no filter": "/v1/jobs?limit=100",
    "state": "/v1/jobs?limit=100&state=INACTIVE",
    "user": "/v1/jobs?limit=100&user=0",
    "name prefix": "/v1/jobs?limit=100&name=train*",
    "never the same query twice": "/v1/jobs?limit=100&since=0.{number}",
}


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


async def rate(port: int, path: str, requests: int) -> float:
    """Return the requests per second of one round."""
    made: Iterator[bytes] = (load.get(path.format(number=next(_NUMBERS))) for _ in range(requests))
    if "{" not in path:
        made = itertools.repeat(load.get(path), requests)
    return (await load.run(port, made, _CONNECTIONS)).rate


async def figures(jobs: int, requests: int) -> list[Figure]:
    """Return medians of rounds in which the servers take turns, so that drift affects all alike."""
    found: list[Figure] = []
    with running("replay", jobs) as large, running("replay", _SMALL) as small:
        wait_until_ready(large.port)
        wait_until_ready(small.port)
        for name, path in _FILTERS.items():
            with running("ready", _size(large.port, path.format(number=0))) as ready:
                rounds = [
                    [
                        await rate(ready.port, "/jobs", requests),
                        await rate(large.port, path, requests),
                        await rate(small.port, path, requests),
                    ]
                    for _ in range(_ROUNDS)
                ]
            raw, many, few = (statistics.median(column) for column in zip(*rounds, strict=True))
            label = f"GET /jobs?limit=100, {jobs:,} jobs, {name}"
            found.append(Figure(label, many, "req/s", "ready bytes", raw, 0.6))
            found.append(
                Figure(
                    f"{label}: time",
                    1e6 / many,
                    "µs",
                    f"{_SMALL:,} jobs",
                    1e6 / few,
                    1.2,
                    at_most=True,
                )
            )
    return found
