"""Live output through the whole service, on both instances."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from fluxapi.app import create_app
from fluxapi.events.output.watch import WINDOW_BYTES
from fluxapi.settings import Settings
from tests.contract.conftest import make
from tests.contract.site import TIMEOUT

NDJSON = "application/x-ndjson"


class Front:
    """A service in front of one of the instances."""

    def __init__(self, client: TestClient[Any, Any]) -> None:
        self.client = client

    async def submit(self, script: str, **fields: Any) -> str:
        body = {"command": ["sh", "-c", script], **fields}
        answer = await self.client.post("/v1/jobs", json=body)
        assert answer.status == 201, await answer.text()
        name: str = (await answer.json())["id"]
        return name

    async def run(self, script: str, **fields: Any) -> str:
        name = await self.submit(script, **fields)
        await self.client.get(f"/v1/jobs/{name}/wait?timeout={TIMEOUT:.0f}")
        return name

    async def follow(self, name: str, accept: str = NDJSON, **query: Any) -> aiohttp.ClientResponse:
        answer = await self.client.get(
            f"/v1/jobs/{name}/output/stream", params=query, headers={"Accept": accept}
        )
        assert answer.status == 200, await answer.text()
        return answer

    async def messages(self, name: str, **query: Any) -> list[dict[str, Any]]:
        answer = await self.follow(name, **query)
        text = await asyncio.wait_for(answer.text(), TIMEOUT)
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
async def front(kind: str, request: pytest.FixtureRequest, aiohttp_client: AiohttpClient) -> Front:
    app = create_app(Settings(), make(kind, request), stop=lambda: None)
    return Front(await aiohttp_client(app))


def texts(messages: list[dict[str, Any]], stream: str) -> dict[str, str]:
    """Return the text that each rank wrote to a stream."""
    found: dict[str, str] = {}
    for message in messages:
        if message.get("stream") == stream and "data" in message:
            found[message["rank"]] = found.get(message["rank"], "") + message["data"]
    return found


async def test_both_streams_and_all_ranks(front: Front) -> None:
    name = await front.submit("echo $FLUX_TASK_RANK; echo e$FLUX_TASK_RANK >&2", num_tasks=2)
    *messages, end = await front.messages(name)
    assert texts(messages, "stdout") == {"0": "0\n", "1": "1\n"}
    assert texts(messages, "stderr") == {"0": "e0\n", "1": "e1\n"}
    assert (end["type"], end["reason"]) == ("end", "finished")


async def test_it_comes_while_the_job_runs(front: Front, tmp_path: Path) -> None:
    go = tmp_path / "go"
    name = await front.submit(f"echo one; while ! test -e {go}; do sleep 0.05; done; echo two")
    answer = await front.follow(name, "*/*")
    assert await asyncio.wait_for(answer.content.readline(), TIMEOUT) == b"one\n"
    go.touch()
    assert await asyncio.wait_for(answer.text(), TIMEOUT) == "two\n"


async def test_bytes_come_as_they_were(front: Front) -> None:
    name = await front.run(r"printf '\377\000\376'")
    (message, *_) = [m for m in await front.messages(name) if "data" in m]
    assert base64.b64decode(message["data"]) == b"\xff\0\xfe"
    assert await (await front.follow(name, "application/octet-stream")).read() == b"\xff\0\xfe"


async def test_a_pending_job_is_waited_for(front: Front) -> None:
    name = await front.submit("echo late", urgency=0)
    answer = await front.follow(name, "text/plain")
    await front.client.post(f"/v1/jobs/{name}/urgency", json={"urgency": 16})
    assert await asyncio.wait_for(answer.text(), TIMEOUT) == "late\n"


async def test_a_job_that_never_runs_has_no_output(front: Front) -> None:
    name = await front.submit("echo never", urgency=0)
    answer = await front.follow(name)
    await front.client.delete(f"/v1/jobs/{name}")
    (line,) = (await asyncio.wait_for(answer.text(), TIMEOUT)).splitlines()
    assert json.loads(line)["reason"] == "no-output"


async def test_tail_of_a_running_job(front: Front, tmp_path: Path) -> None:
    go = tmp_path / "go"
    wait = f"while ! test -e {go}; do sleep 0.05; done"
    name = await front.submit(f"echo a; sleep 0.2; echo b; {wait}; echo c")
    whole = await front.follow(name, "text/plain")
    for _ in "ab":
        await asyncio.wait_for(whole.content.readline(), TIMEOUT)
    tail = await front.follow(name, "text/plain", tail=1)
    assert await asyncio.wait_for(tail.content.readline(), TIMEOUT) == b"b\n"
    go.touch()
    assert await asyncio.wait_for(tail.text(), TIMEOUT) == "c\n"


async def test_a_reader_that_resumes_gets_the_rest(front: Front) -> None:
    name = await front.run("echo a; sleep 0.2; echo b")
    *messages, _ = await front.messages(name)
    for number, message in enumerate(messages):
        *rest, end = await front.messages(name, **{"from": message["index"] + 1})
        assert rest == messages[number + 1 :]
        assert end["reason"] == "finished"


async def test_more_than_a_window_comes_whole_to_everybody(front: Front) -> None:
    name = await front.submit("seq -f %01000.0f 1500")
    answers = [await front.follow(name, "text/plain") for _ in range(3)]
    expected = "".join(f"{number:01000}\n" for number in range(1, 1501))
    assert len(expected) > WINDOW_BYTES
    found = await asyncio.wait_for(asyncio.gather(*(a.text() for a in answers)), TIMEOUT)
    late = await (await front.follow(name, "text/plain")).text()
    assert [text == expected for text in (*found, late)] == [True] * 4
