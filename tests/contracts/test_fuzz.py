"""Schemathesis over the served contract: whatever it sends, the answer is a documented one."""

from __future__ import annotations

import asyncio
import importlib.util
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


async def fuzz(service: Service, folder: Path, *flags: str) -> None:
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run"),
        str(service.client.make_url("/openapi.json")),
        *("--max-examples", "5", "--seed", "1", "--no-color"),
        *("--exclude-checks", ",".join(EXCLUDED)),
        *flags,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await program.communicate()
    assert program.returncode == 0, output.decode()


async def test_it_keeps_its_contract(service: Service, tmp_path: Path) -> None:
    await fuzz(service, tmp_path, *WITHOUT)


async def test_streams_keep_their_contract(service: Service, tmp_path: Path) -> None:
    app = service.client.app
    assert app is not None
    # As in the last moment of a service: what is refused is refused as ever, and a stream that is
    # opened says why it ends, and ends. So nothing of them has to be left out.
    app[keys.CONNECTIONS].close()
    await fuzz(service, tmp_path, *WITH_ENDLESS)
    counts = await (await service.client.get("/metrics")).text()
    assert 'route="followEventsV1",status="200"' in counts
    assert 'route="followJobV1",status="200"' in counts
    assert 'route="followEventsV1",status="422"' in counts
    assert 'route="openSocketV1",status="400"' in counts
