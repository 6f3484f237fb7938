"""Many jobs: lazily, in order, and what goes wrong for one is its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from fluxapi.client import AsyncClient, Invalid
from fluxapi.errors import FluxRefused
from fluxapi.model.jobid import encode_f58
from tests.handlers.fake import FakeInstance

MANY = 10_000


@pytest.mark.slow
async def test_ten_thousand(flux: AsyncClient, instance: FakeInstance) -> None:
    items = [item async for item in flux.submit_many(f"echo {n}" for n in range(MANY))]
    assert [item.index for item in items] == list(range(MANY))
    assert [item.id for item in items] == [encode_f58(number) for number in instance.eventlogs]
    assert not any(item.error for item in items)


async def test_jobs_are_taken_as_they_are_needed(flux: AsyncClient) -> None:
    taken: list[int] = []

    def jobs() -> Iterator[list[str]]:
        for number in range(100):
            taken.append(number)
            yield ["echo", str(number)]

    items = flux.submit_many(jobs(), chunk=10)
    assert (await anext(items)).index == 0
    assert taken == list(range(10))


async def test_jobs_may_come_by_and_by(flux: AsyncClient) -> None:
    async def jobs() -> AsyncIterator[dict[str, Any]]:
        for number in range(3):
            await flux.health()
            yield {"command": "echo", "name": f"job{number}"}

    items = [item async for item in flux.submit_many(jobs())]
    assert [(await flux.get(item.id or "")).name for item in items] == ["job0", "job1", "job2"]


async def test_large_jobs_are_spread_over_requests(
    flux: AsyncClient, monkeypatch: pytest.MonkeyPatch, instance: FakeInstance
) -> None:
    monkeypatch.setattr("fluxapi.client.bulk._MAX_BYTES", 1000)
    items = [item async for item in flux.submit_many(["echo", "x" * 400] for _ in range(10))]
    assert [item.id for item in items] == [encode_f58(number) for number in instance.eventlogs]


async def test_a_refused_job_stops_no_other(flux: AsyncClient, instance: FakeInstance) -> None:
    instance.refuse["nope"] = FluxRefused("no such queue")
    jobs: list[Any] = ["true", {"command": "x", "nmae": "a"}, "nope", "false", {"num_tasks": 0}]
    items = [item async for item in flux.submit_many(jobs)]
    assert [item.index for item in items] == [0, 1, 2, 3, 4]
    assert [item.id is None for item in items] == [False, True, True, False, True]
    errors = [str(item.error) for item in items]
    assert "nmae: " in errors[1]
    assert errors[2] == "Flux refused: no such queue."
    assert "num_tasks: " in errors[4]
    assert len(instance.submitted) == 2


async def test_all_of_them_are_wrong(flux: AsyncClient, instance: FakeInstance) -> None:
    items = [item async for item in flux.submit_many({"nope": n} for n in range(250))]
    assert all(isinstance(item.error, Invalid) for item in items)
    assert [item.index for item in items] == list(range(250))
    assert instance.submitted == []


async def test_copies_and_cc(flux: AsyncClient, instance: FakeInstance) -> None:
    assert len(await flux.bulk("true")) == 1
    assert len(await flux.bulk({"command": "true", "name": "x"}, copies=3)) == 3
    items = await flux.bulk("echo {cc}", cc="0-2")
    assert [item.index for item in items] == [0, 1, 2]
    assert b'"echo","2"' in bytes(instance.submitted[-1].jobspec)
    with pytest.raises(Invalid, match="cc: "):
        await flux.bulk("true", cc="x")
