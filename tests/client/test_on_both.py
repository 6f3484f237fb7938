"""The client in front of both instances, as a user has them."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import AsyncExitStack

import pytest

from fluxapi.client import AsyncClient, Event
from tests.running import Service, needs_flux, service

from .proxy import Proxy

MANY = 100
SIMULATED = {"command": "true", "attributes": {"exec.test.run_duration": "0.001s"}}
"""A job that runs no program: a real Flux needs 40 ms of a processor for one that does."""


async def test_jobs_from_submission_to_end(running: Service) -> None:
    async with AsyncClient(running.url) as flux:
        assert await flux.ready()
        watch = await flux.watch().ready()
        async with flux.events() as events:
            items = [item async for item in flux.submit_many("true" for _ in range(MANY))]
            ids = {item.id or "" for item in items}
            seen: list[Event] = []
            over: set[str] = set()
            while not ids <= over:
                event = await events.__anext__()
                seen.append(event)
                if event.name == "clean":
                    over.add(event.id)
        async for change in watch:
            assert change.job is None or change.job == watch.jobs[change.id]
            if all(id in watch.jobs and not watch.jobs[id].is_active for id in ids):
                break
        await watch.aclose()
        assert watch.mismatches == 0
        assert {job.id async for job in flux.jobs(result="completed")} >= ids
        for id in sorted(ids)[:5]:
            log = [event for event in seen if event.id == id and event.index is not None]
            assert (
                log
                == await flux.eventlog(id)
                == [event async for event in flux.job_events(id) if event.index is not None]
            )


async def test_output_as_it_was_written(running: Service) -> None:
    program = (
        "import os\nos.write(1, b'one\\ntwo\\n'); os.write(2, b'\\xff'); os.write(1, b'three\\n')"
    )
    async with AsyncClient(running.url) as flux:
        id = await flux.submit([sys.executable, "-c", program])
        followed = [entry async for entry in flux.follow_output(id)]
        output = await flux.output(id)
    for stream, expected in (("stdout", b"one\ntwo\nthree\n"), ("stderr", b"\xff")):
        for entries in (followed, output.entries):
            assert b"".join(e.raw for e in entries if e.stream == stream) == expected
    assert output.stdout == "one\ntwo\nthree\n"


async def test_changes(running: Service) -> None:
    async with AsyncClient(running.url) as flux:
        held = await flux.submit("true", urgency="hold")
        assert (await flux.get(held)).urgency == 0
        await flux.urgency(held, "default")
        assert (await flux.wait(held)).success
        # A signal before its task runs would be lost: the job says when it does.
        up = await flux.submit(["sh", "-c", "echo up; exec sleep 600"])
        assert (await anext(flux.follow_output(up))).data == "up\n"
        await flux.signal(up, signal.SIGTERM)
        assert (await flux.wait(up)).returncode in {-15, 143}
        id = await flux.submit(["sleep", "600"], name="endless")
        assert (await flux.cancel_many([id], note="enough")).requested == 1
        job = await flux.wait(id)
        assert (job.result, job.exception is not None) == ("CANCELED", True)
        # One that is canceled at once may never get resources.
        assert (await flux.R(up))["version"] == 1


@needs_flux
async def test_a_restart_in_front_of_flux(flux_uri: str, enter: AsyncExitStack) -> None:
    with service(FLUX_URI=flux_uri) as running:
        proxy = await enter.enter_async_context(Proxy(running.url))
        flux = await enter.enter_async_context(AsyncClient(proxy.url))
        events = await enter.enter_async_context(flux.events())
        watch = await flux.watch().ready()
        ids = {item.id or "" for item in await flux.bulk(SIMULATED, copies=30)}
        seen = [await events.__anext__() for _ in range(40)]
        running.end(signal.SIGKILL)
    with service(FLUX_URI=flux_uri) as running:
        proxy.retarget(running.url)
        ids |= {item.id or "" for item in await flux.bulk(SIMULATED, copies=30)}
        while not ids <= {event.id for event in seen if event.name == "clean"}:
            seen.append(await events.__anext__())
        while not all(id in watch.jobs and not watch.jobs[id].is_active for id in ids):
            await watch.__anext__()
        logs = dict(zip(ids, await asyncio.gather(*map(flux.eventlog, ids)), strict=True))
    await watch.aclose()
    kept = [event for event in seen if event.index is not None and event.id in ids]
    for id, log in logs.items():
        assert [event for event in kept if event.id == id] == log
    assert watch.mismatches == 0


@pytest.mark.slow
async def test_a_service_that_is_not_there_yet() -> None:
    with service("--instance=embedded") as running:
        async with Proxy("http://127.0.0.1:1") as proxy, AsyncClient(proxy.url, retries=9) as flux:
            waiting = asyncio.create_task(flux.nodes())
            await proxy.taken.wait()
            proxy.retarget(running.url)
            assert await waiting


async def test_many_jobs_in_one_request(running: Service) -> None:
    async with AsyncClient(running.url) as flux:
        ids = [item.id or "" async for item in flux.submit_many([SIMULATED] * MANY)]
        held = await flux.submit("true", urgency="hold")
        assert set((await flux.wait_all([*ids, "f1"])).ended) == set(ids)
        found = await flux.get_many([*ids, held, "f1", "no id"])
        assert [job.id for job in found.jobs] == [*ids, held]
        assert found.unknown == ["f1", "no id"]
        assert [job.id for job in await flux.list_jobs(id=[ids[0], held])] == [held, ids[0]]
        with pytest.raises(TimeoutError):
            await flux.wait_all([ids[0], held], timeout=0.01)
        with pytest.raises(TimeoutError):
            await flux.wait_any([held], timeout=0.01)
        assert (await flux.wait_any([held, ids[0]])).active == [held]
        waiting = asyncio.ensure_future(flux.wait_any([held]))
        await flux.cancel(held)
        assert (await waiting).ended == [held]


async def test_lines_of_an_output_are_found_by_text_and_number(running: Service) -> None:
    async with AsyncClient(running.url) as flux:
        id = await flux.submit(["sh", "-c", "seq 6000 | sed s/^/n/"])
        await flux.wait(id)
        found = [line async for line in flux.search_output(id, "N59")]
        assert [line.line for line in found] == [59, *range(590, 600), *range(5900, 6000)]
        assert found[0].text[found[0].start : found[0].end] == "n59"
        few = [line.line async for line in flux.search_output(id, "n", limit=3)]
        assert few == [1, 2, 3]
        page = [line async for line in flux.output_lines(id, first=5001, count=2)]
        assert [(line.line, line.text) for line in page] == [(5001, "n5001"), (5002, "n5002")]
        assert [it.line async for it in flux.search_output(id, errors=True)] == []


async def test_jobs_that_wait_for_each_other(running: Service) -> None:
    async with AsyncClient(running.url) as flux:
        first = await flux.submit("true", urgency=0, name="first")
        second = await flux.submit("true", dependencies=[f"afterany:{first}"], name="second")
        for id in (first, second):
            found = await flux.dependencies(id)
            assert [(job.id, job.name) for job in found.jobs] == [
                (first, "first"),
                (second, "second"),
            ]
            assert [(link.job, link.after, link.scheme) for link in found.links] == [
                (second, first, "afterany")
            ]
        await flux.cancel(first)
