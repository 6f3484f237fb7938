"""Random faults while clients submit: no job that was acknowledged is lost, and none runs twice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from .sites import FluxSite, Site

__all__ = ["Verdict", "campaign"]

_CLIENTS = 3
_MAX_BULK = 5
_RETRY_S = 0.2
_REQUEST_TIMEOUT_S = 30.0
_SETTLE_TIMEOUT_S = 120.0
_STUCK_S = 15.0
"""Jobs that Flux itself has in the same place twice, so many seconds apart, stay there."""
_MAX_REQUESTS_BETWEEN = 4
_MAX_LATENESS_S = 0.3

_AGAIN = (aiohttp.ClientError, asyncio.TimeoutError, ConnectionError)


@dataclass
class Verdict:
    """The outcome of a campaign; each list holds sentences."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    jobs: int = 0
    requests: int = 0
    repeats: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    by_flux: list[str] = field(default_factory=list)
    """Flux's own faults: jobs that it had not written before a crash, and those it never ends."""

    def __str__(self) -> str:
        faults = ", ".join(f"{count} x {name}" for name, count in sorted(self.faults.items()))
        lines = [
            f"{self.faults.total()} faults (seed {self.seed}): {faults}",
            f"{self.jobs} jobs by {self.requests} requests, {self.repeats} of them repeats",
            f"acknowledged and lost: {len(self.lost)}, run twice: {len(self.doubled)}",
            *self.lost,
            *self.doubled,
        ]
        if self.by_flux:
            lines.append("by Flux, which had not written them before a crash, or never ends them:")
            lines += self.by_flux
        return "\n".join(lines)


@dataclass
class _Asked:
    """A request: its key, the names of its jobs, and what came of them."""

    key: str
    names: list[str]
    begun: float = 0.0
    ids: list[str] = field(default_factory=list)
    acknowledged: float = 0.0


class _Campaign:
    def __init__(self, site: Site, folder: Path, seed: int, session: aiohttp.ClientSession) -> None:
        self._site = site
        self._session = session
        self._rng = random.Random(seed)
        self._marks = folder / "marks"
        self._marks.touch()
        self._asked: list[_Asked] = []
        self._crashes: list[tuple[float, float]] = []
        self._acknowledged = asyncio.Event()
        self._over = False
        self.verdict = Verdict(seed)

    async def run(self, faults: int) -> Verdict:
        """Have so many faults befall the site, and judge."""
        clients = [asyncio.create_task(self._submit_on(number)) for number in range(_CLIENTS)]
        try:
            for _ in range(faults):
                await self._pause(clients)
                await self._befall()
        finally:
            self._over = True
        await asyncio.wait_for(asyncio.gather(*clients), _SETTLE_TIMEOUT_S)
        # The same key asks again safely, and gives the same jobs.
        for asked in self._asked:
            known, asked.ids = asked.ids, []
            await self._submit(asked)
            if known != asked.ids and not self._is_in_crash(asked):
                self.verdict.doubled.append(f"{asked.key}: {known} became {asked.ids}")
            if self._is_in_crash(asked):
                asked.acknowledged = time.monotonic()
        await self._until_inactive()
        await self._judge()
        return self.verdict

    async def _pause(self, clients: list[asyncio.Task[None]]) -> None:
        """Let the clients go on for a while, so that a fault finds them anywhere."""
        for _ in range(self._rng.randint(1, _MAX_REQUESTS_BETWEEN)):
            self._acknowledged.clear()
            waiting = asyncio.ensure_future(self._acknowledged.wait())
            await asyncio.wait([waiting, *clients], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            for client in clients:
                if client.done():
                    client.result()
        await asyncio.sleep(self._rng.uniform(0, _MAX_LATENESS_S))

    async def _befall(self) -> None:
        name, fault = self._rng.choice(sorted(self._site.faults.items()))
        self.verdict.faults[name] += 1
        print(f"{self.verdict.faults.total()}: {name}", file=sys.stderr, flush=True)
        begun, crashes = time.monotonic(), self._site.crashes
        await fault(self._rng)
        if self._site.crashes > crashes:
            self._crashes.append((begun, time.monotonic()))

    async def _submit_on(self, client: int) -> None:
        rng = random.Random(f"{self.verdict.seed} {client}")
        number = 0
        while not self._over:
            key = f"k{self.verdict.seed}-{client}-{number}"
            number += 1
            jobs = rng.choice([1, 1, rng.randint(2, _MAX_BULK)])
            asked = _Asked(key, [f"{key}.{place}" for place in range(jobs)])
            self._asked.append(asked)
            await self._submit(asked)
            await asyncio.sleep(rng.uniform(0, 0.2))

    async def _submit(self, asked: _Asked) -> None:
        """Submit, and repeat as the documents tell: after a 503, and where no answer came."""
        asked.begun = asked.begun or time.monotonic()
        path, body = self._request(asked)
        headers = {"Idempotency-Key": asked.key}
        timeout = aiohttp.ClientTimeout(_REQUEST_TIMEOUT_S)
        while not asked.ids:
            self.verdict.requests += 1
            with contextlib.suppress(*_AGAIN):
                async with self._session.post(
                    self._site.url + path, json=body, headers=headers, timeout=timeout
                ) as answer:
                    document = await answer.json()
                    asked.ids = self._ids(answer.status, document)
            if not asked.ids:
                self.verdict.repeats += 1
                await asyncio.sleep(_RETRY_S)
        asked.acknowledged = time.monotonic()
        self._acknowledged.set()

    def _request(self, asked: _Asked) -> tuple[str, Any]:
        jobs = [
            {
                "command": [
                    "sh",
                    "-c",
                    f"echo {name} $FLUX_JOB_ID >> {shlex.quote(str(self._marks))}",
                ],
                "name": name,
            }
            for name in asked.names
        ]
        return ("/v1/jobs", jobs[0]) if len(jobs) == 1 else ("/v1/jobs/bulk", {"jobs": jobs})

    def _ids(self, status: int, document: Any) -> list[str]:
        """Return the ids of an answer, or none where the request is to be repeated."""
        if status == 503:
            return []
        if status not in (201, 207):
            raise AssertionError(f"{status}: {json.dumps(document)[:500]}")
        made = document.get("jobs", [document])
        errors = [job["error"] for job in made if "error" in job]
        if any(error["status"] != 503 for error in errors):
            raise AssertionError(json.dumps(errors)[:500])
        return [] if errors else [job["id"] for job in made]

    def _is_in_crash(self, asked: _Asked) -> bool:
        """Tell whether the broker was killed while the request was on its way."""
        return any(
            begun <= asked.acknowledged and asked.begun <= end for begun, end in self._crashes
        )

    async def _until_inactive(self) -> None:
        """Wait until no job is active; note those that stay so, and whether Flux agrees."""
        site, active = self._site, [""]
        stuck: dict[str, str] = {}
        begun = look = time.monotonic()
        while active and time.monotonic() < begun + _SETTLE_TIMEOUT_S:
            await asyncio.sleep(_RETRY_S)
            with contextlib.suppress(*_AGAIN, KeyError):
                async with self._session.get(f"{site.url}/v1/jobs?state=active") as answer:
                    active = [job["id"] for job in (await answer.json())["jobs"]]
            if active and isinstance(site, FluxSite) and time.monotonic() > look + _STUCK_S:
                before, stuck, look = stuck, await site.flux_active(), time.monotonic()
                if before == stuck and stuck.keys() >= set(active):
                    break
        for jobid in active:
            last = stuck.get(jobid)
            told = self.verdict.lost if last is None else self.verdict.by_flux
            told.append(f"{jobid} stays active" + (f", in Flux, too, after {last}" if last else ""))

    async def _judge(self) -> None:
        site, verdict = self._site, self.verdict
        records = await site.jobs(self._session)
        found = _by_name((job["name"], job["id"]) for job in records)
        told = await site.flux_jobs() if isinstance(site, FluxSite) else found
        if found != told:
            verdict.lost.append("the table and Flux differ")
        completed = {job["id"] for job in records if job.get("result") == "COMPLETED"}
        marks = Counter(self._marks.read_text(encoding="utf-8").splitlines())
        ran = _by_name((mark.split()[0], mark) for mark in marks)
        for asked in self._asked:
            crashed = self._is_in_crash(asked)
            for name, jobid in zip(asked.names, asked.ids, strict=True):
                verdict.jobs += 1
                made, times = told.get(name, []), ran.get(name, [])
                if jobid not in made:
                    self._blame(verdict.lost, f"{name}: {jobid} is gone, there are {made}", crashed)
                if jobid in completed and not times:
                    verdict.lost.append(f"{name}: {jobid} completed and did not run")
                if len(made) > 1 or len(times) > 1:
                    self._blame(verdict.doubled, f"{name}: is {made}, ran as {times}", crashed)
        for mark, count in marks.items():
            if count > 1:
                # A job has one id, however often its broker starts it after a crash.
                self._blame(verdict.doubled, f"{mark}: ran {count} times", bool(self._crashes))

    def _blame(self, sentences: list[str], sentence: str, crashed: bool) -> None:
        (self.verdict.by_flux if crashed else sentences).append(sentence)


def _by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


async def campaign(site: Site, folder: Path, *, faults: int, seed: int) -> Verdict:
    """Start the site, submit while so many faults befall it, end it; what became of the jobs."""
    await site.start()
    try:
        async with aiohttp.ClientSession() as session:
            return await _Campaign(site, folder, seed, session).run(faults)
    finally:
        await site.close_all()
