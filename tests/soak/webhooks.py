"""A service with a webhook that is killed again and again: each event of each job arrives."""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.webhooks.receiver import Message, Receiver, receiving

from .sites import EmbeddedSite, FluxSite, Site

__all__ = ["Verdict", "campaign", "latency", "site"]

ALLOW = "--webhook-allow=127.0.0.1"

_MAX_LIFE_S = 0.6
"""Longest life of a service after it has answered."""

_FAILING = 0.1
"""The part of the messages that the receiver refuses for now."""

_PATIENCE_S = 180.0
_AT_ONCE = 10
"""Jobs in one request of :func:`latency`."""

_UNINDEXED = {"annotations", "invalidate", "memo"}


@dataclass
class Verdict:
    """The result of a campaign.

    ``lost`` are events of Flux's eventlogs that did not arrive, ``repeated`` messages that arrived
    again, ``disordered`` jobs whose events first arrived in another order.
    """

    restarts: int
    jobs: int = 0
    events: int = 0
    repeated: int = 0
    lost: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.restarts} restarts, {self.jobs} jobs, {self.events} events: "
            f"{len(self.lost)} lost {self.lost[:5]}, {self.repeated} repeated, "
            f"{len(self.disordered)} out of order {self.disordered[:5]}"
        )

    @property
    def holds(self) -> bool:
        """Return whether each event arrived, in order."""
        return bool(self.jobs) and not self.lost and not self.disordered


def site(kind: type[EmbeddedSite | FluxSite], folder: Path) -> EmbeddedSite | FluxSite:
    """Return a site whose service has a state directory and may send to loopback."""
    if kind is EmbeddedSite:
        return EmbeddedSite(folder, ALLOW)
    return FluxSite(folder, ALLOW, f"--statedir={folder / 'service'}")


async def campaign(site: Site, *, restarts: int, seed: int) -> Verdict:
    """Kill the service *restarts* times while jobs run, and compare what arrived."""
    rng = random.Random(seed)
    verdict = Verdict(restarts)
    async with receiving() as receiver, aiohttp.ClientSession() as session:
        receiver.answer = _unreliable(rng)
        await site.start()
        try:
            await _create(session, site, receiver, {})
            for _ in range(restarts):
                await _live(session, site, rng)
                await site.kill()
                if isinstance(site, FluxSite):
                    await site.submit_without_service(rng.randint(0, 2))
                await site.start()
            receiver.answer = None
            await _compare(session, site, receiver, verdict)
        finally:
            await site.close_all()
    return verdict


def _unreliable(rng: random.Random) -> Any:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=503 if rng.random() < _FAILING else 204)

    return answer


async def _create(
    session: aiohttp.ClientSession, site: Site, receiver: Receiver, fields: dict[str, Any]
) -> None:
    body = {"url": receiver.url, **fields}
    async with session.post(f"{site.url}/v1/webhooks", json=body) as response:
        assert response.status == 201, await response.text()


async def _submit(session: aiohttp.ClientSession, site: Site, count: int) -> None:
    body = {"jobs": [{"command": ["true"]}] * count}
    async with session.post(f"{site.url}/v1/jobs/bulk", json=body) as response:
        assert response.status == 201, await response.text()
        await response.read()


async def _live(session: aiohttp.ClientSession, site: Site, rng: random.Random) -> None:
    """Submit some jobs, and let the service live for a moment."""
    with contextlib.suppress(aiohttp.ClientError):
        await _submit(session, site, rng.randint(1, 8))
    await asyncio.sleep(rng.uniform(0, _MAX_LIFE_S))


async def _compare(
    session: aiohttp.ClientSession, site: Site, receiver: Receiver, verdict: Verdict
) -> None:
    """Wait until all jobs have ended, and compare the messages with the eventlogs."""
    jobs = await site.jobs(session)
    body = {"ids": [job["id"] for job in jobs], "timeout": _PATIENCE_S}
    async with session.post(f"{site.url}/v1/jobs/wait", json=body) as response:
        answer = await response.json()
    assert not answer["active"], "the jobs do not end"
    expected: dict[str, int] = {}
    for job in jobs:
        async with session.get(f"{site.url}/v1/jobs/{job['id']}/eventlog") as response:
            names = [event["name"] for event in await response.json()]
        expected[job["id"]] = sum(name not in _UNINDEXED for name in names)
    verdict.jobs, verdict.events = len(expected), sum(expected.values())

    def missing(messages: list[Message]) -> list[str]:
        seen = {it.id.partition("-")[2] for it in messages}
        return [
            f"{job}-{index}"
            for job, count in expected.items()
            for index in range(count)
            if f"{job}-{index}" not in seen
        ]

    try:
        await receiver.until(lambda messages: not missing(messages), 60)
    except asyncio.TimeoutError:
        verdict.lost = missing(receiver.messages)
    arrived = [it.id for it in receiver.messages]
    verdict.repeated = len(arrived) - len(set(arrived))
    first: dict[str, list[int]] = {}
    for identity in dict.fromkeys(arrived):
        _, name, index = identity.split("-", 2)
        if index.isdigit():
            first.setdefault(name, []).append(int(index))
    verdict.disordered = [job for job, seen in first.items() if seen != sorted(seen)]


async def latency(site: Site, *, jobs: int, filter: Mapping[str, Any]) -> tuple[int, float, float]:
    """Submit jobs as fast as they are taken, and return figures of their messages.

    Returns:
        The count of messages, and the median and the 99th percentile of the time from an event, by
        the clock of the instance, to its arrival.
    """
    async with receiving() as receiver, aiohttp.ClientSession() as session:
        await site.start()
        try:
            await _create(session, site, receiver, {"filter": dict(filter)})
            for start in range(0, jobs, _AT_ONCE):
                await _submit(session, site, min(_AT_ONCE, jobs - start))
            await receiver.until(
                lambda messages: sum(b"fluxapi.job.clean" in it.body for it in messages) >= jobs,
                _PATIENCE_S,
            )
        finally:
            await site.close_all()
        delays = sorted(
            it.at - it.document["data"]["event"]["timestamp"] for it in receiver.messages
        )
    return len(delays), statistics.median(delays), delays[int(len(delays) * 0.99)]
