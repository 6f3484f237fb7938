"""Schemathesis over the served contract: whatever it sends, the answer is a documented one."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

from fluxapi.http import keys
from tests.handlers.conftest import Service, Start, start

__all__ = ["start"]

EXCLUDED = (
    # A body that fits the schema may still be refused: by rules between fields, and by Flux.
    "positive_data_acceptance",
    # An empty query parameter counts as not given, whatever its type.
    "negative_data_rejection",
    # DELETE cancels a job; its record stays.
    "use_after_free",
    # A job that was just submitted has no R before it has resources.
    "ensure_resource_availability",
)


ENDLESS = ("/events", "/events/ws", "/jobs/{id}/events")
"""Streams that go on for as long as the service and the jobs of this instance do."""

WITH_ENDLESS = [word for path in (*ENDLESS, "/jobs") for word in ("--include-path", path)]
"""These, and what submits a job to follow."""

WITH_JOB = ("submitJobs", "saveTemplate")
"""Operations with a job of ``submitJob`` in their body, and hundreds of the same wrong bodies."""

TRIED = ("submitJob", "listJobs")
"""Operations of which the other test has tried all wrong bodies and parameters."""

# The waits would be for jobs that this instance never ends.
WAITS = ("/jobs/collect", "/jobs/{id}/wait", "/groups/{group}/wait")
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


CONFIG = """
[[operations]]
include-operation-id = {operations}
phases.coverage.enabled = false
"""


async def fuzz(service: Service, folder: Path, uncovered: tuple[str, ...], *flags: str) -> None:
    """Try all operations by examples, at random and in sequences; and all edges of most.

    Args:
        service: The service to try.
        folder: An empty folder.
        uncovered: Operations whose edges are not tried.
        flags: More options.
    """
    config = CONFIG.format(operations=json.dumps(uncovered))
    (folder / "schemathesis.toml").write_text(config, encoding="utf-8")
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run"),
        str(service.client.make_url("/openapi.json")),
        *("--max-examples", "5", "--seed", "1", "--no-color", "--request-timeout", "60"),
        *("--exclude-checks", ",".join(EXCLUDED)),
        *flags,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await program.communicate()
    assert program.returncode == 0, output.decode()


def requests(metrics: str, route: str) -> int:
    """Return how many requests a route has answered."""
    pattern = rf'^fluxapi_requests_total{{.*route="{route}V1".*}} (\d+)'
    return sum(map(int, re.findall(pattern, metrics, re.MULTILINE)))


async def test_it_keeps_its_contract(service: Service, tmp_path: Path) -> None:
    await fuzz(service, tmp_path, WITH_JOB, *WITHOUT)
    counts = await (await service.client.get("/metrics")).text()
    assert requests(counts, "submitJob") > 500
    assert all(0 < requests(counts, name) < requests(counts, "submitJob") for name in WITH_JOB)


async def test_streams_keep_their_contract(service: Service, tmp_path: Path) -> None:
    app = service.client.app
    assert app is not None
    # As in the last moment of a service: what is refused is refused as ever, and a stream that is
    # opened says why it ends, and ends. So nothing of them has to be left out.
    app[keys.CONNECTIONS].close()
    await fuzz(service, tmp_path, TRIED, *WITH_ENDLESS)
    counts = await (await service.client.get("/metrics")).text()
    assert 'route="followEventsV1",status="200"' in counts
    assert 'route="followJobV1",status="200"' in counts
    assert 'route="followEventsV1",status="422"' in counts
    assert 'route="openSocketV1",status="400"' in counts
