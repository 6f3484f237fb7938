"""Memory that requests leave behind: little of a job that waits, nothing in an idle connection."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import json
import sys
from contextlib import aclosing
from importlib import import_module
from typing import Any

import pytest
import uvloop
from aiohttp import web

from fluxapi.instance.embedded import EmbeddedInstance
from fluxapi.instance.embedded.job import Job
from fluxapi.instance.protocol import Submission
from tests.handlers.conftest import Service, service, start
from tests.instance.embedded.harness import spec
from tests.mcp.sessions import needs_sdk

from .wire import connect, serving

__all__ = ["service", "start"]

WORDS = ["echo", *(f"word{number}" for number in range(5000))]
CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "submit_job", "arguments": {"command": WORDS}},
}


def size_of(value: Any) -> int:
    """Return the bytes of an object and of all that it has."""
    size = sys.getsizeof(value)
    if isinstance(value, dict):
        return size + sum(size_of(key) + size_of(it) for key, it in value.items())
    if isinstance(value, tuple | list):
        return size + sum(map(size_of, value))
    if dataclasses.is_dataclass(value):
        return size + sum(size_of(getattr(value, it.name)) for it in dataclasses.fields(value))
    return size


async def test_a_job_that_waits_keeps_little_besides_its_jobspec() -> None:
    instance = EmbeddedInstance()
    await instance.start()
    try:
        environment = {f"NAME{number}": f"value{number}" for number in range(5000)}
        files = {f"file{number}": {"data": "text", "encoding": "utf-8"} for number in range(500)}
        constraint = {"or": [{"ranks": [f"{number}"]} for number in range(500)]}
        jobspec = spec(*WORDS, environment=environment, files=files, constraints=constraint)
        [jobid] = await instance.submit([Submission(jobspec, 0)])
        assert isinstance(jobid, int)
        job = instance._running().active[jobid]
        kept = {name: size_of(getattr(job, name)) for name in Job.__slots__ if name != "jobspec"}
        assert sum(kept.values()) < 8192, kept
        assert size_of(job.jobspec) < len(jobspec) + 100
        assert isinstance(job.jobspec, bytes)
        assert job.outline.eligible
    finally:
        await instance.close()


def left_of_a_body() -> list[Any]:
    return [
        it for it in gc.get_objects() if isinstance(it, list) and it == WORDS and it is not WORDS
    ]


@pytest.mark.slow
@needs_sdk
@pytest.mark.parametrize(
    ("path", "body"), [("/v1/jobs", {"command": WORDS}), ("/v1/mcp", CALL)], ids=["jobs", "mcp"]
)
async def test_an_idle_connection_holds_no_body(service: Service, path: str, body: Any) -> None:
    await asyncio.to_thread(import_module, "fluxapi.mcp.http")
    response = await service.client.post(
        path, data=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    await response.read()
    assert response.status in {200, 201}
    gc.collect()
    assert not left_of_a_body()


@pytest.mark.parametrize("path", ["/openapi.json", "/v1/health"], ids=["long", "short"])
def test_an_idle_connection_holds_no_response(path: str) -> None:
    async def held() -> list[int]:
        async with serving() as port, connect(port) as wire:
            await wire.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            answer = await wire.answer()
            assert answer is not None
            assert (len(answer.body) > 100_000) == (path == "/openapi.json")
            sent = [it for it in gc.get_objects() if isinstance(it, web.Response)]
            return [len(it.body) for it in sent if isinstance(it.body, bytes) and it.prepared]

    loop = uvloop.new_event_loop()
    try:
        assert not loop.run_until_complete(held())
    finally:
        loop.close()


@pytest.mark.slow
@needs_sdk
def test_the_sdk_gets_no_arguments() -> None:
    http = import_module("fluxapi.mcp.http")
    message, arguments = http._without_arguments(CALL)
    assert arguments == [{"command": WORDS}]
    assert message["params"] == {"name": "submit_job", "arguments": {}}
    for odd in ({**CALL, "method": "ping"}, {**CALL, "params": {"arguments": 1}}, {"method": "x"}):
        assert http._without_arguments(odd) == (odd, [])


async def test_few_large_jobs_of_a_backlog_are_decoded_at_once() -> None:
    instance = EmbeddedInstance()
    await instance.start()
    try:
        large = [Submission(spec("echo", "x" * 100_000), 0) for _ in range(12)]
        assert all(isinstance(jobid, int) for jobid in await instance.submit(large))
        sizes: list[int] = []
        async with aclosing(instance.changes()) as batches:  # type: ignore[type-var]
            async for batch in batches:
                sizes.append(len([it for it in batch if getattr(it, "jobspec", None)]))
                if sum(sizes) == len(large):
                    break
        assert max(sizes) == 3
    finally:
        await instance.close()
