"""``fluxapi output`` of a past job of whose output the history has left out a part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fluxapi.archive.stored_output import OutputState
from fluxapi.client import Client
from tests.archive.test_service import outputs
from tests.running import Service, flux, flux_instance, needs_flux, service
from tests.waiting import block_until

from .program import Program

pytestmark = needs_flux

LINES = 3000


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, str]]:
    """Return a service, and a purged job."""
    folder: Path = tmp_path_factory.mktemp("state")
    with (
        flux_instance(1) as uri,
        service(
            FLUX_URI=uri, FLUXAPI_STATEDIR=str(folder), FLUXAPI_HISTORY_MAX_JOB_OUTPUT="50000"
        ) as running,
    ):
        job = flux(uri, "submit", "seq", "-f", "line %g of many", str(LINES)).strip()
        job = job.replace("\N{LATIN SMALL LETTER F WITH HOOK}", "f")
        flux(uri, "queue", "idle", "--quiet")
        block_until(lambda: [state for state, _ in outputs(folder).values()] == [OutputState.CUT])
        flux(uri, "job", "purge", "--force", "--num-limit=0")
        block_until(lambda: "purged" in running.get(f"/v1/jobs/{job}").get("history", {}))
        yield running, job


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (("--search=line 1500 of",), 1),
        (("--search=line 1 of",), 0),
        (("--errors",), 1),
        (("--lines=1-2",), 0),
        (("--stream=stdout",), 0),
        (("--task=0",), 0),
        ((), 0),
    ],
)
def test_omitted_output_is_reported(
    past: tuple[Service, str], tmp_path: Path, options: tuple[str, ...], status: int
) -> None:
    running, job = past
    done = Program(running.url, tmp_path)("output", *options, job)
    assert done.status == status
    assert done.err.count("history has left out") == 1
    assert "left out" not in done.out


def test_the_client_tells_what_is_left_out(past: tuple[Service, str]) -> None:
    running, job = past
    with Client(running.url) as flux:
        omitted = flux.omitted_output(job)
    assert omitted is not None
    assert omitted.bytes > 0
    assert not omitted.at_least
    assert omitted.lines
    assert 1 < omitted.after < omitted.after + omitted.lines < LINES
