"""Requests that add events to active jobs of the embedded instance have an end."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fluxapi.errors import FluxRefused
from fluxapi.model import added_events
from tests.instance.embedded.conftest import Starter, site, start
from tests.instance.embedded.harness import Site, shell, spec

__all__ = ["site", "start"]

MANY = 1000

Add = Callable[[Site, int], Awaitable[None]]


async def _memo(site: Site, jobid: int) -> None:
    await site.instance.post_memo(jobid, {"k": [{} for _ in range(100)]})


async def _exception(site: Site, jobid: int) -> None:
    await site.instance.raise_exception(jobid, "x", 7, "y" * 9000)


async def _cancel(site: Site, jobid: int) -> None:
    await site.instance.raise_exception(jobid, "cancel", 0, "y" * 9000)


async def _urgency(site: Site, jobid: int) -> None:
    await site.instance.set_urgency(jobid, 0)


async def _flood(site: Site, jobs: list[int], add: Add) -> None:
    for _ in range(MANY):
        for jobid in jobs:
            await add(site, jobid)


@pytest.mark.parametrize("add", [_memo, _exception, _urgency])
async def test_a_job_gets_so_many_events(
    site: Site, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(added_events, "MAX_JOB_BYTES", 100_000)
    jobid = await site.submit(spec("true"), urgency=0)
    with pytest.raises(FluxRefused, match="too many memos"):
        await _flood(site, [jobid], add)
    # It can be ended nevertheless, and others get events.
    await site.instance.raise_exception(jobid, "cancel", 0)
    await site.journal.wait(jobid)
    await add(site, await site.submit(spec("true"), urgency=0))


async def test_all_active_jobs_get_so_many_events(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(added_events, "MAX_TOTAL_BYTES", 50_000)
    jobs = [await site.submit(spec("true"), urgency=0) for _ in range(20)]
    with pytest.raises(FluxRefused, match="active jobs have too many"):
        await _flood(site, jobs, _memo)
    for jobid in jobs:
        await site.instance.raise_exception(jobid, "cancel", 0)
        await site.journal.wait(jobid)
    await _memo(site, await site.submit(spec("true"), urgency=0))


async def test_volatile_memos_are_not_kept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(added_events, "MAX_JOB_BYTES", 1000)
    jobid = await site.submit(spec("true"), urgency=0)
    for _ in range(9):
        await site.instance.post_memo(jobid, {"k": "v" * 500}, volatile=True)


@pytest.mark.parametrize("add", [_memo, _exception, _urgency])
async def test_a_restart_does_not_forget_the_events(
    start: Starter, tmp_path: Path, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(added_events, "MAX_JOB_BYTES", 100_000)
    first = await start(statedir=tmp_path)
    jobid = await first.submit(spec("true"), urgency=0)
    with pytest.raises(FluxRefused, match="too many memos"):
        await _flood(first, [jobid], add)
    await first.close()
    second = await start(statedir=tmp_path)
    with pytest.raises(FluxRefused, match="too many memos"):
        await add(second, jobid)


async def test_a_job_that_is_being_killed_takes_no_exceptions_without_end(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(added_events, "MAX_JOB_BYTES", 100_000)
    site = await start(kill_timeout=600.0)
    jobid = await site.submit(shell("trap '' TERM; echo ready; while :; do sleep 0.05; done"))
    async for _ in site.instance.output(jobid, follow=True):
        if "ready" in await site.text(jobid):
            break
    await site.instance.raise_exception(jobid, "cancel", 0)
    with pytest.raises(FluxRefused, match="too many memos"):
        await _flood(site, [jobid], _cancel)
    await site.instance.kill(jobid, signal.SIGKILL)
    await site.journal.wait(jobid)
