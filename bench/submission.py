"""Submission through HTTP beside raw ``submit_async`` on one real broker; and the lag meanwhile.

``python -m bench.submission JOBS`` inside ``flux start`` measures one round and prints it as JSON;
:func:`figures` starts that on a new instance for each round: jobs are load for the next round.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import aiohttp
import uvloop

from . import load
from .figures import Figure
from .raw_submit import JOBSPEC
from .server import Running, running

__all__ = ["figures"]

_WINDOW = 256
_ROUNDS = 3
_BULK = 10_000
_LAG_BOUND = 10.0
_PAGE = 64_000
_CPU_BOUND_US = 230.0
_CPU_TO_END_BOUND_US = 500.0
_LEAST = "aiohttp and libflux in one thread"


def _raw(jobs: int) -> float:
    command = [sys.executable, "-m", "bench.raw_submit", str(jobs), str(_WINDOW)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _idle() -> None:
    """Wait for the end of the last measurement's jobs, which would be load for the next one."""
    subprocess.run(["flux", "queue", "idle", "--quiet"], check=True)


async def _single(port: int, jobs: int) -> float:
    request = load.post("/v1/jobs", json.dumps({"jobspec": JOBSPEC}).encode())
    return (await load.run(port, itertools.repeat(request, jobs), _WINDOW)).rate


async def _plain_client(port: int, jobs: int) -> float:
    """Return the submissions per second of a client that everybody would write."""
    loop = asyncio.get_running_loop()
    left = itertools.repeat(None, jobs)
    body = {"jobspec": JOBSPEC}
    connector = aiohttp.TCPConnector(limit=_WINDOW)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", connector=connector) as session:

        async def submit_some() -> None:
            for _ in left:
                async with session.post("/v1/jobs", json=body) as response:
                    assert response.status == 201
                    await response.json()

        started = loop.time()
        await asyncio.gather(*(submit_some() for _ in range(_WINDOW)))
        return jobs / (loop.time() - started)


def _cpu(pid: int) -> float:
    """Return the CPU time that a process has taken, in microseconds (proc(5), schedstat)."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e3


async def _bulk(port: int) -> float:
    body = json.dumps({"job": {"jobspec": JOBSPEC}, "copies": _BULK}).encode()
    return (await load.run(port, iter([load.post("/v1/jobs/bulk", body)]), 1)).rate * _BULK


async def _submit_and_list(port: int, jobs: int) -> None:
    submit = load.post("/v1/jobs", json.dumps({"jobspec": JOBSPEC}).encode())
    listing = load.get("/v1/jobs?limit=100")
    requests = itertools.islice(itertools.cycle([submit, listing]), jobs * 2)
    await load.run(port, requests, _WINDOW)


async def _ready_beside_submission(port: int, jobs: int) -> None:
    """Measure the same clients and broker load with a handler that does nothing."""
    command = [sys.executable, "-m", "bench.raw_submit", str(jobs), str(_WINDOW)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL):  # noqa: ASYNC220 - load is all it is
        await load.run(port, itertools.repeat(load.get("/jobs"), jobs * 4), _WINDOW)


class _Cost(NamedTuple):
    """The CPU time of a submission in a service, in microseconds.

    ``to_end`` is that with the journal messages of the job.
    """

    submission: float
    to_end: float


async def _measure(server: Running, jobs: int) -> tuple[float, _Cost]:
    """Return the single submissions per second, and the cost of one."""
    before = _cpu(server.pid)
    rate = await _single(server.port, jobs)
    submitted = _cpu(server.pid)
    _idle()
    return rate, _Cost((submitted - before) / jobs, (_cpu(server.pid) - before) / jobs)


async def _round(jobs: int) -> list[float]:
    raw = _raw(jobs)
    _idle()
    with running("flux", 0) as server:
        single, cost = await _measure(server, jobs)
        plain = await _plain_client(server.port, jobs)
        _idle()
    with running("bare", 0) as bare:
        _, least = await _measure(bare, jobs)
    with running("flux", 0, measures_lag=True) as watched:
        await _submit_and_list(watched.port, jobs)
    _idle()
    with running("ready", _PAGE, measures_lag=True) as ready:
        await _ready_beside_submission(ready.port, jobs)
    _idle()
    with running("flux", 0) as server:
        bulk = await _bulk(server.port)
    lags = [watched.lag * 1e3, ready.lag * 1e3]
    return [raw, single, bulk, *lags, plain, *cost, *least]


def _on_flux(jobs: int) -> list[float]:
    program = [sys.executable, "-m", "bench.submission", str(jobs)]
    with subprocess.Popen(
        ["flux", "start", "--test-size=4", *program],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as flux:
        assert flux.stdout is not None
        found: list[float] = json.loads(flux.stdout.readline())
        # Thousands of jobs still run: nobody waits for them to be canceled one by one.
        os.killpg(flux.pid, signal.SIGKILL)
    return found


def figures(jobs: int) -> list[Figure]:
    """Return medians of rounds, each on a new Flux instance of four brokers."""
    rounds = [_on_flux(jobs) for _ in range(_ROUNDS)]
    raw, single, bulk, lag, least_lag, plain, cpu, to_end, least, least_to_end = (
        statistics.median(column) for column in zip(*rounds, strict=True)
    )
    baseline = f"submit_async, {_WINDOW} in flight"
    return [
        Figure(f"single submits, {_WINDOW} in flight", single, "jobs/s", baseline, raw, 0.80),
        Figure(
            f"the same, from a plain aiohttp client, {_WINDOW} in flight",
            plain,
            "jobs/s",
            baseline,
            raw,
            0.88,
        ),
        Figure(
            "CPU time of the service for a single submission, all threads",
            cpu,
            "µs",
            "the bound",
            _CPU_BOUND_US,
            1.0,
            at_most=True,
        ),
        Figure(
            "the same with the events of the job to its end, which nobody follows",
            to_end,
            "µs",
            "the bound",
            _CPU_TO_END_BOUND_US,
            1.0,
            at_most=True,
        ),
        Figure(
            "the same without the events, beside the least service",
            cpu,
            "µs",
            _LEAST,
            least,
            0.0,
        ),
        Figure(
            "with the events, beside the least service", to_end, "µs", _LEAST, least_to_end, 0.0
        ),
        Figure(f"one bulk request of {_BULK:,}", bulk, "jobs/s", baseline, raw, 0.95),
        Figure(
            f"event loop lag p99, {_WINDOW} clients submit and list",
            lag,
            "ms",
            "the bound",
            _LAG_BOUND,
            1.0,
            at_most=True,
        ),
        Figure(
            "the same beside the least any server has",
            lag,
            "ms",
            "ready bytes, same clients, same broker load",
            least_lag,
            0.0,
        ),
    ]


if __name__ == "__main__":
    found = uvloop.new_event_loop().run_until_complete(_round(int(sys.argv[1])))
    print(json.dumps(found), flush=True)
