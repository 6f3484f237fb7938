"""Many short jobs on a real Flux: what every reader received is what the eventlogs say.

FLUXAPI_TEST_SCALE is the number of jobs; ten thousand take a minute or two.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import Any

import aiohttp
import pytest

from tests.running import flux_instance, needs_flux, service

from .reader import Events, Jobs, Reader
from .site import SIMULATED, Site
from .wires import WIRES

SCALE = int(os.environ.get("FLUXAPI_TEST_SCALE", "500"))


async def read_all(reader: Reader[Any]) -> None:
    held = reader.held
    over = held.clean if isinstance(held, Events) else held.inactive
    while len(over) < SCALE:
        await reader.read()


@needs_flux
@pytest.mark.timeout(120 + SCALE // 20)
async def test_every_reader_gets_every_event(session: aiohttp.ClientSession) -> None:
    events = [Events() for _ in WIRES]
    rows = [Jobs() for _ in WIRES]
    late = Jobs()
    with flux_instance(4) as uri, service(FLUX_URI=uri) as running:
        site = Site(running, session, uri)
        async with contextlib.AsyncExitStack() as stack:
            readers: list[Reader[Any]] = [
                await stack.enter_async_context(site.read(wire, held))
                for wire, held in zip(WIRES * 2, [*events, *rows], strict=True)
            ]
            for reader in readers:
                await reader.until_mark()
            reading = asyncio.gather(*map(read_all, readers))
            ids = await site.submit(SCALE, attributes=SIMULATED)
            await reading
        async with site.read("sse", late) as latecomer:
            await latecomer.until_mark()
        logs = await site.eventlogs(ids)
        told = await site.flux_jobs()
    assert len(logs) == SCALE
    for held in events:
        assert held.eventlogs(held.logs) == logs
        assert (held.repeats, held.resets, held.others) == (0, [], events[0].others)
    for table in rows:
        assert table.rows == late.rows
        assert table.resets == []
    assert {i: (row["state"], row["result"]) for i, row in late.rows.items()} == told
