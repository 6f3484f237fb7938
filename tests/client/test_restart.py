"""The service is killed and started anew while a program submits thousands of jobs."""

from __future__ import annotations

import asyncio
import signal
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from fluxapi.client import AsyncClient, BulkItem
from tests.running import flux_instance, needs_flux, service

from .proxy import Proxy

pytestmark = pytest.mark.slow

COUNT = 2000
KILLED_AFTER = 1300
"""Jobs that have been seen by then: in the middle of the second request."""


@pytest.fixture(params=[pytest.param("flux", marks=needs_flux), "embedded"])
def flags(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    """Return the options of a service whose successor has the same jobs."""
    if request.param == "embedded":
        return ["--instance=embedded", f"--statedir={tmp_path}"], {}
    running = ExitStack()
    request.addfinalizer(running.close)  # noqa: PT021 - the other kind needs none
    return [], {"FLUX_URI": running.enter_context(flux_instance(1))}


async def test_no_job_is_lost_and_none_is_doubled(flags: tuple[list[str], dict[str, str]]) -> None:
    begin = partial(service, *flags[0], **flags[1])
    told: list[str] = []
    with ExitStack() as services:
        first = await asyncio.to_thread(services.enter_context, begin())
        async with Proxy(first.url) as proxy, AsyncClient(proxy.url, on_wait=told.append) as flux:

            async def submit() -> list[BulkItem]:
                jobs = ({"command": "true", "urgency": "hold"} for _ in range(COUNT))
                return [item async for item in flux.submit_many(jobs, chunk=1000)]

            async with AsyncClient(first.url) as witness, witness.events() as events:
                submitting = asyncio.ensure_future(submit())
                for _ in range(KILLED_AFTER):
                    while (await anext(events)).name != "submit":
                        pass
                first.process.send_signal(signal.SIGKILL)
            second = await asyncio.to_thread(services.enter_context, begin())
            proxy.retarget(second.url)
            items = await submitting
            kept = [job.id async for job in flux.jobs()]
            await flux.cancel_many(state="active")
    assert [item.index for item in items] == list(range(COUNT))
    assert len(kept) == COUNT
    assert {item.id for item in items} == set(kept)
