"""Many jobs in one request: bounded before they are made, and made piece by piece."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from fluxapi.model import jobspec
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

KEY = {"Idempotency-Key": "k"}


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the length of each jobspec that is built."""
    lengths: list[int] = []

    def build(*args: Any, **options: Any) -> Any:
        submission = jobspec.build(*args, **options)
        lengths.append(len(submission.jobspec))
        return submission

    monkeypatch.setattr("fluxapi.handlers.bulk.build", build)
    return lengths


@pytest.mark.parametrize("how", [{"copies": 1000}, {"cc": "0-999"}], ids=["copies", "cc"])
@pytest.mark.parametrize("headers", [{}, KEY], ids=["plain", "key"])
async def test_copies_of_a_large_job_are_refused_before_they_are_made(
    service: Service, builds: list[int], how: dict[str, Any], headers: dict[str, str]
) -> None:
    body = {"job": {"command": ["echo", "x" * 1_000_000]}, **how}
    response = await service.client.post("/jobs/bulk", json=body, headers=headers)
    assert response.status == 413
    assert "several requests" in (await response.json())["detail"]
    assert len(builds) == 1
    assert not service.instance.submitted


@pytest.mark.parametrize(
    ("value", "copies"),
    [({"a": 1}, 50), ([], 160), (1, 600), ("", 300)],
    ids=["objects", "lists", "numbers", "texts"],
)
async def test_copies_of_a_job_that_takes_much_memory_in_flux_are_refused(
    service: Service, builds: list[int], value: object, copies: int
) -> None:
    job = {"command": ["true"], "attributes": {"user.x": [value] * 80_000}}
    body = {"job": job, "copies": copies}
    response = await service.client.post("/jobs/bulk", json=body)
    assert response.status == 413
    assert "memory of Flux" in (await response.json())["detail"]
    assert len(builds) == 1
    assert not service.instance.submitted


async def test_ids_that_make_a_job_longer_are_counted(
    service: Service, builds: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluxapi.handlers.bulk._MAX_JOBSPECS_BYTES", 1_000_000)
    body = {"job": {"command": ["echo", "{cc}" * 1000]}, "cc": "0,100000-100299"}
    response = await service.client.post("/jobs/bulk", json=body)
    assert response.status == 413
    assert 1_000_000 < sum(builds) < 1_010_000


async def test_a_usual_number_of_copies_is_taken(service: Service, builds: list[int]) -> None:
    body = {"job": {"command": ["echo", "x" * 1000]}, "copies": 2000}
    response = await service.client.post("/jobs/bulk", json=body)
    assert response.status == 201
    assert len(builds) == 1


async def test_jobs_that_take_long_to_build_give_others_their_turn(
    service: Service, builds: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = 0

    async def count() -> None:
        nonlocal passes
        while True:
            passes += 1
            await asyncio.sleep(0)

    seen: list[int] = []

    def clock() -> float:
        seen.append(passes)
        return float(len(builds))  # a second for each job

    monkeypatch.setattr("fluxapi.process.timeslice.time", SimpleNamespace(perf_counter=clock))
    counting = asyncio.ensure_future(count())
    body = {"jobs": [{"command": f"echo {number}"} for number in range(50)]}
    response = await service.client.post("/jobs/bulk", json=body)
    counting.cancel()
    assert response.status == 201
    assert len(set(seen)) >= 50
