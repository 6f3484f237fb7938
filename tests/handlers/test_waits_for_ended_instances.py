"""Requests that wait for jobs of an instance that ends before they do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from fluxapi.http import keys
from fluxapi.model.eventlog import Event
from fluxapi.model.jobid import encode_f58
from fluxapi.sessions import children
from tests.waiting import poll_until

from .fake import FIRST_ID
from .test_followed_instances import IDS, PATHS, Instance, Site, start

JOB = encode_f58(FIRST_ID)
JOBSPEC = {
    "version": 1,
    "tasks": [{"command": ["true"]}],
    "attributes": {"system": {}, "user": {"fluxapi": {"group": "study"}}},
}
WAITABLE = 4
SUBMIT = {"userid": 0, "urgency": 16, "flags": WAITABLE, "version": 1}

WAITS = [
    ("GET", f"/jobs/{JOB}/wait?timeout=300", None),
    ("POST", "/jobs/wait", {"ids": [JOB], "timeout": 300}),
    ("POST", "/jobs/wait", {"ids": [JOB], "until": "any", "timeout": 300}),
    ("GET", "/groups/study/wait?timeout=300", None),
    ("POST", "/jobs/collect", {"timeout": 300}),
    ("POST", "/jobs/collect", {"id": JOB, "timeout": 300}),
]


@pytest.fixture
async def site(aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch) -> Site:
    """An instance with a job that has not started."""
    monkeypatch.setattr(children, "_LAST_EVENTS_TIMEOUT_S", 0.0)
    site = await start(aiohttp_client, Instance())
    site.broker.launch(IDS[0])
    await site.until_ready(PATHS[0])
    site.broker.children[0].post(FIRST_ID, Event(1.0, "submit", SUBMIT), jobspec=JOBSPEC)
    session = site.client.app[keys.SESSIONS].find(PATHS[0])
    await session.journal.waiters.wait(FIRST_ID, lambda job: job is not None, 30)
    return site


async def ask(site: Site, method: str, path: str, body: Any) -> Any:
    url = f"/v1/instances/{PATHS[0]}{path}"
    async with site.client.request(method, url, json=body) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize(("method", "path", "body"), WAITS)
async def test_a_wait_for_a_job_that_ends_no_more_is_refused(
    site: Site, method: str, path: str, body: Any
) -> None:
    waiters = site.client.app[keys.SESSIONS].find(PATHS[0]).journal.waiters
    waiting = asyncio.create_task(ask(site, method, path, body))

    async def is_waiting() -> bool:
        assert not waiting.done(), waiting.result()
        return len(waiters) == 1

    await poll_until(is_waiting)
    await site.end(0)
    for status, problem in (await waiting, await ask(site, method, path, body)):
        assert (status, problem.get("type")) == (409, "/docs/errors#instance-ended"), problem
        assert problem["detail"] == f"Job {PATHS[0]} has ended, and its instance with it."


async def test_a_wait_for_jobs_that_have_ended_is_answered(site: Site) -> None:
    for name in ("validate", "depend"):
        site.broker.children[0].post(FIRST_ID, Event(1.0, name))
    site.broker.children[0].begin(FIRST_ID)
    site.broker.children[0].finish(FIRST_ID)
    assert (await ask(site, "POST", "/jobs/wait", {"ids": [JOB]}))[1]["ended"] == [JOB]
    await site.end(0)
    for method, path, body in WAITS[:4]:
        status, found = await ask(site, method, path, body)
        assert status == 200, found
