"""Output files of jobs of a real Flux with four brokers: what is read is what ``cat`` prints."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from fluxapi.app import create_app
from fluxapi.instance.broker import BrokerInstance
from fluxapi.instance.release import TASK_FILES, parse
from fluxapi.settings import Settings
from tests.running import flux, needs_flux

pytestmark = needs_flux

Client = TestClient[Any, Any]


@pytest.fixture
async def client(flux_uri: str, aiohttp_client: AiohttpClient) -> Client:
    app = create_app(Settings(), BrokerInstance(flux_uri), stop=lambda: None)
    client: Client = await aiohttp_client(app)
    return client


@pytest.fixture
async def far_client(client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Return a client of a service that takes itself to be on another host."""
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    return client


async def run(uri: str, folder: Path, *command: str) -> str:
    """Submit a job with a Flux command in a folder, and return its ID when it has ended."""
    made = await asyncio.to_thread(flux, uri, command[0], f"--cwd={folder}", *command[1:])
    jobid = made.strip()
    await asyncio.to_thread(flux, uri, "job", "wait-event", jobid, "clean")
    return jobid


def found_in(folder: Path, pattern: str) -> list[Path]:
    return list(folder.glob(pattern))


def content_of(path: str) -> bytes:
    return Path(path).read_bytes()


async def bytes_of(client: Client, path: str) -> bytes:
    # The job is in the table when the journal has told of it.
    await client.get(f"/v1/jobs/{path.partition('/')[0]}/wait?timeout=30")
    answer = await client.get(f"/v1/jobs/{path}", headers={"Accept": "application/octet-stream"})
    assert answer.status == 200, await answer.text()
    return await answer.read()


async def document(client: Client, jobid: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/jobs/{jobid}/output")
    found: dict[str, Any] = json.loads(await answer.read())
    return found


async def test_a_batch_job_writes_to_its_default_file(
    client: Client, flux_uri: str, tmp_path: Path
) -> None:
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/sh\necho out; echo err >&2; printf 'no end'\n")
    jobid = await run(flux_uri, tmp_path, "batch", "-n1", str(script))
    (path,) = found_in(tmp_path, "flux-*.out")
    content = path.read_bytes()
    assert content.endswith(b"no end")
    assert await bytes_of(client, f"{jobid}/output") == content
    assert await bytes_of(client, f"{jobid}/files/stdout") == content
    assert await bytes_of(client, f"{jobid}/files/stderr") == content


@pytest.mark.parametrize(
    ("template", "count"),
    [
        ("o-{{taskid}}", 8),
        ("o-{{task.id}}-{{node.id}}", 8),
        ("o-{{node.id}}", 4),
        ("o-{{size}}", 1),
    ],
)
async def test_tasks_and_nodes_have_files(
    client: Client, flux_uri: str, tmp_path: Path, template: str, count: int
) -> None:
    release = parse(await asyncio.to_thread(flux, flux_uri, "getattr", "version"))
    if release is not None and release < TASK_FILES:
        count = 1
    words = ["submit", "-N4", "-n8", f"--output={template}", "sh", "-c"]
    jobid = await run(flux_uri, tmp_path, *words, "echo $FLUX_TASK_RANK")
    paths = found_in(tmp_path, "o-*")
    assert len(paths) == count
    found = await bytes_of(client, f"{jobid}/output")
    lines = [line for line in found.split(b"\n") if line.isdigit()]
    assert sorted(lines) == [b"%d" % rank for rank in range(8)]
    known = {r["path"]: r for r in (await document(client, jobid))["redirects"]}
    assert set(known) == {str(path) for path in paths}
    for number, path in enumerate(known):
        content = content_of(path)
        assert await bytes_of(client, f"{jobid}/files/stdout?file={number}") == content
    if "task" in template and count > 1:
        for path, about in known.items():
            assert content_of(path).strip() == about["rank"].encode()


async def test_labeled_lines_are_those_of_the_file(
    client: Client, flux_uri: str, tmp_path: Path
) -> None:
    jobid = await run(flux_uri, tmp_path, "submit", "-n2", "-l", "--output=out", "echo", "hi")
    assert sorted((await document(client, jobid))["Output"]) == ["0: hi\n", "1: hi\n"]


async def test_a_file_is_read_through_the_broker_of_its_node(
    far_client: Client, flux_uri: str, tmp_path: Path
) -> None:
    (tmp_path / "in").write_bytes(bytes(range(256)) * 9000 + b"\xe2\x80\xa8 no end")
    jobid = await run(flux_uri, tmp_path, "submit", "--output=out", "cat", "in")
    content = (tmp_path / "out").read_bytes()
    assert await bytes_of(far_client, f"{jobid}/output") == content
    assert await bytes_of(far_client, f"{jobid}/files/stdout") == content
    assert {r["read"] for r in (await document(far_client, jobid))["redirects"]} == {"node"}


async def test_a_job_is_followed_through_the_broker_of_its_node(
    far_client: Client, flux_uri: str, tmp_path: Path
) -> None:
    script = "echo begun; until [ -e go ]; do sleep 0.1; done; echo end"
    words = ("submit", f"--cwd={tmp_path}", "--output=out", "sh", "-c", script)
    jobid = (await asyncio.to_thread(flux, flux_uri, *words)).strip()
    await asyncio.to_thread(flux, flux_uri, "job", "wait-event", jobid, "start")
    await far_client.get(f"/v1/jobs/{jobid}/wait?timeout=0")
    address = f"/v1/jobs/{jobid}/output/stream"
    async with far_client.get(address, headers={"Accept": "text/plain"}) as answer:
        assert await asyncio.wait_for(answer.content.readexactly(6), 60) == b"begun\n"
        (tmp_path / "go").touch()
        assert await asyncio.wait_for(answer.content.read(), 60) == b"end\n"


async def test_a_file_in_the_folder_of_the_job_is_there_while_the_job_is(
    client: Client, flux_uri: str, tmp_path: Path
) -> None:
    script = "echo begun; until [ -e go ]; do sleep 0.1; done"
    words = ("submit", f"--cwd={tmp_path}", "--output={{tmpdir}}/out", "sh", "-c", script)
    jobid = (await asyncio.to_thread(flux, flux_uri, *words)).strip()
    await asyncio.to_thread(flux, flux_uri, "job", "wait-event", jobid, "start")
    await client.get(f"/v1/jobs/{jobid}/wait?timeout=0")
    address = f"/v1/jobs/{jobid}/output/stream"
    async with client.get(address, headers={"Accept": "text/plain"}) as answer:
        assert await asyncio.wait_for(answer.content.readexactly(6), 60) == b"begun\n"
    (tmp_path / "go").touch()
    await asyncio.to_thread(flux, flux_uri, "job", "wait-event", jobid, "clean")
    (redirect, _) = (await document(client, jobid))["redirects"]
    assert redirect["unread"] == "It does not exist."
