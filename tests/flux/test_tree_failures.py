"""The failures in an instance that nobody opens, on a real Flux."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.channel.conftest import session
from tests.running import flux, service
from tests.waiting import poll_until

from .tree import submit

__all__ = ["session"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

_BATCH = """
flux run true
while ! test -e {flag}; do sleep 0.1; done
flux run false
exit 0
"""


@pytest.mark.parametrize("transport", ["local", "parent"])
async def test_the_list_of_jobs_alone_tells_what_failed_in_a_batch_job_that_ended_well(
    flux_uri: str, session: aiohttp.ClientSession, tmp_path: Path, transport: str
) -> None:
    flag, script = tmp_path / "flag", tmp_path / "batch.sh"
    script.write_text(_BATCH.format(flag=flag))
    flags = ("--follow-children=0", f"--child-transports={transport}")
    with service(*flags, FLUX_URI=flux_uri) as running:
        running.wait_until_ready()
        lines = {"Accept": "application/x-ndjson"}
        address = f"{running.url}/v1/events?stream=stats"
        async with session.get(address, headers=lines) as answer:

            async def figures() -> dict[str, Any]:
                while True:
                    message = json.loads(await asyncio.wait_for(answer.content.readline(), 60))
                    if message["type"] == "stats":
                        return dict(message)

            assert "instances" not in await figures()
            program = ("flux", "start", "sh", str(script))
            (jobid,) = await asyncio.to_thread(submit, flux_uri, *program)
            path = f"{running.url}/v1/instances/{jobid}"

            async def is_counted() -> bool:
                async with session.get(path) as found:
                    return found.status == 200 and "jobs" in await found.json()

            await poll_until(is_counted)
            flag.touch()
            # This is the last thing that it does.
            await asyncio.to_thread(flux, flux_uri, "job", "wait-event", "-t60", jobid, "clean")
            found = (await figures()).get("instances", [])
            # Until the service learns of the end, the jobs can still be listed.
            while not found or found[0]["kept"]:
                found = (await figures()).get("instances", [])
            assert found == [{"id": jobid, "kept": False, "failed": 1, "timed_out": 0, "total": 2}]
        async with session.get(f"{running.url}/v1/jobs/{jobid}") as job:
            assert (await job.json())["result"] == "COMPLETED"
