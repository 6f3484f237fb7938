"""10,000 job IDs queried by one request, among 100,000 jobs."""

from __future__ import annotations

import itertools
import json
import random
import urllib.request
from typing import Any

from . import load
from .figures import Figure
from .listing import wait_until_ready
from .server import running

__all__ = ["figures"]

_IDS = 10_000
_PAGE_JOBS = 1_000
_REQUESTS = 20
_MAX_QUERY_MS = 50.0


def _get(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return json.loads(answer.read())


def _ids(port: int) -> list[str]:
    """Return the IDs of the newest jobs, in no order."""
    found: list[str] = []
    path = f"/v1/jobs?limit={_PAGE_JOBS}"
    page = _get(port, path)
    while True:
        found += [job["id"] for job in page["jobs"]]
        if len(found) >= _IDS:
            break
        page = _get(port, f"{path}&page={page['next']}")
    random.Random(1).shuffle(found)  # noqa: S311 - no secret
    return found[:_IDS]


async def figures(jobs: int) -> list[Figure]:
    """Return the median latency of one client that asks again and again."""
    with running("replay", jobs) as server:
        wait_until_ready(server.port)
        body = json.dumps({"ids": _ids(server.port)}).encode()
        request = load.post("/v1/jobs/query", body)
        done = await load.run(server.port, itertools.repeat(request, _REQUESTS), 1)
    assert done.rate, done.statuses
    return [
        Figure(
            f"{_IDS:,} IDs queried, {jobs:,} jobs: time",
            done.percentile(0.5) * 1e3,
            "ms",
            "the bound",
            _MAX_QUERY_MS,
            1.0,
            at_most=True,
        )
    ]
