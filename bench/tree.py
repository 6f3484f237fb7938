"""Child instances: how soon one is open, what a counter costs, and its events beside the root's."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import aiohttp

from tests.flux.tree import child_uri, launch
from tests.running import flux, flux_instance, service

from .figures import Figure

__all__ = ["figures"]

_JOBS = 1000
_BURST = 300
_ROUNDS = 5
_TURNS = 4
_COUNTED = 3
_IDLE_S = 10.0
_SETTLE_S = 2.0
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


def figures() -> list[Figure]:
    """Measure on two brokers with a few children of one broker each."""
    found: list[Figure] = []
    with flux_instance(2) as root:
        children = [launch(root) for _ in range(_COUNTED)]
        uris = [child_uri(root, jobid) for jobid in children]
        for uri in uris[:2]:
            _submit(uri, _JOBS)
            flux(uri, "queue", "idle", "--quiet")
        for transport, limit in (("local", 0.3), ("parent", 1.0)):
            flags = (f"--child-transports={transport}", "--max-children=1")
            with service(*flags, FLUX_URI=root) as running:
                running.wait_until_ready()
                first = asyncio.run(_open(running.url, children[:2]))
                name = f"child of {_JOBS:,} jobs opened, first rows ({transport})"
                found.append(Figure(name, first, "s", "limit", limit, 1, at_most=True))
        with service(FLUX_URI=root) as running, service(FLUX_URI=uris[2]) as direct:
            running.wait_until_ready()
            direct.wait_until_ready()
            found += asyncio.run(_count(running.url, running.process.pid))
            child = f"{running.url}/v1/instances/{children[2]}"
            found += asyncio.run(_follow(child, f"{direct.url}/v1", uris[2]))
    return found


def _submit(uri: str, jobs: int) -> None:
    quick = "--setattr=exec.test.run_duration=0.001s"
    flux(uri, "submit", f"--cc=1-{jobs}", "--quiet", quick, "true")


async def _open(url: str, paths: list[str]) -> float:
    """Return the median time until a page of jobs of a closed child is there."""
    times = []
    async with aiohttp.ClientSession() as session:
        for number in range(2 * _ROUNDS):
            # Only one may be open, so each request closes the other one.
            path = paths[number % 2]
            started = time.perf_counter()
            async with session.get(f"{url}/v1/instances/{path}/jobs?limit=100") as answer:
                assert answer.status == 200, await answer.text()
                page = await answer.json()
            times.append(time.perf_counter() - started)
            assert len(page["jobs"]) == 100
    return statistics.median(times)


async def _count(url: str, pid: int) -> list[Figure]:
    """Return the memory of a counter, and the CPU time of counters without changes."""
    async with aiohttp.ClientSession() as session:
        alone = await _idle_share(pid)
        before = _resident(pid)
        async with session.get(f"{url}/v1/instances?counts=true") as answer:
            found = (await answer.json())["instances"]
        counted = sum("jobs" in it for it in found) - 1
        each = max(_resident(pid) - before, 0) / max(counted, 1) / 1024
        await asyncio.sleep(_SETTLE_S)
        share = max(await _idle_share(pid) - alone, 0)
    return [
        Figure("memory of a counter of a closed child", each, "KiB", "limit", 50, 1, at_most=True),
        Figure(
            f"CPU of {counted} idle counters, above {100 * alone:.1f} % without them",
            100 * share, "%", "limit", 0.5, 1, at_most=True,
        ),
    ]  # fmt: skip


async def _idle_share(pid: int) -> float:
    """Return the share of a core that an idle process takes."""
    before = _processor(pid)
    await asyncio.sleep(_IDLE_S)
    return (_processor(pid) - before) / _IDLE_S


async def _follow(child: str, root: str, broker: str) -> list[Figure]:
    """Return latency and rate of the events of an instance as a child, beside those as a root.

    ``child`` and ``root`` are two ways to the same broker: the rate of a broker depends on the
    number of its nodes and cores, so another one gives no baseline.
    """
    async with aiohttp.ClientSession() as session:
        lags: dict[str, list[float]] = {child: [], root: []}
        rates: dict[str, list[float]] = {child: [], root: []}
        for number in range(_TURNS):
            # A broker becomes slower with each burst, so each way begins as often as the other.
            for api in (root, child) if number % 2 else (child, root):
                lag, rate = await _burst(session, api, broker)
                lags[api].append(lag)
                rates[api].append(rate)
    lag, root_lag = (1e3 * statistics.median(lags[api]) for api in (child, root))
    rate, root_rate = (statistics.median(rates[api]) for api in (child, root))
    return [
        Figure("latency of a child's events", lag, "ms", "the same as a root", root_lag, 1.2,
               at_most=True),
        Figure("rate of a child's events", rate, "events/s", "the same as a root", root_rate, 0.9),
    ]  # fmt: skip


async def _burst(session: aiohttp.ClientSession, api: str, broker: str) -> tuple[float, float]:
    """Return the median time from an event to its arrival, and the events per second."""
    lags: list[float] = []
    ended = 0
    headers = {"Accept": "application/x-ndjson"}
    async with session.get(f"{api}/events", headers=headers) as stream:
        submitting: asyncio.Task[None] | None = None
        started = 0.0
        async for line in stream.content:
            message: dict[str, Any] = json.loads(line)
            if message["type"] == "bookmark" and submitting is None:
                submitting = asyncio.create_task(asyncio.to_thread(_submit, broker, _BURST))
                started = time.perf_counter()
            elif message["type"] == "event":
                lags.append(time.time() - message["timestamp"])
                ended += message["name"] == "clean"
                if ended == _BURST:
                    break
        took = time.perf_counter() - started
        if submitting is not None:
            await submitting
    return statistics.median(lags), len(lags) / took


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE


def _processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
