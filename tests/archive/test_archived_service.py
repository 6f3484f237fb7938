"""A service in front of a history: everything is read as ever, and changes are refused."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from fluxapi.app import create_app
from fluxapi.archive.archive import Archive
from fluxapi.archive.source import Source
from fluxapi.client import AsyncClient
from fluxapi.instance.protocol import Change
from fluxapi.model.eventlog import Resync
from fluxapi.model.jobid import encode_f58
from fluxapi.service import choose_instance
from fluxapi.settings import Settings
from fluxapi.table.table import Table
from tests import recording
from tests.cli.program import Program
from tests.handlers.conftest import Start, start
from tests.running import flux, flux_instance, needs_flux, own_environment
from tests.running import service as run
from tests.table.test_table import SENTINEL
from tests.waiting import block_until

from .stage import INFO, TIMEOUT, Records, Stage
from .test_recorder import ended, flux_records, inactive

__all__ = ["start"]

Client = TestClient[Any, Any]


@pytest.fixture
async def client(
    tmp_path: Path, aiohttp_client: AiohttpClient, archive: Archive
) -> AsyncIterator[Client]:
    """Return a client of a service in front of a history, beside one that writes into it."""
    stage = await Stage.open(archive, flux_records())
    stage.feed([Resync(), *recording.backlog()])
    await stage.settle()
    settings = Settings(instance="archive", statedir=tmp_path / "state")
    instance = choose_instance(settings)
    yield await aiohttp_client(create_app(settings, instance, stop=lambda: None))
    await stage.aclose()


@pytest.mark.slow
async def test_jobs_are_read_as_ever(client: Client) -> None:
    listing = await (await client.get("/v1/jobs")).json()
    assert {job["id"] for job in listing["jobs"]} == {encode_f58(jobid) for jobid in inactive()}
    jobid = listing["jobs"][0]["id"]
    failed = await (await client.get("/v1/jobs?result=FAILED")).json()
    assert {job["result"] for job in failed["jobs"]} == {"FAILED"}
    eventlog = await (await client.get(f"/v1/jobs/{jobid}/eventlog")).json()
    assert eventlog == recording.eventlogs()[jobid]
    assert (await client.get("/ready")).status == 200
    info = await (await client.get("/v1/")).json()
    assert (info["instance"], info["capabilities"]["submit"]) == ("archive", False)
    assert "last seen" in info["notice"]


IMPOSSIBLE: list[tuple[str, str, Any, int]] = [
    ("POST", "/v1/jobs", {"command": "true"}, 501),
    ("POST", "/v1/jobs/bulk", {"jobs": [{"command": "true"}]}, 501),
    ("POST", "/v1/jobs/cancel", {"ids": ["f1"]}, 501),
    ("DELETE", "/v1/jobs/{id}", None, 501),
    ("POST", "/v1/jobs/{id}/signal", {"signal": 15}, 501),
    ("POST", "/v1/jobs/{id}/urgency", {"urgency": 3}, 501),
    ("POST", "/v1/jobs/{id}/memo", {"memo": {"a": 1}}, 409),
    ("POST", "/v1/service/stop", {"instance": True}, 501),
    ("GET", "/v1/nodes", None, 501),
    ("GET", "/v1/resources", None, 501),
]
"""Requests that a history cannot answer, and the status of each."""


async def test_an_impossible_request_is_refused_with_the_reason(client: Client) -> None:
    jobid = encode_f58(min(inactive()))
    for method, path, body, status in IMPOSSIBLE:
        answer = await client.request(method, path.replace("{id}", jobid), json=body)
        problem = await answer.json()
        assert answer.status == status, (path, problem)
        assert any(word in problem["detail"] for word in ("gone", "history", "ended")), path


async def test_a_page_writes_the_time_of_the_history_as_all_others(client: Client) -> None:
    page = await (await client.get("/ui/nodes", headers={"Accept": "text/html"})).text()
    notice = page.partition('id="notice"')[2].partition("</p>")[0]
    assert re.search(r'last seen at <time data-at="[0-9.]+">[-0-9]+ [0-9:]+ UTC</time>\. ', notice)


async def test_pages_offer_no_change(client: Client) -> None:
    jobid = encode_f58(min(inactive()))
    for path in ("/", f"/ui/jobs/{jobid}", "/ui/nodes"):
        page = await (await client.get(path, headers={"Accept": "text/html"})).text()
        assert "Nothing can be submitted or changed" in page, path
        assert 'data-right="view"' in page
        assert "/ui/submit" not in page
    answer = await client.get("/ui/submit", headers={"Accept": "text/html"})
    assert answer.status == 501


async def test_jobs_that_the_table_does_not_take_are_read_from_the_history(
    client: Client, tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = Settings(instance="archive", statedir=tmp_path / "state", max_jobs=2)
    small = await aiohttp_client(create_app(settings, choose_instance(settings), stop=lambda: None))
    assert len((await (await small.get("/v1/jobs")).json())["jobs"]) == 2
    everything = (await (await small.get("/v1/jobs?history=1")).json())["jobs"]
    assert [job["id"] for job in everything] == [
        job["id"] for job in (await (await client.get("/v1/jobs")).json())["jobs"]
    ]
    oldest = everything[-1]["id"]
    assert (await small.get(f"/v1/jobs/{oldest}")).status == 200
    assert (await small.get(f"/v1/jobs/{oldest}/eventlog")).status == 200


async def test_the_instances_are_listed(client: Client, archive: Archive) -> None:
    stage = await Stage.open(archive, name="two")
    stage.feed([Resync(), SENTINEL, *ended(1)])
    await stage.settle()
    await stage.aclose()
    answer = await (await client.get("/v1/history/instances")).json()
    found = [(one["id"], one["jobs"], one["path"]) for one in answer["instances"]]
    assert found == [("two", 1, ""), ("one", len(inactive()), "")]
    assert answer["truncated"] is False
    answer = await (await client.get("/v1/history/instances?limit=1")).json()
    assert [one["id"] for one in answer["instances"]] == ["two"]
    assert answer["truncated"] is True
    async with AsyncClient(str(client.make_url("/"))) as flux:
        assert [one["id"] for one in await flux.history_instances()] == ["two", "one"]


async def store_child(archive: Archive, name: str, path: str, *ids: int) -> None:
    """Store jobs of an instance that was a job of another one."""
    table, records = Table(), Records()
    history = await archive.follow(Source(name, path, INFO, "one"), table, records)
    tasks = history.tasks
    for task in tasks:
        task.start()
    changes: list[Change] = [
        Resync(),
        SENTINEL,
        *[message for jobid in ids for message in ended(jobid)],
    ]
    history.recorder.take(changes, table.feed(changes))
    await asyncio.wait_for(history.filler.is_idle.wait(), TIMEOUT)
    await asyncio.to_thread(archive.writer.flush, TIMEOUT)
    for task in tasks:
        await task.aclose()


async def test_instances_below_are_sessions_of_their_own(
    client: Client, archive: Archive, tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    job, other = map(encode_f58, sorted(inactive())[:2])
    await store_child(archive, "below", job, 1, 2)
    await store_child(archive, "deeper", f"{job}/{encode_f58(2)}", 3)
    settings = Settings(instance="archive", statedir=tmp_path / "state")
    app = create_app(settings, choose_instance(settings), stop=lambda: None)
    tree = await aiohttp_client(app)
    assert (await (await tree.get("/v1/")).json())["capabilities"]["children"] is True
    listed = (await (await tree.get("/v1/instances")).json())["instances"]
    assert [(one["path"], one["state"]) for one in listed] == [("", "ready"), (job, "closed")]
    for path, ids in ((job, [2, 1]), (f"{job}/{encode_f58(2)}", [3])):
        jobs = (await (await tree.get(f"/v1/instances/{path}/jobs")).json())["jobs"]
        assert [one["id"] for one in jobs] == list(map(encode_f58, ids))
        answer = await tree.post(f"/v1/instances/{path}/jobs", json={"command": "true"})
        assert answer.status == 501
    log = await tree.get(f"/v1/instances/{job}/jobs/{encode_f58(1)}/eventlog")
    assert [entry["name"] for entry in await log.json()] == ["submit", "finish", "clean"]
    missing = await tree.get(f"/v1/instances/{other}/jobs")
    assert missing.status == 404
    assert "no jobs of an instance" in (await missing.json())["detail"]
    page = await tree.get(f"/ui/instances/{job}", headers={"Accept": "text/html"})
    assert "Nothing can be submitted or changed" in await page.text()
    link = await (await tree.get(f"/ui/jobs/{job}", headers={"Accept": "text/html"})).text()
    assert f"instances/{job}" in link
    del client


async def test_a_service_without_a_history_says_so(start: Start) -> None:
    service = await start()
    answer = await service.client.get("/v1/history/instances")
    assert answer.status == 501
    assert "--statedir" in (await answer.json())["detail"]


async def test_events_and_rows_are_streamed(client: Client) -> None:
    headers = {"Accept": "application/x-ndjson"}
    async with client.get("/v1/events?stream=jobs", headers=headers) as answer:
        assert answer.status == 200
        found: set[str] = set()
        while len(found) < len(inactive()):
            message = json.loads(await asyncio.wait_for(answer.content.readline(), TIMEOUT))
            found |= {job["id"] for job in message.get("jobs", [])}
    assert found == {encode_f58(jobid) for jobid in inactive()}


@pytest.mark.slow
def test_a_history_that_is_missing_is_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fluxapi", "serve", "--instance", "archive", "--port", "0",
         "--statedir", str(tmp_path)],
        env=own_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "There is no history in" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_commands_read_and_are_refused(tmp_path: Path) -> None:
    with run("--instance", "embedded", FLUXAPI_STATEDIR=str(tmp_path / "state")) as service:
        run_command = Program(service.url, tmp_path)
        jobid = run_command.submit("echo", "kept")
        run_command.ok("wait", jobid)
        block_until(lambda: len(run_command.ok("history", "instances").splitlines()) > 1)
        lines = run_command.ok("history", "instances").splitlines()
        assert lines[0].split()[:3] == ["ID", "PATH", "KIND"]
        assert lines[1].split()[1:3] == ["/", "embedded"]
        assert lines[1].split()[5] == "1"
        [one] = json.loads(run_command.ok("history", "instances", "--json"))["instances"]
        assert one["jobs"] == 1
        service.end()
    archive = {"FLUXAPI_INSTANCE": "archive", "FLUXAPI_STATEDIR": str(tmp_path / "state")}
    with run(**archive) as service:
        assert "this machine" not in service.lines[0]
        assert ", owner " in service.lines[0]
        assert service.lines[0].endswith("Nothing can be submitted or changed.")
        past = Program(service.url, tmp_path)
        assert past.ok("output", jobid) == "kept\n"
        assert past.ok("queue", "list", "--format={queue}|{enabled.ascii}|{resources.all.nnodes}")
        assert "EN" in past.ok("queue", "list")
        refused = past("submit", "true")
        assert refused.status == 1
        assert "Nothing can be submitted or changed" in refused.err
        service.end()


@needs_flux
@pytest.mark.slow
def test_it_shows_a_flux_that_is_gone(tmp_path: Path) -> None:
    folder = str(tmp_path)
    with flux_instance(1) as uri, run(FLUX_URI=uri, FLUXAPI_STATEDIR=folder) as service:
        flux(uri, "submit", "--quiet", "--cc=1-5", "true")
        flux(uri, "submit", "--quiet", "sh", "-c", "exit 3")
        flux(uri, "queue", "idle", "--quiet")
        block_until(lambda: service.get("/v1/stats")["states"] == {"INACTIVE": 6})
        jobs = service.get("/v1/jobs")["jobs"]
        logs = {job["id"]: service.get(f"/v1/jobs/{job['id']}/eventlog") for job in jobs}
        service.end()
    archive = {"FLUXAPI_INSTANCE": "archive", "FLUXAPI_STATEDIR": folder}
    with run(**archive) as first, run(**archive) as second:
        for service in (first, second):
            assert service.get("/v1/jobs")["jobs"] == jobs
            assert {
                job["id"]: service.get(f"/v1/jobs/{job['id']}/eventlog") for job in jobs
            } == logs
            service.end()


async def test_figures_are_those_of_the_instance_that_is_gone(client: Client) -> None:
    found = await (await client.get("/v1/history/figures?since=0&until=100000000000")).json()
    assert found["total"]["ended"] == len(set(inactive()))
