"""A group of 100,000 jobs: its row, its counts and its jobs, beside a page of as many jobs."""

from __future__ import annotations

import json
import statistics
import urllib.request

from .backlog import GROUP
from .figures import Figure
from .listing import rate, wait_until_ready
from .server import running

__all__ = ["figures"]

_ROUNDS = 5
_SMALL = 1_000
_PAGE = "/v1/jobs?limit=100"
_BESIDE = {
    "its row": "/v1/groups",
    "its counts": f"/v1/groups/{GROUP}",
    "its jobs": f"/v1/jobs?limit=100&group={GROUP}",
    "its failed jobs": f"/v1/jobs?limit=100&group={GROUP}&result=FAILED",
}


def _total(port: int) -> int:
    with urllib.request.urlopen(
        f"http://127.0.0.1:{port}{_BESIDE['its counts']}", timeout=30
    ) as answer:
        found: int = json.loads(answer.read())["total"]
    return found


async def figures(jobs: int, requests: int) -> list[Figure]:
    """Return medians of rounds in which the requests take turns."""
    found: list[Figure] = []
    with running("grouped", jobs) as large, running("grouped", _SMALL) as small:
        for server in (large, small):
            wait_until_ready(server.port)
        assert _total(large.port) == jobs
        for name, path in _BESIDE.items():
            rounds = [
                [
                    1e6 / await rate(large.port, path, requests),
                    1e6 / await rate(large.port, _PAGE, requests),
                    1e6 / await rate(small.port, path, requests),
                ]
                for _ in range(_ROUNDS)
            ]
            many, page, few = (statistics.median(column) for column in zip(*rounds, strict=True))
            label = f"group of {jobs:,}, {name}"
            found.append(
                Figure(label, many, "µs", f"a page of {jobs:,} jobs", page, 1.2, at_most=True)
            )
            found.append(
                Figure(label, many, "µs", f"a group of {_SMALL:,}", few, 1.2, at_most=True)
            )
    return found
