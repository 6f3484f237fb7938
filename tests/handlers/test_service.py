from __future__ import annotations

from typing import Any

import pytest

from fluxapi.model import jobid
from fluxapi.model.eventlog import Purged

from .conftest import Service


async def test_nodes_are_named_once(service: Service) -> None:
    response = await service.client.get("/nodes")
    assert await response.json() == {"nodes": ["node0", "node1"]}


async def test_resources_say_what_is_in_use(service: Service) -> None:
    body = await (await service.client.get("/resources")).json()
    assert body["totals"]["cores"] == {"total": 8, "allocated": 2, "free": 2}
    assert body["nodes"][1]["state"] == "drained"
    assert body["nodes"][1]["reason"] == "broken fan"


async def test_queues(service: Service) -> None:
    (queue,) = (await (await service.client.get("/queues")).json())["queues"]
    assert queue["name"] == "batch"
    assert queue["stop_reason"] == "full"


async def test_stats_count_by_state(service: Service) -> None:
    await service.submit()
    body = await (await service.client.get("/stats")).json()
    assert body == {"total": 1, "states": {"SCHED": 1}, "results": {}, "by_queue": {}}


@pytest.mark.parametrize("path", ["/", "/v1"])
async def test_info(service: Service, path: str) -> None:
    body = await (await service.client.get(path)).json()
    assert body["instance"] == "embedded"
    assert body["ready"] is True


@pytest.mark.parametrize("path", ["/health", "/ready", "/v1/health", "/v1/ready"])
async def test_health(service: Service, path: str) -> None:
    assert await (await service.client.get(path)).json() == {"status": "ok"}


async def test_metrics(service: Service) -> None:
    await service.submit()
    text = await (await service.client.get("/metrics")).text()
    assert 'fluxapi_jobs_submitted_total{flux_instance="root"} 1.0' in text
    assert 'fluxapi_jobs{flux_instance="root",state="SCHED"} 1.0' in text
    assert 'fluxapi_requests_total{method="POST",route="submitJobV1",status="201"} 1.0' in text


async def test_stop_answers_and_then_ends(service: Service) -> None:
    response = await service.client.post("/service/stop")
    assert (await response.json())["Message"] == "The service is stopping."
    await service.stopped.wait()
    assert service.instance.calls == []


@pytest.mark.parametrize("as_query", [True, False])
async def test_stop_ends_the_instance_on_request(service: Service, as_query: bool) -> None:
    if as_query:
        response = await service.client.post("/service/stop", params={"instance": "true"})
    else:
        response = await service.client.post("/service/stop", json={"instance": True})
    assert response.status == 200
    await service.stopped.wait()
    assert service.instance.calls == [("shutdown",)]


async def test_the_instance_is_closed_at_the_end(service: Service) -> None:
    await service.client.close()
    assert service.instance.closed == 1


async def test_stats_count_the_jobs_of_each_queue(service: Service) -> None:
    async def by_queue() -> Any:
        return (await (await service.client.get("/v1/stats")).json())["by_queue"]

    await service.submit()
    ids = [await service.submit(queue=name) for name in ("b", "b", "a")]
    held = {"states": {"SCHED": 1}, "results": {}}
    assert await by_queue() == {"a": held, "b": {"states": {"SCHED": 2}, "results": {}}}
    service.instance.finish(jobid.parse(ids[0]))
    await service.client.get(f"/v1/jobs/{ids[0]}/wait")
    done = {"states": {"SCHED": 1, "INACTIVE": 1}, "results": {"COMPLETED": 1}}
    assert await by_queue() == {"a": held, "b": done}
    service.instance._journal.put_nowait([Purged([*map(jobid.parse, ids)])])
    await service.submit(queue="c")
    assert await by_queue() == {"c": held}
