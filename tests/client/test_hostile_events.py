"""Events of a job that make no sense, or are missing: its future has an end all the same."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from aiohttp import web

from fluxapi.client import FluxExecutor, NotFound, ProblemError, SubmitError, Unavailable
from fluxapi.model.jobid import parse

from .test_hostile import BOOKMARK, LIMIT_S, Meet, meet

__all__ = ["meet"]

RESET = b'event: reset\ndata: {"reason":"overflow","detail":"The client was too slow."}\n\n'


def eventlog(jobid: str, *names: str) -> list[dict[str, object]]:
    return [
        {"id": jobid, "name": name, "index": index, "timestamp": 1, "context": {"status": 0}}
        for index, name in enumerate(names)
    ]


async def stream_without_events(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(BOOKMARK)
    await asyncio.Event().wait()
    return response


async def test_a_job_that_ends_without_a_result_fails_its_future(meet: Meet) -> None:
    async def serve(request: web.Request) -> web.StreamResponse:
        if "/f1/" in request.path:
            return web.json_response([{"name": "clean", "index": 0, "timestamp": 1, "id": "f1"}])
        return await stream_without_events(request)

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


@pytest.mark.parametrize("has_history", [True, False])
@pytest.mark.parametrize("is_told", [True, False], ids=["gone", "reconnected"])
async def test_a_job_that_was_purged_before_its_end_was_told_has_an_end(
    meet: Meet, monkeypatch: pytest.MonkeyPatch, has_history: bool, is_told: bool
) -> None:
    monkeypatch.setattr("fluxapi.client.backoff._FIRST_DELAY_S", 0.001)
    asked: list[str] = []
    was_read = asyncio.Event()

    async def serve(request: web.Request) -> web.StreamResponse:
        asked.append(request.path.rpartition("/")[2])
        if asked[-1] == "eventlog":
            if asked.count("eventlog") == 1:
                asyncio.get_running_loop().call_soon(was_read.set)
                return web.json_response(eventlog("f1", "start"))
            if not has_history:
                return web.json_response({"type": "/docs/errors#job-not-found"}, status=404)
            return web.json_response(eventlog("f1", "start", "finish", "clean"))
        if asked[-1] == "query":
            return web.json_response({"jobs": [], "unknown": ["f1"], "cursor": "a.1"})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(BOOKMARK)
        if asked.count("events") == 1:
            await was_read.wait()
            if not is_told:
                return response
            await response.write(b'event: gone\ndata: {"id":"f1"}\n\n')
        await asyncio.Event().wait()
        return response

    client = await meet(serve)
    executor = FluxExecutor(client.url, user="me", token="s3cret", retries=1)
    future = executor.attach("f1")
    error = await asyncio.to_thread(future.exception, LIMIT_S)
    await asyncio.to_thread(executor.shutdown)
    if has_history:
        assert (error, future.result()) == (None, 0)
    else:
        assert isinstance(error, ValueError)


async def test_a_page_of_a_proxy_does_not_say_that_there_is_no_job(meet: Meet) -> None:
    async def serve(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/eventlog"):
            return web.Response(status=404, text="404 page not found")
        return await stream_without_events(request)

    client = await meet(serve)
    executor = FluxExecutor(client.url, user="me", token="s3cret", retries=0)
    future = executor.attach("f1")
    error = await asyncio.to_thread(future.exception, LIMIT_S)
    await asyncio.to_thread(executor.shutdown)
    assert isinstance(error, NotFound)
    assert error.is_of_proxy


@pytest.mark.parametrize("status", [503, 500])
async def test_jobs_that_were_submitted_before_a_refusal_are_followed(
    meet: Meet, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("fluxapi.client.backoff._FIRST_DELAY_S", 0.001)
    asked: list[int] = []
    may_refuse, is_refused = asyncio.Event(), asyncio.Event()

    async def serve(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/bulk"):
            asked.append(len((await request.json())["jobs"]))
            if len(asked) > 1:
                await may_refuse.wait()
                asyncio.get_running_loop().call_soon(is_refused.set)
                return web.json_response({"status": status}, status=status)
            return web.json_response({"jobs": [{"id": "f1"}, {"error": {"status": 503}}]})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(BOOKMARK)
        await is_refused.wait()
        for event in eventlog("f1", "start", "finish", "clean"):
            await response.write(b"event: event\ndata: %b\n\n" % msgspec.json.encode(event))
        await asyncio.Event().wait()
        return response

    client = await meet(serve)
    executor = FluxExecutor(client.url, user="me", token="s3cret", retries=1)
    submitted, refused = [executor.submit_command(["true"]) for _ in range(2)]
    assert await asyncio.to_thread(submitted.jobid, LIMIT_S) == parse("f1")
    may_refuse.set()
    assert isinstance(await asyncio.to_thread(refused.exception, LIMIT_S), ProblemError)
    assert await asyncio.to_thread(submitted.result, LIMIT_S) == 0
    assert asked[:2] == [2, 1]
    await asyncio.to_thread(executor.shutdown)


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (503, "/docs/errors#outcome-unknown", Unavailable),
        (503, "/docs/errors#instance-unavailable", Unavailable),
        (502, "about:blank", ProblemError),
        (404, "about:blank", NotFound),
        (500, "/docs/errors#internal-error", ProblemError),
        (503, "/docs/errors#job-limit-reached", SubmitError),
        (507, "/docs/errors#not-stored", SubmitError),
        (403, "/docs/errors#forbidden", SubmitError),
    ],
)
@pytest.mark.parametrize("is_of_all", [False, True])
async def test_a_job_that_may_run_was_not_rejected(
    meet: Meet, status: int, kind: str, expected: type[Exception], is_of_all: bool
) -> None:
    problem = {"status": status, "type": kind}

    async def serve(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/bulk"):
            if is_of_all:
                return web.json_response(problem, status=status)
            return web.json_response({"jobs": [{"error": problem}]})
        return await stream_without_events(request)

    client = await meet(serve)
    executor = FluxExecutor(client.url, user="me", token="s3cret", retries=0)
    future = executor.submit_command("true")
    assert type(await asyncio.to_thread(future.exception, LIMIT_S)) is expected
    await asyncio.to_thread(executor.shutdown)


async def test_the_path_of_a_file_is_text(meet: Meet) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        entry = b'{"index":1,"timestamp":1,"name":"redirect","path":{"a":1}}'
        await response.write(b"event: output\ndata: %b\n\n" % entry)
        await response.write(b'event: end\ndata: {"reason":"clean"}\n\n')
        return response

    flux = await meet(answer)
    assert [entry.path async for entry in flux.follow_output("f1")] == [None]
