"""Why a job waits: in every answer that has its record, and anew when a queue changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fluxapi.instance.protocol import Queue, QueuePolicy
from fluxapi.model.jobid import parse

from .conftest import Service

STOPPED = "queue batch is stopped: full"


async def queues_told(service: Service, *, started: bool) -> None:
    """Return once the figures say so: what they are made of is what reasons are made of."""
    headers = {"Accept": "application/x-ndjson"}
    async with service.client.get("/events?stream=stats", headers=headers) as response:
        async for line in response.content:
            queues = json.loads(line).get("queues")
            if queues and queues[0]["started"] is started:
                return
    pytest.fail("the stream of figures has ended")


async def answers(service: Service, jobid: str) -> dict[str, Any]:
    paths = {
        "record": f"/jobs/{jobid}",
        "list": "/jobs",
        "search": "/jobs/search",
        "wait": f"/jobs/{jobid}/wait?timeout=0",
    }
    found = {name: await (await service.client.get(path)).json() for name, path in paths.items()}
    found["list"], found["search"] = found["list"]["jobs"][0], found["search"]["data"][0]
    return {name: record.get("reason") for name, record in found.items()}


@pytest.mark.usefixtures("short_intervals")
async def test_every_answer_gives_the_reason_and_follows_the_queue(service: Service) -> None:
    jobid = await service.submit(queue="batch", num_nodes=1)
    await queues_told(service, started=False)
    assert set((await answers(service, jobid)).values()) == {STOPPED}
    service.instance.queue = Queue("batch", enabled=True, started=True)
    await queues_told(service, started=True)
    assert set((await answers(service, jobid)).values()) == {"waits for 1 node; 0 free"}


@pytest.mark.usefixtures("short_intervals")
async def test_free_nodes_that_may_belong_to_other_queues_are_not_counted(service: Service) -> None:
    policy = QueuePolicy(requires=("batch",))
    service.instance.queue = Queue("batch", enabled=True, started=True, policy=policy)
    jobid = await service.submit(queue="batch", num_nodes=1)
    await queues_told(service, started=True)
    assert set((await answers(service, jobid)).values()) == {"waits for 1 node"}


@pytest.mark.usefixtures("short_intervals")
async def test_a_disabled_queue_starts_what_it_has(service: Service) -> None:
    service.instance.queue = Queue("batch", enabled=False, started=True, disable_reason="x")
    jobid = await service.submit(queue="batch", num_nodes=1)
    await queues_told(service, started=True)
    assert (await answers(service, jobid))["record"] == "waits for 1 node; 0 free"


@pytest.mark.usefixtures("short_intervals")
async def test_pages_say_it_too(service: Service) -> None:
    jobid = await service.submit(queue="batch", num_nodes=1)
    await queues_told(service, started=False)
    page = await (await service.client.get(f"/ui/jobs/{jobid}")).text()
    assert "Queue batch is stopped: full" in page
    table = await (await service.client.get("/", headers={"Accept": "text/html"})).text()
    assert STOPPED in table


async def test_a_job_that_has_ended_has_no_reason(service: Service) -> None:
    jobid = await service.submit(queue="batch")
    service.instance.finish(parse(jobid))
    assert (await service.client.get(f"/jobs/{jobid}/wait")).status == 200
    assert set((await answers(service, jobid)).values()) == {None}
