"""The service ends: every stream hears of it, and nothing holds the end up."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
from typing import Any

import aiohttp
import pytest

from tests.running import service

from .conftest import EMBEDDED
from .reader import Events, Jobs, Reader
from .site import Site
from .stalling import narrow
from .wires import WIRES

pytestmark = pytest.mark.slow

STREAMS = 50
TIMEOUT = 5
PATIENCE = 20
"""Seconds: what is not read may linger for a few; the kernel gives a reader up after 30."""


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_every_stream_hears_of_the_end(
    session: aiohttp.ClientSession, signum: signal.Signals
) -> None:
    with service(EMBEDDED, f"--shutdown-timeout={TIMEOUT}") as running:
        site = Site(running, session, None)
        (jobid,) = await site.submit(command="sleep 60")
        async with contextlib.AsyncExitStack() as stack:
            kinds = itertools.product(WIRES, (Events, Jobs))
            readers: list[Reader[Any]] = [
                await stack.enter_async_context(site.read(wire, held()))
                for _, (wire, held) in zip(range(STREAMS), itertools.cycle(kinds), strict=False)
            ]
            for reader in readers:
                await reader.until_mark()
            one = await stack.enter_async_context(session.get(f"{site.url}/v1/jobs/{jobid}/events"))
            running.process.send_signal(signum)
            codes = await asyncio.gather(*(reader.until_cut() for reader in readers))
            last = (await one.read()).splitlines()[-1]
            status = await asyncio.to_thread(running.process.wait, TIMEOUT)
    assert status == 0
    assert b'"reason":"shutdown"' in last
    assert set(zip((r.held.end for r in readers), codes, strict=True)) == {
        ("shutdown", 0),
        (None, 1001),
    }


async def test_a_client_that_does_not_read_does_not_delay_the_shutdown(
    session: aiohttp.ClientSession,
) -> None:
    with service(EMBEDDED, "--shutdown-timeout=600") as running:
        site = Site(running, session, None)
        await site.submit(500)
        witness = Jobs()
        async with site.read("sse", witness) as reader:
            await reader.until(lambda held: len(held.inactive) == 500)
        async with narrow() as small, contextlib.AsyncExitStack() as stack:
            for wire in WIRES:
                await stack.enter_async_context(Reader(small, site.url, wire, Events(), since="0"))
            await site.until_figure("fluxapi_readers_behind", lambda count: count == len(WIRES))
            running.process.terminate()
            assert await asyncio.to_thread(running.process.wait, PATIENCE) == 0
