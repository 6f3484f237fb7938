"""Instances that the service follows while nobody looks at them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from fluxapi.app import create_app
from fluxapi.errors import InstanceEnded, InstanceUnavailable
from fluxapi.http import keys
from fluxapi.model.jobid import encode_f58
from fluxapi.sessions import follower
from fluxapi.sessions.children import Children
from fluxapi.sessions.inside import JobsInside
from fluxapi.settings import Settings
from tests.sessions.broker import FakeBroker
from tests.waiting import poll_until

from .fake import FIRST_ID

IDS = [number << 24 for number in range(1, 8)]
PATHS = [encode_f58(jobid) for jobid in IDS]
HTML = {"Accept": "text/html"}


class Instance(FakeBroker):
    """A broker that other brokers are not taken for."""

    def __init__(self, name: str = "root") -> None:
        super().__init__()
        self.name = name

    async def secret(self) -> bytes:
        return self.name.encode()


class Site:
    """A service in front of a broker, and what it follows."""

    def __init__(self, client: TestClient[Any, Any], broker: Instance) -> None:
        self.client = client
        self.broker = broker

    @property
    def children(self) -> Children:
        children: Children = self.client.app[keys.CHILDREN]
        return children

    @property
    def inside(self) -> JobsInside:
        inside: JobsInside = self.client.app[keys.INSIDE]
        return inside

    @property
    def ready(self) -> list[str]:
        """The instances that are open."""
        return [it.path for it in self.children if it.state == "ready"]

    async def until_ready(self, *paths: str) -> None:
        async def holds() -> bool:
            return set(self.ready) == set(paths)

        await poll_until(holds)

    async def read(self, path: str, status: int = 200) -> str:
        async with self.client.get(path, headers=HTML) as answer:
            text = await answer.text()
            assert answer.status == status, text
            return text

    async def end(self, number: int) -> None:
        """End an instance with its job."""
        child = self.children.get(PATHS[number])
        assert child is not None
        self.broker.children[number].lose()
        self.broker.finish(IDS[number])

        async def has_ended() -> bool:
            return child.state == "ended"

        await poll_until(has_ended)


async def start(client: AiohttpClient, broker: Instance, **settings: Any) -> Site:
    broker.next_children += [Instance(f"child {number}") for number in range(5)]
    app = create_app(Settings(**settings), broker, stop=lambda: None)
    return Site(await client(app), broker)


async def fail_a_job(site: Site, number: int) -> None:
    """Have a job of an instance fail, and another one succeed."""
    child = site.broker.children[number]
    for jobid, status in ((FIRST_ID, 256), (2 * FIRST_ID, 0)):
        child.launch(jobid, uri=None)
        child.finish(jobid, status)

    async def is_known() -> bool:
        found = site.inside.find("", PATHS[number])
        return found is not None and found.total == 2

    await poll_until(is_known)


async def test_failures_are_known_though_nobody_has_looked(aiohttp_client: AiohttpClient) -> None:
    site = await start(aiohttp_client, Instance())
    site.broker.launch(IDS[0])
    await site.until_ready(PATHS[0])
    await fail_a_job(site, 0)
    await site.end(0)
    (told,) = site.inside.records("")
    assert told == {"id": PATHS[0], "kept": True, "failed": 1, "timed_out": 0, "total": 2}
    page = await site.read(f"/ui/jobs/{PATHS[0]}")
    assert "1 of 2 jobs in it failed</a>" in page
    assert f"ui/instances/{PATHS[0]}?result=FAILED,TIMEOUT" in page
    # Without a history, the session stays, however long nobody looks.
    site.children.limits = type(site.children.limits)(idle_timeout=0.0)
    await site.children.close_idle()
    assert encode_f58(FIRST_ID) in await site.read(f"/ui/instances/{PATHS[0]}")


async def test_an_instance_that_has_ended_is_opened_from_the_history(
    aiohttp_client: AiohttpClient, tmp_path: Path
) -> None:
    site = await start(aiohttp_client, Instance(), statedir=tmp_path)
    site.broker.launch(IDS[0])
    await site.until_ready(PATHS[0])
    await fail_a_job(site, 0)
    await site.end(0)
    archive = site.client.app[keys.ARCHIVE]
    assert archive is not None
    assert await asyncio.to_thread(archive.writer.flush, 60)
    # The rows are still those of the session, which reads the rest from the history.
    kept = site.broker.children[0].kept
    assert kept is not None
    assert [event.name for event in await kept.eventlog(FIRST_ID)][-1] == "clean"
    with pytest.raises(InstanceEnded):
        await kept.lookup(5 * FIRST_ID, "jobspec")
    child = site.children.get(PATHS[0])
    assert child is not None
    await site.children.close(child)
    path = f"/ui/instances/{PATHS[0]}"
    assert encode_f58(FIRST_ID) in await site.read(f"{path}?state=failed")
    assert 'data-status="FAILED"' in await site.read(f"{path}/jobs/{encode_f58(FIRST_ID)}")
    async with site.client.get(f"/v1/instances/{PATHS[0]}") as answer:
        assert (await answer.json())["state"] == "ready"
    await site.client.close()
    # A later service reads it there, too.
    broker = Instance()
    broker.launch(IDS[0])
    broker.finish(IDS[0])
    site = await start(aiohttp_client, broker, statedir=tmp_path)
    (told,) = site.inside.records("")
    assert told == {"id": PATHS[0], "kept": True, "failed": 1, "timed_out": 0}
    assert "At least 1 job in it failed</a>" in await site.read(f"/ui/jobs/{PATHS[0]}")
    assert encode_f58(FIRST_ID) in await site.read(f"{path}?state=failed")
    assert broker.places == []


async def test_those_with_failures_are_followed_first(aiohttp_client: AiohttpClient) -> None:
    site = await start(aiohttp_client, Instance(), follow_children=1)
    site.broker.launch(IDS[0])
    await site.until_ready(PATHS[0])
    site.broker.launch(IDS[1])

    async def is_counted() -> bool:
        return bool(site.broker.counters)

    # The others are counted.
    await poll_until(is_counted)
    counts = {"total": 9, "states": {"RUN": 9}, "results": {"FAILED": 1}}
    site.broker.counters[-1].counts = counts
    assert site.broker.counters[-1].place.jobid == IDS[1]
    await site.until_ready(PATHS[0], PATHS[1])
    first, second = (site.children.get(path) for path in PATHS[:2])
    assert first is not None
    assert second is not None
    assert (first.is_followed, second.is_followed) == (False, True)


async def test_a_followed_instance_makes_room_for_a_viewer(aiohttp_client: AiohttpClient) -> None:
    site = await start(aiohttp_client, Instance(), follow_children=2, max_children=2)
    for jobid in IDS[:3]:
        site.broker.launch(jobid)
    await site.until_ready(*PATHS[:2])
    await site.read(f"/ui/instances/{PATHS[2]}")
    assert PATHS[2] in site.ready
    assert len(site.ready) == 2


@pytest.mark.parametrize("how", ["mute", "refuses", "lost"])
async def test_an_instance_that_does_not_answer_takes_no_place_from_another(
    aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(follower, "_PATIENCE_S", 0.0)
    broker = Instance()
    silent = Instance("silent")
    broker.next_children.append(silent)
    if how == "mute":
        silent.may_start.clear()
    elif how == "refuses":
        silent.error = InstanceUnavailable("no broker there")
    site = await start(aiohttp_client, broker, follow_children=1)
    broker.launch(IDS[0])
    if how == "lost":
        await site.until_ready(PATHS[0])
        silent.lose()
    else:
        await silent.starting.wait()
    broker.launch(IDS[1])
    await site.until_ready(PATHS[1])
    silent.may_start.set()


async def test_an_instance_of_another_user_is_not_followed(aiohttp_client: AiohttpClient) -> None:
    site = await start(aiohttp_client, Instance())
    site.broker.launch(IDS[0], userid=12345)
    site.broker.launch(IDS[1])
    await site.until_ready(PATHS[1])
    assert [place.jobid for place in site.broker.places] == [IDS[1]]


async def test_a_page_says_that_the_jobs_of_an_instance_are_not_kept(
    aiohttp_client: AiohttpClient,
) -> None:
    site = await start(aiohttp_client, Instance(), follow_children=0)
    site.broker.launch(IDS[0])
    site.broker.finish(IDS[0])
    await site.client.get(f"/v1/jobs/{PATHS[0]}/wait")
    page = await site.read(f"/ui/jobs/{PATHS[0]}")
    assert "The jobs in it are not kept." in page
    assert 'id="below"' not in page
