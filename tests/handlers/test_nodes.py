"""``GET /nodes/NAME`` and what was in use over time."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fluxapi.model import jobid
from fluxapi.model.eventlog import Event

from .conftest import Service
from .fake import r_object


async def get(service: Service, path: str, status: int = 200) -> Any:
    answer = await service.client.get(path)
    assert answer.status == status, await answer.text()
    return await answer.json()


async def test_a_node_tells_its_brokers_with_their_state(service: Service) -> None:
    found = await get(service, "/v1/nodes/node1")
    (broker,) = found["nodes"]
    assert (found["name"], broker["rank"], broker["state"]) == ("node1", 1, "drained")
    assert (broker["reason"], broker["drained_at"]) == ("broken fan", 5.0)
    # A queue that requires no properties has all nodes.
    assert broker["queues"] == ["batch"]


async def test_an_unknown_node_is_not_found(service: Service) -> None:
    problem = await get(service, "/v1/nodes/%3Cb%3E", 404)
    assert "There is no node '<b>'." in problem["detail"]


async def started(service: Service, seconds: float) -> None:
    """Have a job run on node0, with one core, since *seconds* ago."""
    job = jobid.parse(await service.submit())
    begin = Event(time.time() - seconds, "alloc")
    service.instance.post(job, begin, R=r_object("0", "0", "node0"))
    # When a submission is answered, all that came before it is in the table.
    await service.submit()


@pytest.mark.parametrize("path", ["/v1/resources/use", "/v1/nodes/node0/use"])
async def test_the_cores_of_a_job_are_in_use_from_its_start(service: Service, path: str) -> None:
    await started(service, seconds=1000)
    found = await get(service, f"{path}?since={time.time() - 3600:.3f}&steps=30")
    steps = found["steps"]
    assert len(steps) <= 30
    assert steps[-1]["allocated"] == steps[-2]["allocated"] == 1
    assert {step["allocated"] for step in steps[:4]} == {0}


@pytest.mark.parametrize(("rank", "cores"), [("", 8), ("&rank=0", 4), ("&rank=1", 4)])
async def test_a_job_on_two_brokers_of_a_host_has_the_cores_of_both(
    service: Service, rank: str, cores: int
) -> None:
    job = jobid.parse(await service.submit())
    begin = Event(time.time() - 1000, "alloc")
    service.instance.post(job, begin, R=r_object("0-1", "0-3", "vm,vm"))
    await service.submit()
    found = await get(service, f"/v1/nodes/vm/use?since={time.time() - 3600:.3f}{rank}")
    assert found["steps"][-2]["allocated"] == cores


async def test_another_node_has_nothing_in_use(service: Service) -> None:
    await started(service, seconds=1000)
    for path in ("/v1/nodes/node1/use", "/v1/nodes/node0/use?rank=1"):
        steps = (await get(service, path))["steps"]
        assert {step.get("allocated", 0) for step in steps} == {0}


async def test_the_time_must_have_a_length(service: Service) -> None:
    problem = await get(service, "/v1/resources/use?since=20&until=10", 422)
    assert "/until" in str(problem["errors"])
