"""Large submissions go on without their clients, so few are under way at the same time."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from fluxapi.handlers import bulk, scripts
from fluxapi.http import keys
from fluxapi.http.work_turns import WorkTurns
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

COMMAND = ["echo", "x" * 10_000]
ONE = {"command": COMMAND}
MANY = {"jobs": [ONE] * 20}
COPIES = {"job": ONE, "cc": "0-19"}


def limited(service: Service, key: Any, turns: WorkTurns, monkeypatch: pytest.MonkeyPatch) -> None:
    app = service.client.app
    assert app is not None
    monkeypatch.setitem(app._state, key, turns)


class Instance:
    """Counts the requests whose jobs it is given at the same time."""

    def __init__(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        self.most = self.under_way = 0
        self._submit = service.instance.submit
        monkeypatch.setattr(service.instance, "submit", self.submit)

    async def submit(self, jobs: Any) -> Any:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        for _ in range(9):
            await asyncio.sleep(0)
        self.under_way -= 1
        return await self._submit(jobs)


@pytest.mark.parametrize(
    ("path", "body", "key"),
    [
        ("/v1/jobs", ONE, keys.SUBMISSIONS),
        ("/v1/jobs/bulk", MANY, keys.BULK_SUBMISSIONS),
        ("/v1/jobs/bulk", MANY, keys.BULK_JOBS),
        ("/v1/jobs/bulk", COPIES, keys.BULK_JOBS),
    ],
    ids=["one", "many", "many, by jobspecs", "copies"],
)
async def test_few_are_under_way(
    service: Service, monkeypatch: pytest.MonkeyPatch, path: str, body: Any, key: Any
) -> None:
    instance = Instance(service, monkeypatch)
    monkeypatch.setattr(bulk, "_MIN_COUNTED_BYTES", 1000)
    size = len(json.dumps(body)) if key is not keys.BULK_JOBS else 20 * 12_000
    turns = WorkTurns(5 * size, 1 << 30)
    limited(service, key, turns, monkeypatch)
    answers = await asyncio.gather(*(service.client.post(path, json=body) for _ in range(12)))
    assert {answer.status for answer in answers} == {201}
    assert instance.most == 2
    assert turns.used == 0


async def test_few_checks_are_under_way(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"job": ONE}
    size = len(json.dumps(body))
    turns = WorkTurns(4 * size, 1 << 30)
    limited(service, keys.CHECKS, turns, monkeypatch)
    most = 0
    read = scripts.read_script

    async def counted(*args: Any) -> Any:
        nonlocal most
        most = max(most, turns.used)
        await asyncio.sleep(0)
        return await read(*args)

    monkeypatch.setattr("fluxapi.handlers.job_check.read_script", counted)
    answers = await asyncio.gather(
        *(service.client.post("/v1/jobs/check", json=body) for _ in range(12))
    )
    assert {answer.status for answer in answers} == {200}
    assert 0 < most <= 2 * size
    assert turns.used == 0


async def test_short_ones_do_not_wait(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    limited(service, keys.SUBMISSIONS, WorkTurns(0, 0), monkeypatch)
    service.instance.hold_back.clear()
    long = asyncio.ensure_future(service.client.post("/v1/jobs", json=ONE))
    short = asyncio.ensure_future(service.client.post("/v1/jobs", json={"command": "true"}))
    await asyncio.sleep(0)
    service.instance.hold_back.set()
    assert [(await one).status for one in (long, short)] == [201, 201]


async def test_too_many_that_wait_are_refused(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(service, keys.SUBMISSIONS, WorkTurns(1, 40_000), monkeypatch)
    asked = asyncio.Event()
    submit = service.instance.submit

    async def noted(jobs: Any) -> Any:
        asked.set()
        return await submit(jobs)

    monkeypatch.setattr(service.instance, "submit", noted)
    service.instance.hold_back.clear()
    first = asyncio.ensure_future(service.client.post("/v1/jobs", json=ONE))
    await asked.wait()
    others = [asyncio.ensure_future(service.client.post("/v1/jobs", json=ONE)) for _ in range(9)]
    refused, _ = await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
    answer = refused.pop().result()
    assert answer.status == 429
    assert answer.headers["Retry-After"]
    service.instance.hold_back.set()
    assert (await first).status == 201
    statuses = [(await other).status for other in others]
    assert set(statuses) == {201, 429}
    assert statuses.count(201) >= 3
