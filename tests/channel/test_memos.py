"""A flood of memos, half of which are in no eventlog: every one comes, nobody starves."""

from __future__ import annotations

import asyncio
from typing import Any

from fluxapi.model.jobid import parse
from tests.running import needs_flux

from .reader import Events, Jobs
from .site import Site

pytestmark = needs_flux

MEMOS = 1000

_FLOOD = """
import flux, sys
handle, jobid, number = flux.Flux(), int(sys.argv[1]), int(sys.argv[2])
waiting = []
for n in range(number):
    body = {"id": jobid, "volatile": n % 2 == 1, "memo": {"n": n}}
    waiting.append(handle.rpc("job-manager.memo", body))
for future in waiting:
    future.get()
"""
"""The work of ``flux job memo``, every other time with --volatile, in one process."""


Logs = dict[str, list[dict[str, Any]]]


def without_memos(logs: Logs) -> Logs:
    return {jobid: [it for it in log if it["name"] != "memo"] for jobid, log in logs.items()}


async def test_one_volatile_memo(flux_site: Site, wire: str) -> None:
    events = Events()
    async with flux_site.read(wire, events) as reader:
        await reader.until_mark()
        (jobid,) = await flux_site.submit(command="sleep 60")
        await reader.until(lambda held: len(held.logs.get(jobid, ())) >= 6)
        await flux_site.flux("job", "memo", "--volatile", jobid, "seen=1")
        await flux_site.flux("job", "memo", jobid, "kept=1")
        await flux_site.flux("cancel", jobid)
        await reader.until(lambda held: jobid in held.clean)
    assert events.eventlogs([jobid]) == without_memos(await flux_site.eventlogs([jobid]))
    memos = [event for event in events.others if event["name"] == "memo"]
    assert [event["context"] for event in memos] == [{"seen": 1}, {"kept": 1}]


async def test_a_flood(flux_site: Site) -> None:
    events, rows = Events(), Jobs()
    async with flux_site.read("socket", events) as first, flux_site.read("sse", rows) as second:
        await first.until_mark()
        await second.until_mark()
        (noisy,) = await flux_site.submit(command="sleep 120")
        await first.until(lambda held: len(held.logs.get(noisy, ())) >= 6)
        flood = asyncio.create_task(
            flux_site.flux("python", "-c", _FLOOD, str(parse(noisy)), str(MEMOS))
        )
        quiet = set(await flux_site.submit(10))
        await asyncio.gather(
            first.until(lambda held: quiet <= held.clean),
            second.until(lambda held: quiet <= held.inactive),
        )
        await flood
        await flux_site.flux("cancel", noisy)
        await asyncio.gather(
            first.until(lambda held: noisy in held.clean),
            second.until(lambda held: noisy in held.inactive),
        )
    memos = [event["context"]["n"] for event in events.others if event["name"] == "memo"]
    assert memos == list(range(MEMOS))
    ids = [noisy, *quiet]
    assert events.eventlogs(ids) == without_memos(await flux_site.eventlogs(ids))
    # However many there were, a reader of rows has the last.
    assert rows.rows[noisy]["annotations"]["user"] == {"n": MEMOS - 1}
