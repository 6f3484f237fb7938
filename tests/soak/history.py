"""The history under SIGKILL: a service is killed again and again while jobs pass on a real Flux."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from fluxapi.archive.database import FILE_NAME, connect
from fluxapi.archive.ended_job import unpack
from fluxapi.model.jobid import parse
from tests.running import Service, clean_environment, flux, flux_instance, service
from tests.waiting import files_show

__all__ = ["Verdict", "campaign"]

_LIFE_S = (0.1, 2.0)
"""For how long a service follows the events before it is killed."""

_WINDOW = 200
"""Jobs that are submitted at once."""

_LATE_S = 300.0

_EVENTLOGS = """
import json, sys, flux
handle = flux.Flux()
for line in sys.stdin:
    body = {"id": int(line), "keys": ["eventlog"], "flags": 0}
    print(json.dumps(handle.rpc("job-info.lookup", body).get()["eventlog"]))
"""


@dataclass
class Verdict:
    """The findings after the last service has ended."""

    kills: int
    jobs: int
    relayed: int
    missing: int = 0
    doubled: int = 0
    different: int = 0

    @property
    def holds(self) -> bool:
        """Return whether each job that a subscriber saw end is stored once, as Flux has it."""
        return not (self.missing or self.doubled or self.different)

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.jobs} jobs, {self.relayed} relayed as ended: "
            f"{self.missing} missing, {self.doubled} stored twice, "
            f"{self.different} unlike the eventlog of Flux"
        )


async def campaign(folder: Path, *, kills: int, jobs: int, seed: int) -> Verdict:
    """Kill a service *kills* times while *jobs* jobs pass; compare the history with Flux."""
    luck = random.Random(seed)
    relayed: set[int] = set()
    with flux_instance(size=1) as uri:
        passing = asyncio.create_task(_pass(uri, jobs))
        try:
            for _ in range(kills):
                await _life(uri, folder, luck.uniform(*_LIFE_S), relayed)
            await passing
        finally:
            passing.cancel()
            await asyncio.gather(passing, return_exceptions=True)
        await asyncio.to_thread(flux, uri, "queue", "idle", "--quiet")
        with _serving(uri, folder) as last:
            await asyncio.to_thread(last.wait_until_ready)
            await _until_stored(folder, relayed)
            await asyncio.to_thread(last.end)
        eventlogs = await asyncio.to_thread(_eventlogs, uri, sorted(relayed))
    verdict = Verdict(kills, jobs, len(relayed))
    stored = _stored(folder)
    verdict.doubled = len(stored) - len({jobid for jobid, _ in stored})
    found = dict(stored)
    verdict.missing = len(relayed - found.keys())
    verdict.different = sum(
        _entries(found[jobid]) != _entries(eventlog)
        for jobid, eventlog in eventlogs.items()
        if jobid in found
    )
    return verdict


def _serving(uri: str, folder: Path) -> contextlib.AbstractContextManager[Service]:
    return service("--log-level=error", FLUX_URI=uri, FLUXAPI_STATEDIR=str(folder))


async def _pass(uri: str, jobs: int) -> None:
    """Submit jobs in bunches, each when the last one has ended."""
    for start in range(0, jobs, _WINDOW):
        count = min(_WINDOW, jobs - start)
        copies = f"--cc=1-{count}"
        await asyncio.to_thread(flux, uri, "submit", "--quiet", "--wait", copies, "-n1", "true")


async def _life(uri: str, folder: Path, seconds: float, relayed: set[int]) -> None:
    """Start a service, follow its events for some seconds, and kill it."""
    serving = _serving(uri, folder)
    started = await asyncio.to_thread(serving.__enter__)
    try:
        following = asyncio.create_task(_follow(started.url, relayed))
        await asyncio.wait({following}, timeout=seconds)
        started.process.kill()
        with contextlib.suppress(aiohttp.ClientError, OSError):
            await following
    finally:
        await asyncio.to_thread(serving.__exit__, None, None, None)


async def _follow(url: str, relayed: set[int]) -> None:
    accept = {"Accept": "application/x-ndjson"}
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(f"{url}/v1/events?event=clean", headers=accept) as stream,
    ):
        async for line in stream.content:
            # A line may be cut by the kill.
            with contextlib.suppress(ValueError):
                message = json.loads(line)
                if message.get("name") == "clean":
                    relayed.add(parse(message["id"]))


async def _until_stored(folder: Path, relayed: set[int]) -> None:
    """Return once all jobs are stored as Flux has them, or it takes too long."""
    with contextlib.suppress(asyncio.TimeoutError):
        await files_show(
            folder,
            lambda: relayed <= {jobid for jobid, _ in _stored(folder, exact=True)},
            _LATE_S,
        )


def _stored(folder: Path, *, exact: bool = False) -> list[tuple[int, bytes]]:
    query = "SELECT jobs.id, data FROM jobs JOIN details ON job = jobs.key"
    with closing(connect(folder / FILE_NAME, readonly=True)) as database:
        rows = database.execute(query + (" WHERE exact" if exact else "")).fetchall()
    return [(jobid, unpack(data).eventlog) for jobid, data in rows]


def _eventlogs(uri: str, ids: list[int]) -> dict[int, str]:
    """Return the eventlogs that Flux has of these jobs."""
    done = subprocess.run(
        ["flux", "python", "-c", _EVENTLOGS],
        env=clean_environment(FLUX_URI=uri),
        input="".join(f"{jobid}\n" for jobid in ids),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return dict(zip(ids, map(json.loads, done.stdout.splitlines()), strict=True))


def _entries(eventlog: str | bytes) -> list[object]:
    return [json.loads(line) for line in eventlog.splitlines()]
