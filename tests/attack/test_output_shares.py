"""One client follows as many outputs as it can: others are still served."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from fluxapi.events.output.hub import OutputHub
from fluxapi.http import keys
from fluxapi.model import jobid
from fluxapi.process.client_shares import ClientShares
from tests.events.output_place import NDJSON, Place
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

PATIENCE_S = 30
VIEWERS = 300


def many(job: str, count: int) -> dict[str, object]:
    return {
        "subscriptions": [
            {"type": "subscribe", "sub": f"s{number}", "stream": "output", "job": job}
            for number in range(count)
        ]
    }


@pytest.fixture
def outputs(service: Service) -> OutputHub:
    """Return the outputs of a service of which a client may follow four."""
    app = service.client.app
    assert app is not None
    found: OutputHub = app[keys.SESSIONS].root.outputs
    found._shares = ClientShares(16, 1)
    return found


async def test_a_client_follows_so_many_outputs(service: Service, outputs: OutputHub) -> None:
    job = await service.submit()
    service.instance.feed(jobid.parse(job), {"stream": "stdout", "data": "begun"})
    async with AsyncExitStack() as stack:
        opened = service.client.post("/v1/events", json=many(job, 6))
        response = await stack.enter_async_context(opened)
        seen: list[bytes] = []
        while sum(b"too_many_outputs" in line for line in seen) < 2:
            seen.append(await asyncio.wait_for(response.content.readline(), PATIENCE_S))
        assert sum(b'"subscribed"' in line for line in seen) == 4
        path = f"/v1/jobs/{job}/output/stream"
        refused = await stack.enter_async_context(service.client.get(path))
        assert refused.status == 429
        assert refused.headers["Retry-After"]
        assert (await refused.json())["code"] == "too_many_outputs"
        assert outputs._shares.has_room("another client", 1)
    await outputs.aclose()
    assert outputs._shares.used == 0


async def test_new_output_is_written_to_few_viewers_in_each_pass() -> None:
    place = Place()
    readers = [place.view(NDJSON) for _ in range(VIEWERS)]
    place.write("first\n")
    for reader in readers:
        await reader.until("first")
    place.write("second\n")
    done = most = 0
    while done < VIEWERS:
        await asyncio.sleep(0)
        now = sum("second" in reader.text for reader in readers)
        done, most = now, max(most, now - done)
    assert most < VIEWERS / 4
    for reader in readers:
        reader.stop()
    await place.outputs.aclose()
