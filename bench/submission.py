"""Submission through HTTP beside raw ``submit_async`` on one real broker; and the lag meanwhile.

``python -m bench.submission JOBS`` inside ``flux start`` prints the figures as JSON;
:func:`figures` starts that and reads it.
"""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys

import uvloop

from . import load
from .figures import Figure
from .raw_submit import JOBSPEC
from .server import running

__all__ = ["figures"]

_WINDOW = 256
_ROUNDS = 3
_LAG_BOUND = 10.0


def _raw(jobs: int) -> float:
    command = [sys.executable, "-m", "bench.raw_submit", str(jobs), str(_WINDOW)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _idle() -> None:
    """Let the jobs of the last round end: they would be load for the next."""
    subprocess.run(["flux", "queue", "idle", "--quiet"], check=True)


async def _single(port: int, jobs: int) -> float:
    request = load.post("/v1/jobs", json.dumps({"jobspec": JOBSPEC}).encode())
    return (await load.run(port, itertools.repeat(request, jobs), _WINDOW)).rate


async def _bulk(port: int, jobs: int) -> float:
    body = json.dumps({"job": {"jobspec": JOBSPEC}, "copies": jobs}).encode()
    return (await load.run(port, iter([load.post("/v1/jobs/bulk", body)]), 1)).rate * jobs


async def _submit_and_list(port: int, jobs: int) -> None:
    submit = load.post("/v1/jobs", json.dumps({"jobspec": JOBSPEC}).encode())
    listing = load.get("/v1/jobs?limit=100")
    requests = itertools.islice(itertools.cycle([submit, listing]), jobs * 2)
    await load.run(port, requests, _WINDOW)


async def _measure(jobs: int) -> list[Figure]:
    rounds: list[tuple[float, float, float]] = []
    with running("flux", 0) as server:
        for _ in range(_ROUNDS):
            raw = _raw(jobs)
            _idle()
            single = await _single(server.port, jobs)
            _idle()
            bulk = await _bulk(server.port, 10_000)
            _idle()
            rounds.append((raw, single, bulk))
    with running("flux", 0) as server:
        await _submit_and_list(server.port, jobs)
        _idle()
    raw, single, bulk = (statistics.median(column) for column in zip(*rounds, strict=True))
    baseline = f"submit_async, {_WINDOW} in flight"
    return [
        Figure(f"single submits, {_WINDOW} in flight", single, "jobs/s", baseline, raw, 0.80),
        Figure("one bulk request of 10,000", bulk, "jobs/s", baseline, raw, 0.95),
        Figure(
            f"event loop lag p99, {_WINDOW} clients submit and list",
            server.lag * 1e3,
            "ms",
            "the bound",
            _LAG_BOUND,
            1.0,
            at_most=True,
        ),
    ]


def figures(jobs: int) -> list[Figure]:
    """The figures on a Flux instance of four brokers, started for this."""
    command = [
        "flux",
        "start",
        "--test-size=4",
        sys.executable,
        "-m",
        "bench.submission",
        str(jobs),
    ]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [Figure(**fields) for fields in json.loads(output.splitlines()[-1])]


if __name__ == "__main__":
    found = uvloop.new_event_loop().run_until_complete(_measure(int(sys.argv[1])))
    print(json.dumps([vars(figure) for figure in found]))
