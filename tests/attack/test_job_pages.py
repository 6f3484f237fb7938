"""Hundreds of pages of jobs that are asked for at once: few are made at the same time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fluxapi.web import rendering, views
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]


async def test_few_pages_are_made_at_the_same_time(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await service.submit()
    most = under_way = 0
    render = rendering.render

    async def counted(*args: Any, **more: Any) -> Any:
        nonlocal most, under_way
        under_way += 1
        most = max(most, under_way)
        try:
            return await render(*args, **more)
        finally:
            under_way -= 1

    eventlog = service.instance.eventlog

    async def late(jobid: int) -> Any:
        await asyncio.sleep(0)
        return await eventlog(jobid)

    monkeypatch.setattr(views, "render", counted)
    monkeypatch.setattr(service.instance, "eventlog", late)
    monkeypatch.setattr("fluxapi.web.slices._SLICE_PIECES", 4)
    monkeypatch.setattr("fluxapi.process.timeslice.TimeSlice.__init__.__defaults__", (0.0,))
    pages = [f"/ui/jobs/{name}{part}" for part in ("", "?part=events", "?part=resources")]
    answers = await asyncio.gather(*(service.client.get(page) for page in pages * 20))
    assert {answer.status for answer in answers} == {200}
    assert 1 < most <= views.MAX_JOB_PAGES


async def test_pages_without_a_request_to_flux_do_not_wait(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await service.submit()
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def never(*_: Any) -> Any:
        asked.set()
        await go_on.wait()
        return []

    monkeypatch.setattr(service.instance, "eventlog", never)
    pages = [
        asyncio.ensure_future(service.client.get(f"/ui/jobs/{name}"))
        for _ in range(2 * views.MAX_JOB_PAGES)
    ]
    await asked.wait()
    for part in ("record", "links"):
        answer = await service.client.get(f"/ui/jobs/{name}?part={part}")
        assert answer.status == 200
    go_on.set()
    assert {(await page).status for page in pages} == {200}
