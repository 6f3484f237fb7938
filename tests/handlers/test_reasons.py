"""Why a job waits: in every answer that has its record, and anew when a queue changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fluxapi.instance.protocol import Queue, QueuePolicy, Resources
from fluxapi.model.jobid import parse

from .conftest import Service
from .fake import r_object

STOPPED = "queue batch is stopped: full"
DRAINED = "drained: node1; needs 1 node, 0 free"


async def queues_told(service: Service, *, started: bool) -> None:
    """Return once the figures say so: what they are made of is what reasons are made of."""
    headers = {"Accept": "application/x-ndjson"}
    async with service.client.get("/events?stream=stats", headers=headers) as response:
        async for line in response.content:
            told = json.loads(line)
            queues = (told.get("nodes") and told.get("queues")) or [{}]
            is_known = "nodes" in queues[0] or "requires" not in queues[0]
            if is_known and queues[0].get("started") is started:
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
    assert set((await answers(service, jobid)).values()) == {DRAINED}


def give_nodes(service: Service, properties: dict[str, str], drained: str) -> None:
    """Let the instance have four nodes, and a queue of those with its property."""
    R = r_object("0-3", hosts="node[0-3]")
    R["execution"]["properties"] = properties
    drain = {drained: {"timestamp": 1.0, "reason": "disk"}} if drained else {}
    service.instance.describe = Resources(R, None, None, drain, "0-3", "", "", "")
    policy = QueuePolicy(requires=("batch",))
    service.instance.queue = Queue("batch", enabled=True, started=True, policy=policy)


@pytest.mark.usefixtures("short_intervals")
async def test_nodes_of_other_queues_are_not_counted(service: Service) -> None:
    give_nodes(service, {"batch": "0-2", "debug": "3"}, "0,3")
    jobid = await service.submit(queue="batch", num_nodes=3, num_tasks=3)
    await queues_told(service, started=True)
    drained = "drained: node0"
    assert set((await answers(service, jobid)).values()) == {f"{drained}; needs 3 nodes, 2 are up"}
    page = await (await service.client.get(f"/ui/jobs/{jobid}?part=record")).text()
    link = '<a href="../../ui/nodes?queue=batch">Drained: node0</a>; needs 3 nodes, 2 are up'
    assert link in page
    # Only those of its queue are named.
    assert '<span class="soft" id="drained">Reasons: node0 (disk).</span>' in page


@pytest.mark.usefixtures("short_intervals")
async def test_a_job_that_fits_is_behind_the_first_in_line(service: Service) -> None:
    give_nodes(service, {"batch": "0-2"}, "")
    first = await service.submit(queue="batch", num_nodes=3, num_tasks=3, name="climate")
    behind = await service.submit(queue="batch", num_nodes=1)
    await queues_told(service, started=True)
    reason = (await answers(service, first))["record"]
    assert reason == "first in line; needs 3 nodes, 3 free"
    reason = (await answers(service, behind))["record"]
    assert reason == f"waits behind {first}, the first in line; needs 1 node, 3 free"
    page = await (await service.client.get(f"/ui/jobs/{behind}?part=record")).text()
    link = f'<a href="../../ui/jobs/{first}" title="{first}">climate</a>'
    assert f"Waits behind {link}, the first in line; needs 1 node, 3 free" in page


@pytest.mark.usefixtures("short_intervals")
async def test_a_queue_that_no_node_belongs_to_starts_nothing(service: Service) -> None:
    give_nodes(service, {}, "")
    jobid = await service.submit(queue="batch", num_nodes=1)
    await queues_told(service, started=True)
    reason = (await answers(service, jobid))["record"]
    assert reason == "cannot start: needs 1 node; queue batch has none"


@pytest.mark.usefixtures("short_intervals")
async def test_a_disabled_queue_starts_what_it_has(service: Service) -> None:
    service.instance.queue = Queue("batch", enabled=False, started=True, disable_reason="x")
    jobid = await service.submit(queue="batch", num_nodes=1)
    await queues_told(service, started=True)
    assert (await answers(service, jobid))["record"] == DRAINED


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
