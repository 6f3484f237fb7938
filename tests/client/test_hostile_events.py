"""Events of a job that make no sense, or are missing: its future has an end all the same."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from fluxapi.client import FluxExecutor

from .test_hostile import BOOKMARK, LIMIT_S, Meet, meet

__all__ = ["meet"]

RESET = b'event: reset\ndata: {"reason":"overflow","detail":"The client was too slow."}\n\n'


def eventlog(jobid: str, *names: str) -> list[dict[str, object]]:
    return [
        {"id": jobid, "name": name, "index": index, "timestamp": 1, "context": {"status": 0}}
        for index, name in enumerate(names)
    ]


async def test_a_job_that_ends_without_a_result_fails_its_future(meet: Meet) -> None:
    async def serve(request: web.Request) -> web.StreamResponse:
        if "/f1/" in request.path:
            return web.json_response([{"name": "clean", "index": 0, "timestamp": 1, "id": "f1"}])
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(BOOKMARK)
        await asyncio.Event().wait()
        return response

    client = await meet(serve)
    executor = FluxExecutor(client.url, user="me", token="s3cret", retries=0)
    future = executor.attach("f1")
    await asyncio.to_thread(executor.shutdown)
    with pytest.raises(ValueError, match="without a result"):
        future.result(0)


async def test_an_eventlog_that_was_requested_before_a_gap_is_read_again(meet: Meet) -> None:
    asked: list[str] = []
    asked_first, has_gap, gap_was_seen = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def log_of(jobid: str) -> list[dict[str, object]]:
        asked.append(jobid)
        if asked.count(jobid) > 1:
            gap_was_seen.set()
            return eventlog(jobid, "start", "finish", "clean")
        if jobid == "f2":
            # The end of the job is in the gap, after the answer was made.
            has_gap.set()
            await gap_was_seen.wait()
        asked_first.set()
        return eventlog(jobid, "start")

    async def serve(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/eventlog"):
            return web.json_response(await log_of(request.path.split("/")[-2]))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(BOOKMARK)
        await has_gap.wait()
        await response.write(RESET)
        await asyncio.Event().wait()
        return response

    client = await meet(serve)
    executor = FluxExecutor(client.url, user="me", token="s3cret", retries=0)
    futures = [executor.attach("f1")]
    await asyncio.wait_for(asked_first.wait(), LIMIT_S)
    futures.append(executor.attach("f2"))
    assert [await asyncio.to_thread(future.result, LIMIT_S) for future in futures] == [0, 0]
    await asyncio.to_thread(executor.shutdown)
