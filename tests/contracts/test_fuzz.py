"""Schemathesis over the served contract: whatever it sends, the answer is a documented one."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from fluxapi.http import keys
from tests.handlers.conftest import Service, Start, start

from .fuzzing import ENDLESS, WAITS, WITH_JOB, fuzz

__all__ = ["start"]

WITH_ENDLESS = [word for path in (*ENDLESS, "/jobs") for word in ("--include-path", path)]
"""These, and what submits a job to follow."""

TRIED = ("submitJob", "listJobs")
"""Operations of which the other test has tried all wrong bodies and parameters."""

WITHOUT = [word for path in (*ENDLESS, *WAITS) for word in ("--exclude-path", path)]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not installed"
    ),
    pytest.mark.filterwarnings("default::ResourceWarning"),
    pytest.mark.timeout(900),
]


@pytest.fixture
async def service(start: Start, tmp_path: Path) -> Service:
    """Return a service with a history, without which some routes answer with 501."""
    return await start(statedir=tmp_path / "state")


def url_of(service: Service) -> str:
    return str(service.client.make_url("/"))


def requests(metrics: str, route: str) -> int:
    """Return how many requests a route has answered."""
    pattern = rf'^fluxapi_requests_total{{.*route="{route}V1".*}} (\d+)'
    return sum(map(int, re.findall(pattern, metrics, re.MULTILINE)))


async def test_it_keeps_its_contract(service: Service, tmp_path: Path) -> None:
    found = await fuzz(url_of(service), tmp_path, WITH_JOB, *WITHOUT)
    assert not found.failed, found.report
    counts = await (await service.client.get("/metrics")).text()
    assert requests(counts, "submitJob") > 500
    assert all(0 < requests(counts, name) < requests(counts, "submitJob") for name in WITH_JOB)


async def test_streams_keep_their_contract(service: Service, tmp_path: Path) -> None:
    app = service.client.app
    assert app is not None
    # As in the last moment of a service: what is refused is refused as ever, and a stream that is
    # opened says why it ends, and ends. So nothing of them has to be left out.
    app[keys.CONNECTIONS].close()
    found = await fuzz(url_of(service), tmp_path, TRIED, *WITH_ENDLESS)
    assert not found.failed, found.report
    counts = await (await service.client.get("/metrics")).text()
    assert 'route="followEventsV1",status="200"' in counts
    assert 'route="followJobV1",status="200"' in counts
    assert 'route="followEventsV1",status="422"' in counts
    assert 'route="openSocketV1",status="400"' in counts
