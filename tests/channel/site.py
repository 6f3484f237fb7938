"""A running service, what to ask it, and what the instance behind it says of its jobs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from fluxapi.model.jobid import encode_f58, parse
from tests.running import Service, flux
from tests.waiting import poll_until

from .reader import Held, Reader

__all__ = ["SIMULATED", "Site"]

H = TypeVar("H", bound=Held)

SIMULATED = {"exec.test.run_duration": "0.001s"}
"""Attributes of a job that runs no program."""

_EVENTLOGS = """
import flux, flux.job, json, sys
handle, found = flux.Flux(), {}

def lookup(jobid):
    body = {"id": jobid, "keys": ["eventlog"], "flags": 0}
    return jobid, handle.rpc("job-info.lookup", body)

for jobid, future in [lookup(jobid) for jobid in json.load(sys.stdin)]:
    while '"name":"clean"' not in (text := future.get()["eventlog"]):
        flux.job.event_wait(handle, jobid, "clean", raiseJobException=False)
        _, future = lookup(jobid)
    found[jobid] = text
json.dump(found, sys.stdout)
"""
"""Of many jobs in one process, as the KVS holds them, which is some milliseconds behind."""


class Site:
    """One service; ``uri`` is the Flux instance behind it, ``None`` for the embedded one."""

    def __init__(self, service: Service, session: aiohttp.ClientSession, uri: str | None) -> None:
        self.service = service
        self.url = service.url
        self.session = session
        self.uri = uri

    def read(self, wire: str, held: H, **options: Any) -> Reader[H]:
        """Return a reader to enter; one that holds a cursor resumes from it."""
        return Reader(self.session, self.url, wire, held, **options)

    async def get(self, path: str) -> Any:
        """Return the JSON at a path."""
        async with self.session.get(self.url + path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def post(self, path: str, body: Any) -> Any:
        """Return the JSON that answers a request."""
        async with self.session.post(self.url + path, json=body) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def submit(self, copies: int = 1, **job: Any) -> list[str]:
        """Submit so many jobs and return their IDs; ``job`` has their fields.

        Jobs without a command of a test are only simulated by a real Flux, which needs 40 ms of a
        processor for each other one. Their events are the same.
        """
        if self.uri is not None and "command" not in job:
            job = {"attributes": SIMULATED, **job}
        body = {"job": {"command": "true", **job}, "copies": copies}
        return [made["id"] for made in (await self.post("/v1/jobs/bulk", body))["jobs"]]

    async def flux(self, *command: str, input: str | None = None) -> str:
        """Return the output of a Flux command."""
        assert self.uri is not None
        return await asyncio.to_thread(flux, self.uri, *command, input=input)

    async def eventlogs(self, ids: list[str]) -> dict[str, list[dict[str, Any]]]:
        """Return the eventlogs of jobs that have ended, by ID."""
        if self.uri is None:
            return {jobid: await self.get(f"/v1/jobs/{jobid}/eventlog") for jobid in ids}
        numbers = json.dumps([parse(jobid) for jobid in ids])
        told = await self.flux("python", "-c", _EVENTLOGS, input=numbers)
        return {
            encode_f58(int(number)): [json.loads(line) for line in text.splitlines()]
            for number, text in json.loads(told).items()
        }

    async def flux_jobs(self) -> dict[str, tuple[str, str | None]]:
        """Return state and result by ID, as ``flux jobs`` prints them."""
        told = json.loads(await self.flux("jobs", "-a", "-c", "0", "--json"))["jobs"]
        return {encode_f58(job["id"]): (job["state"], job.get("result")) for job in told}

    async def figure(self, name: str) -> int:
        """Return a value of the service's metrics."""
        async with self.session.get(f"{self.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        (line,) = [line for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
        return int(float(line.split()[-1]))

    async def until_figure(self, name: str, condition: Callable[[int], bool]) -> None:
        """Return when a value of the service's metrics satisfies *condition*."""

        async def holds() -> bool:
            return condition(await self.figure(name))

        await poll_until(holds)

    def memory(self) -> int:
        """Return the memory of the service in bytes."""
        status = Path(f"/proc/{self.service.process.pid}/status").read_text(encoding="utf-8")
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1]) << 10
