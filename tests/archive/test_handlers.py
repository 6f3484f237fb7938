"""Past jobs by HTTP: found by ID and in lists, as before Flux purged them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from fluxapi.client import Client
from fluxapi.http import keys
from fluxapi.model.jobid import parse
from tests.handlers.conftest import Service, Start, service, start

from .stage import TIMEOUT

__all__ = ["service", "start"]

MISSING = "f2QK3Zz"


class Site:
    """A service with a job that Flux has purged, one that has ended, and an active one."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.before: dict[str, Any] = {}
        self.purged = self.kept = self.active = ""

    async def get(self, path: str, **headers: str) -> Any:
        async with self.service.client.get(path, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json() if "json" in answer.content_type else await answer.text()

    async def status(self, path: str) -> tuple[int, str]:
        async with self.service.client.get(path) as answer:
            return answer.status, (await answer.json()).get("detail", "")

    async def fill(self) -> None:
        submit, instance = self.service.submit, self.service.instance
        self.purged = await submit(command="python train.py", environment={"TOKEN": "secret"})
        self.kept = await submit(command="true")
        self.active = await submit(command="sleep 60")
        for jobid in (self.purged, self.kept):
            instance.finish(parse(jobid))
            await self.get(f"/v1/jobs/{jobid}/wait")
        for name in ("", "/eventlog"):
            self.before[name] = await self.get(f"/v1/jobs/{self.purged}{name}")
        instance.purge(parse(self.purged))
        await self.settle(parse(self.purged))

    async def settle(self, jobid: int) -> None:
        """Return once a purged job is gone from the table, and marked in the history."""
        app = self.service.client.app
        assert app is not None
        waiters = app[keys.SESSIONS].root.journal.waiters
        await waiters.wait(jobid, lambda job: job is None, TIMEOUT)
        archive = app[keys.ARCHIVE]
        assert archive is not None
        await asyncio.to_thread(archive.writer.flush, TIMEOUT)


@pytest.fixture
async def site(start: Start, tmp_path: Path) -> Site:
    site = Site(await start(statedir=tmp_path))
    await site.fill()
    return site


def unmarked(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "history"}


async def test_a_purged_job_answers_as_before(site: Site) -> None:
    path = f"/v1/jobs/{site.purged}"
    for suffix in ("", "/wait"):
        record = await site.get(path + suffix)
        assert unmarked(record) == site.before[""]
        assert record["history"]["path"] == ""
    assert await site.get(f"{path}/eventlog") == site.before["/eventlog"]
    text = await site.get(f"{path}/eventlog", Accept="text/plain")
    assert len(text.splitlines()) == len(site.before["/eventlog"])
    assert (await site.get(f"{path}/R"))["execution"]["nodelist"] == ["node0"]
    jobspec = await site.get(f"{path}/jobspec")
    assert jobspec["tasks"][0]["command"] == ["python", "train.py"]
    assert "environment" not in jobspec["attributes"]["system"]


async def test_a_list_has_past_jobs_on_request(site: Site) -> None:
    async def ids(query: str = "") -> list[str]:
        return [job["id"] for job in (await site.get(f"/v1/jobs{query}"))["jobs"]]

    assert await ids() == [site.active, site.kept]
    assert await ids("?history=false") == [site.active, site.kept]
    assert await ids("?history=true") == [site.active, site.kept, site.purged]
    assert await ids("?history=true&text=train") == [site.purged]
    assert await ids("?history=true&state=active") == [site.active]
    assert await ids("?instance=all") == [site.kept, site.purged]
    record = (await site.get("/v1/jobs?instance=all"))["jobs"][0]
    own = record["history"]["instance"]
    assert await ids(f"?instance={own}") == [site.active, site.kept, site.purged]
    assert await ids(f"?instance={'0' * 20}") == []
    assert (await site.status("/v1/jobs?instance=x"))[0] == 422


async def test_pages_follow_each_other(site: Site) -> None:
    for query in ("history=true", "instance=all"):
        found: list[str] = []
        following: str | None = ""
        while following is not None:
            page = await site.get(f"/v1/jobs?{query}&limit=1&page={following}")
            found += [job["id"] for job in page["jobs"]]
            following = page["next"]
        assert found == [site.active, site.kept, site.purged][query == "instance=all" :]


async def test_the_client_reads_them(site: Site) -> None:
    url = str(site.service.client.make_url("/"))

    def read() -> None:
        with Client(url) as flux:
            jobs = list(flux.jobs(history=True))
            assert [job.id for job in jobs] == [site.active, site.kept, site.purged]
            assert jobs[-1].history is not None
            assert jobs[-1].history.purged is not None
            assert [job.history for job in jobs[:2]] == [None, None]
            assert [entry.name for entry in flux.eventlog(site.purged)][-1] == "clean"

    await asyncio.to_thread(read)


async def test_the_page_of_a_purged_job_shows_what_is_kept(site: Site) -> None:
    text = await site.get(f"/ui/jobs/{site.purged}", Accept="text/html")
    assert "This page shows what the history has kept." in text
    for word in ("python train.py", "COMPLETED", "clean", "node0"):
        assert word in text
    part = await site.get(f"/ui/jobs/{site.purged}?part=events")
    assert "clean" in part


async def test_it_is_said_why_an_output_is_missing(start: Start, tmp_path: Path) -> None:
    site = Site(await start(statedir=tmp_path, history_max_job_output=0))
    await site.fill()
    why = f"The output of job {site.purged} was not read before Flux had purged the job."
    assert await site.status(f"/v1/jobs/{site.purged}/output") == (404, why)
    headers = {"Accept": "application/x-ndjson"}
    path = f"/v1/jobs/{site.purged}/output/stream"
    async with site.service.client.get(path, headers=headers) as answer:
        end = json.loads((await answer.text()).splitlines()[-1])
    assert (end["type"], end["reason"], end["detail"]) == ("end", "purged", why)


async def test_a_job_that_nobody_has_is_not_found(site: Site) -> None:
    for suffix in ("", "/wait", "/eventlog", "/jobspec", "/R"):
        assert await site.status(f"/v1/jobs/{MISSING}{suffix}") == (
            404,
            f"There is no job {MISSING}.",
        )


async def test_without_a_history_the_list_says_so(service: Service) -> None:
    async with service.client.get("/v1/jobs?history=true") as answer:
        assert answer.status == 501
        assert "--statedir" in (await answer.json())["detail"]
