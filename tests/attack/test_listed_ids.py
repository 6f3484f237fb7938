"""Thousands of job IDs in the filters of streams: they are bounded, and their texts not kept."""

from __future__ import annotations

import gc
from contextlib import AsyncExitStack

import pytest

from fluxapi.events.filter_limits import FilterLimits
from fluxapi.http import keys
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

IDS = [f"f{number}" for number in "123456789"]
MANY = {
    "subscriptions": [
        {"type": "subscribe", "sub": f"s{number}", "stream": "jobs", "filter": {"id": IDS}}
        for number in range(3)
    ]
}


@pytest.fixture
def limits(service: Service) -> FilterLimits:
    app = service.client.app
    assert app is not None
    found = app[keys.SESSIONS].root.hub._limits = FilterLimits(max_filters=400, max_ids=80)
    return found


@pytest.mark.usefixtures("limits")
async def test_a_stream_with_too_many_ids_is_refused(service: Service) -> None:
    path = "/v1/events?" + "&".join(f"id={one}" for one in IDS)
    async with AsyncExitStack() as stack:
        for _ in range(2):
            response = await stack.enter_async_context(service.client.get(path))
            assert response.status == 200
        response = await stack.enter_async_context(service.client.get(path))
        assert response.status == 429
        assert response.headers["Retry-After"]
        assert (await response.json())["code"] == "too_many_filters"


@pytest.mark.usefixtures("limits")
async def test_a_subscription_with_too_many_ids_is_refused(
    service: Service,
) -> None:
    async with service.client.post("/v1/events", json=MANY) as response:
        assert response.status == 200
        seen: list[bytes] = []
        while not any(b"too_many_filters" in line for line in seen):
            seen.append(await response.content.readline())
        assert sum(b'"subscribed"' in line for line in seen) == 2
        texts = [it for it in gc.get_objects() if isinstance(it, list) and it == IDS]
        # Those of this test, and of the last one, whose refusal may not be freed yet.
        assert len(texts) <= 2
