"""``GET /queues``: the state of the queues, and what is in them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from pytest_aiohttp import AiohttpClient

from fluxapi.app import create_app
from fluxapi.errors import NotSupported
from fluxapi.http import keys
from fluxapi.instance.nodes import nodes_and_totals
from fluxapi.instance.protocol import Queue, QueuePolicy, Resources
from fluxapi.model import jobid
from fluxapi.model.eventlog import Event
from fluxapi.sessions.queue_shares import shares_of
from fluxapi.sessions.situation import describe_queue
from fluxapi.settings import Settings
from fluxapi.settings.parse import peers

from .conftest import Service, Start
from .fake import FakeInstance, r_object


async def queues(service: Service, **options: Any) -> dict[str, dict[str, Any]]:
    answer = await service.client.get("/v1/queues", **options)
    assert answer.status == 200, await answer.text()
    return {queue["name"]: queue for queue in (await answer.json())["queues"]}


async def test_waiting_and_running_jobs_of_a_queue_are_counted(service: Service) -> None:
    waiting = [await service.submit(queue="batch") for _ in range(3)]
    held = await service.submit(queue="batch")
    running = await service.submit(queue="batch")
    await service.submit(queue="other")
    service.instance.post(jobid.parse(held), Event(9.0, "urgency", {"urgency": 0, "userid": 0}))
    service.instance.begin(jobid.parse(running))
    # When a submission is answered, all that came before it is in the table.
    await service.submit(queue="other")
    jobs = (await queues(service))["batch"]["jobs"]
    assert (jobs["pending"], jobs["running"], jobs["waiting"], jobs["mine"]) == (4, 1, 3, 4)
    oldest = (await (await service.client.get(f"/v1/jobs/{waiting[0]}")).json())["t_submit"]
    assert jobs["oldest_submit"] == oldest
    assert 0 <= jobs["median_wait"] < 60
    assert jobs["recent_starts"] == 1
    assert jobs["recent_median_wait"] >= 0


async def test_a_queue_without_jobs_says_so(service: Service) -> None:
    jobs = (await queues(service))["batch"]["jobs"]
    assert jobs == {"pending": 0, "running": 0, "waiting": 0, "mine": 0}


async def test_jobs_of_others_are_not_those_of_the_reader(start: Start) -> None:
    service = await start(
        require_auth=True,
        user="owner",
        token="owner-secret-0123456789",
        trust_user_header="X-User",
        trust_from=peers("127.0.0.1"),
        trust_user_right="view",
    )
    body = {"command": "true", "queue": "batch"}
    owner = {"X-User": "owner"}
    assert (await service.client.post("/v1/jobs", json=body, headers=owner)).status == 201
    for name, own in (("owner", 1), ("eve", 0)):
        jobs = (await queues(service, headers={"X-User": name}))["batch"]["jobs"]
        assert (jobs["pending"], jobs["mine"]) == (1, own)


async def held(service: Service) -> list[dict[str, Any]]:
    answer = await service.client.get("/v1/queues/held")
    assert answer.status == 200, await answer.text()
    found: list[dict[str, Any]] = (await answer.json())["queues"]
    return found


async def test_a_stopped_queue_with_jobs_of_the_reader_is_told(service: Service) -> None:
    await service.submit(queue="batch")
    await service.submit(queue="other")
    (queue,) = await held(service)
    assert (queue["name"], queue["stop_reason"], queue["jobs"]["mine"]) == ("batch", "full", 1)


async def test_the_page_of_jobs_comes_with_the_queues_that_hold_up_jobs_of_the_reader(
    service: Service,
) -> None:
    await service.submit(queue="batch")
    session = service.client.app[keys.SESSIONS].root
    await session.observer.aclose()
    stats = session.hub.stats
    stats.queues = None
    html = {"Accept": "text/html"}
    page = await (await service.client.get("/", headers=html)).text()
    assert 'id="held" data-icon="warning" role="status" hidden>' in page
    stats.queues = [describe_queue(service.instance.queue)]
    page = await (await service.client.get("/", headers=html)).text()
    banner = page.split('id="held"')[1].split("</div>")[0]
    assert "hidden" not in banner
    assert "Queue <b>batch</b> is stopped: full. " in banner
    assert '<a href="./?state=pending&amp;queue=batch">1 of your jobs waits</a>' in banner


async def test_a_stopped_queue_without_jobs_of_the_reader_holds_up_nothing(
    service: Service,
) -> None:
    await service.submit(queue="other")
    assert await held(service) == []


async def test_an_open_queue_holds_up_nothing(service: Service) -> None:
    service.instance.queue = replace(service.instance.queue, started=True, enabled=True)
    await service.submit(queue="batch")
    assert await held(service) == []


async def test_a_disabled_queue_with_jobs_of_the_reader_is_told(service: Service) -> None:
    service.instance.queue = replace(service.instance.queue, started=True, enabled=False)
    await service.submit(queue="batch")
    (queue,) = await held(service)
    assert (queue["started"], queue["enabled"], queue["jobs"]["mine"]) == (True, False, 1)


async def test_nodes_belong_to_the_queues_whose_properties_they_have(
    aiohttp_client: AiohttpClient,
) -> None:
    app = create_app(Settings(), _TwoQueues(), stop=lambda: None)
    found = await queues(Service(await aiohttp_client(app), _TwoQueues(), asyncio.Event()))
    one = {"total": 1, "free": 0}
    assert found["fast"]["nodes"] == one | {"allocated": 1, "up": 1, "drained": 0}
    assert found["fast"]["cores"] == {"total": 4, "allocated": 2, "free": 2, "up": 4}
    assert found["slow"]["nodes"] == one | {
        "allocated": 0,
        "up": 0,
        "drained": 1,
        "drained_names": ["node1"],
    }
    assert found["none"]["gpus"] == {"total": 0, "allocated": 0, "free": 0, "up": 0}


async def test_a_queue_names_the_others_whose_jobs_use_its_nodes() -> None:
    instance = _TwoQueues()
    nodes = (await nodes_and_totals(instance))["nodes"]
    named = await instance.queues()
    everywhere = replace(named[0], name="all", policy=QueuePolicy())
    shares = shares_of([*named, everywhere], nodes, {"all", "fast"}).values()
    # Node 0 is in use, and node 1, of the queue "slow", is not.
    assert [share.get("shared_with") for share in shares] == [["all"], None, None, ["fast"]]


async def test_queues_are_told_while_the_nodes_are_not_known(
    aiohttp_client: AiohttpClient,
) -> None:
    app = create_app(Settings(), _NoNodes(), stop=lambda: None)
    found = await queues(Service(await aiohttp_client(app), _NoNodes(), asyncio.Event()))
    assert "nodes" not in found["batch"]
    assert found["batch"]["jobs"]["pending"] == 0


class _TwoQueues(FakeInstance):
    """Nodes 0 and 1 with a queue each."""

    async def resources(self) -> Resources:
        found = await super().resources()
        R = r_object()
        R["execution"]["properties"] = {"fast": "0", "slow": "1"}
        found.all.update(R)
        return found

    async def queues(self) -> list[Queue]:
        self._answer()
        return [
            Queue(name, enabled=True, started=True, policy=QueuePolicy(requires=requires))
            for name, requires in (("fast", ("fast",)), ("slow", ("slow",)), ("none", ("x",)))
        ]


class _NoNodes(FakeInstance):
    """An instance that does not tell its nodes."""

    async def resources(self) -> Resources:
        raise NotSupported("The nodes are gone.")
