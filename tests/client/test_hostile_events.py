"""Events of a job that make no sense: its future has an end all the same."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from fluxapi.client import FluxExecutor

from .test_hostile import BOOKMARK, Meet, meet

__all__ = ["meet"]


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
