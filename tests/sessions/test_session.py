"""Sessions: opened and closed as a whole, found by their path, and apart from each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import encode_basic_auth
from yarl import URL

from fluxapi.errors import InstanceNotFound, InstanceUnavailable
from fluxapi.http import keys
from fluxapi.instance.protocol import Instance, InstanceInfo
from fluxapi.model.keymark import KeySigner
from fluxapi.sessions.registry import SessionRegistry
from fluxapi.sessions.session import ROOT, InstanceSession
from fluxapi.settings import Settings
from tests.handlers.conftest import Service, Start, service, start
from tests.handlers.fake import FakeInstance

__all__ = ["service", "start"]

CHILD = "f2QK3Zz/fA1b"


class Failing(FakeInstance):
    """Does not start."""

    closed = False

    async def start(self) -> InstanceInfo:
        raise InstanceUnavailable("There is no broker.")

    async def close(self, timeout: float = 0) -> None:
        del timeout
        self.closed = True


@asynccontextmanager
async def opened(path: str, instance: Instance) -> AsyncIterator[InstanceSession]:
    async with InstanceSession.open(path, instance, Settings()) as session:
        yield session


async def test_it_has_followed_the_journal_until_it_is_closed() -> None:
    instance = FakeInstance()
    async with opened(ROOT, instance) as session:
        await session.journal.caught_up()
        assert session.journal.ready
        journal = session.journal
    assert not journal.is_running
    assert await journal.waiters.wait(1, lambda job: job is not None, 60) is None, (
        "it waits no more"
    )


async def test_an_instance_that_does_not_start_is_closed() -> None:
    registry, instance = SessionRegistry(opened), Failing()
    with pytest.raises(InstanceUnavailable):
        await registry.open(ROOT, instance)
    assert instance.closed
    assert list(registry) == []


async def test_sessions_are_found_by_path_until_they_are_closed() -> None:
    registry = SessionRegistry(opened)
    root = await registry.open(ROOT, FakeInstance())
    child = await registry.open(CHILD, FakeInstance())
    assert registry.root is registry.get(ROOT) is root
    assert registry.get(CHILD) is registry.find(CHILD) is child
    assert list(registry) == [root, child]
    await registry.close(CHILD)
    await registry.close(CHILD)
    assert registry.find(CHILD) is None
    with pytest.raises(InstanceNotFound, match=CHILD):
        registry.get(CHILD)
    await registry.close_all()
    assert list(registry) == []


def test_paths_in_the_api_and_in_metrics() -> None:
    made = [
        InstanceSession(path, FakeInstance(), info(), signer=KeySigner(), settings=Settings())
        for path in (ROOT, CHILD)
    ]
    assert [session.api_path for session in made] == ["/v1", f"/v1/instances/{CHILD}"]
    assert [session.label for session in made] == ["root", CHILD]


def test_constraints_are_limited_by_the_nodes_of_the_instance() -> None:
    large = replace(info(), size=10_000)
    made = InstanceSession(ROOT, FakeInstance(), large, signer=KeySigner(), settings=Settings())
    assert made.defaults.nodes == 10_000


def info() -> InstanceInfo:
    return InstanceInfo("embedded", "1", None, 1, "node", 0, 1.0)


@pytest.fixture
async def child(service: Service) -> str:
    """Return the address of a second instance behind the same service."""
    await service.client.app[keys.SESSIONS].open(CHILD, FakeInstance())
    return f"/v1/instances/{CHILD}"


async def test_routes_of_an_instance_answer_for_each(service: Service, child: str) -> None:
    client = service.client
    answer = await client.post(f"{child}/jobs", json={"command": "true"})
    assert answer.status == 201
    place = answer.url.join(URL(answer.headers["Location"])).path
    assert place.startswith(f"{child}/jobs/")
    assert (await client.get(place)).status == 200
    assert (await client.get(place.replace(child, "/v1"))).status == 404
    for path, number in (("/v1/jobs", 0), (f"{child}/jobs", 1)):
        assert len((await (await client.get(path)).json())["jobs"]) == number
    links = (await (await client.get(f"{child}/")).json())["links"]
    assert links["jobs"] == f"{child}/jobs"
    assert (await client.get(links["nodes"])).status == 200


@pytest.mark.parametrize("path", ["ƒ2QK3Zz/fA1b", "%C6%922QK3Zz/%c6%92A1b"])
async def test_an_id_in_a_path_may_have_its_hook(service: Service, child: str, path: str) -> None:
    del child
    assert (await service.client.get(f"/v1/instances/{path}/stats")).status == 200


@pytest.mark.parametrize("path", ["fUnknown", f"{CHILD}/fA1b", "f2QK3Zz"])
async def test_a_path_that_leads_nowhere(service: Service, child: str, path: str) -> None:
    del child
    answer = await service.client.get(f"/v1/instances/{path}/jobs")
    assert answer.status == 404
    problem = await answer.json()
    assert problem["type"] == "/docs/errors#instance-not-found"
    assert path in problem["detail"]


NO_PATHS = ["jobs/jobs", "f/jobs", "f0O/jobs", "", "fA1b/health", "fA1b/token"]


@pytest.mark.parametrize("path", NO_PATHS)
async def test_an_invalid_path_of_an_instance_is_not_found(service: Service, path: str) -> None:
    answer = await service.client.get(f"/v1/instances/{path}")
    assert answer.status == 404
    assert (await answer.json())["type"] == "/docs/errors#not-found"


async def test_keys_tickets_and_cursors_are_those_of_one_instance(start: Start) -> None:
    service = await start(require_auth=True, user="ada", token="t" * 24, secret_key="k" * 32)
    await service.client.app[keys.SESSIONS].open(CHILD, FakeInstance())
    client = service.client
    auth = {"Authorization": encode_basic_auth("ada", "t" * 24)}
    child = f"/v1/instances/{CHILD}"
    key = {**auth, "Idempotency-Key": "one"}
    for path in ("/v1", child):
        answer = await client.post(f"{path}/jobs", json={"command": "true"}, headers=key)
        assert answer.status == 201
        assert "Idempotent-Replayed" not in answer.headers
    ticket = (await (await client.post(f"{child}/ticket", headers=auth)).json())["ticket"]
    for path, status in (("/v1", 401), ("/v1/instances/fA1b", 401), (child, 200)):
        async with client.get(f"{path}/events", params={"ticket": ticket}) as answer:
            assert answer.status == status
    page = await (await client.get(f"{child}/jobs", headers=auth)).json()
    async with client.get(
        "/v1/events",
        params={"since": page["cursor"]},
        headers={**auth, "Accept": "application/x-ndjson"},
    ) as answer:
        line = await answer.content.readline()
    assert b'"reset"' in line


async def test_the_instances_are_hidden_without_credentials(start: Start) -> None:
    service = await start(require_auth=True, user="ada", token="t" * 24, secret_key="k" * 32)
    await service.client.app[keys.SESSIONS].open(CHILD, FakeInstance())
    for path in (CHILD, "fUnknown"):
        answer = await service.client.get(f"/v1/instances/{path}/jobs")
        assert answer.status == 401


async def test_metrics_tell_instances_apart(service: Service, child: str) -> None:
    await service.client.post(f"{child}/jobs", json={"command": "true"})
    text = await (await service.client.get("/metrics")).text()
    assert f'fluxapi_jobs_submitted_total{{flux_instance="{CHILD}"}} 1.0' in text
    assert 'fluxapi_jobs_submitted_total{flux_instance="root"} 0.0' in text
    await service.client.app[keys.SESSIONS].close(CHILD)
    text = await (await service.client.get("/metrics")).text()
    assert CHILD not in text
