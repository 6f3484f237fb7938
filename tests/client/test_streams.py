"""Streams: cut, resumed, reset; nothing missing, nothing twice."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest

from fluxapi.client import (
    AsyncClient,
    ConnectionFailed,
    Event,
    EventStream,
    NotFound,
)
from fluxapi.errors import InstanceUnavailable
from fluxapi.model.jobid import parse
from tests.handlers.fake import FakeInstance
from tests.running import service

from .proxy import Proxy
from .taking import QUICK, keys, take


async def until_clean(stream: EventStream[Event], ids: set[str]) -> list[Event]:
    """Return the events until all jobs have ended."""
    events: list[Event] = []
    while not ids <= {event.id for event in events if event.name == "clean"}:
        events.append(await stream.__anext__())
    return events


async def test_events_from_the_moment_of_entering(flux: AsyncClient) -> None:
    await flux.submit("true")
    async with flux.events() as stream:
        id = await flux.submit("true")
        events = await take(stream, 4)
    assert [event.name for event in events] == ["submit", "validate", "depend", "priority"]
    assert keys(events) == [(id, index) for index in range(4)]


async def test_events_from_the_cursor_of_a_list(flux: AsyncClient) -> None:
    await flux.submit("true")
    listed = await flux.list_jobs()
    id = await flux.submit("true")
    async with flux.events(since=listed.cursor) as stream:
        (first,) = await take(stream, 1)
    assert (first.id, first.name) == (id, "submit")


async def test_filters_of_events(flux: AsyncClient) -> None:
    ids = [await flux.submit("true", name=name) for name in ("a", "b", "c")]
    async with flux.events(since="0", id=ids[1:], event="submit") as stream:
        assert {event.id for event in await take(stream, 2)} == set(ids[1:])


async def test_cut_events_go_on(
    cut_flux: AsyncClient, flux: AsyncClient, proxy: Proxy, pauses: list[float]
) -> None:
    async with cut_flux.events() as stream:
        seen: list[Event] = []
        ids = []
        for _ in range(5):
            ids.append(await flux.submit("true"))
            seen += await take(stream, 2)
            proxy.cut()
            ids.append(await flux.submit("true"))
        seen += await take(stream, 40 - len(seen))
    assert keys(seen) == [(id, index) for id in ids for index in range(4)]
    assert pauses


async def test_a_cursor_goes_on_in_another_program(flux: AsyncClient) -> None:
    async with flux.events() as stream:
        first, second = [await flux.submit("true") for _ in range(2)]
        seen = await take(stream, 3)
        cursor = stream.cursor
    async with flux.events(since=cursor) as stream:
        seen += await take(stream, 5)
    assert keys(seen) == [(id, index) for id in (first, second) for index in range(4)]


async def test_a_call_that_is_canceled_loses_nothing(flux: AsyncClient) -> None:
    async with flux.events() as stream:
        for _ in range(3):
            waiting = asyncio.create_task(stream.__anext__())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        id = await flux.submit("true")
        assert keys(await take(stream, 4)) == [(id, index) for index in range(4)]


@pytest.mark.slow
async def test_a_restart_in_the_middle(tmp_path: Path, enter: AsyncExitStack) -> None:
    flags = ("--instance=embedded", f"--statedir={tmp_path}")
    with service(*flags) as running:
        proxy = await enter.enter_async_context(Proxy(running.url))
        flux = await enter.enter_async_context(AsyncClient(proxy.url))
        stream = await enter.enter_async_context(flux.events())
        watch = await flux.watch().ready()
        ids = {item.id or "" for item in await flux.bulk("true", copies=20)}
        events = await until_clean(stream, set(sorted(ids)[:10]))
        running.end()
    proxy.cut()
    with service(*flags) as running:
        proxy.retarget(running.url)
        later = {item.id or "" for item in await flux.bulk("true", copies=20)}
        over = {event.id for event in events if event.name == "clean"}
        events += await until_clean(stream, (ids | later) - over)
        async for _ in watch:
            done = [job.id for job in watch.jobs.values() if not job.is_active]
            if len(done) == len(ids | later):
                break
        # A client that reconnects gets a bookmark at once.
        proxy.cut()
        await watch.ready()
        await watch.aclose()
        logs = {id: await flux.eventlog(id) for id in ids | later}
    kept = [event for event in events if event.index is not None]
    assert len(keys(kept)) == len(set(keys(kept)))
    for id, log in logs.items():
        assert [event for event in kept if event.id == id] == log
    assert set(watch.jobs) == ids | later
    assert watch.verified >= 2
    assert watch.mismatches == 0


@QUICK
async def test_one_job_to_its_end(
    cut_flux: AsyncClient, flux: AsyncClient, proxy: Proxy, instance: FakeInstance
) -> None:
    id = await flux.submit("true")
    stream = cut_flux.job_events(id)
    seen = await take(stream, 4)
    proxy.cut()
    instance.finish(parse(id))
    seen += [event async for event in stream]
    assert seen == await flux.eventlog(id)
    assert [event async for event in stream] == []


async def test_a_stream_that_was_closed_is_over(flux: AsyncClient) -> None:
    await flux.submit("true")
    stream, watch = flux.events(since="0"), flux.watch()
    for one in (stream, watch):
        await one.__anext__()
        await one.aclose()
    assert [event async for event in stream] == []
    assert [change async for change in watch] == []


async def test_no_such_job(flux: AsyncClient) -> None:
    with pytest.raises(NotFound):
        await flux.job_events("f9999").__anext__()
    with pytest.raises(NotFound):
        await anext(flux.follow_output("f9999"))


@QUICK
async def test_output_goes_on_after_a_cut(
    cut_flux: AsyncClient, flux: AsyncClient, proxy: Proxy, instance: FakeInstance
) -> None:
    id = await flux.submit("true")
    number = parse(id)
    instance.feed(number, {"stream": "stdout", "data": "one\n"})
    async with aclosing(cut_flux.follow_output(id)) as entries:  # type: ignore[type-var] # a generator
        written = [(await anext(entries)).data]
        proxy.cut()
        instance.feed(number, {"stream": "stderr", "data": "/w==", "encoding": "base64"})
        entry = await anext(entries)
        assert (entry.stream, entry.rank, entry.raw) == ("stderr", "0", b"\xff")
        instance.feed(number, {"stream": "stdout", "data": "three\n"})
        instance.end_output(number)
        written += [entry.data async for entry in entries]
    assert written == ["one\n", "three\n"]


async def test_output_that_cannot_be_read_on(flux: AsyncClient, instance: FakeInstance) -> None:
    id = await flux.submit("true")
    instance.feed(parse(id), {"stream": "stdout", "data": "one\n"})
    instance.end_output(parse(id), InstanceUnavailable("The broker is gone."))
    async with AsyncClient(flux.url, retries=0) as impatient:
        entries = impatient.follow_output(id)
        assert (await anext(entries)).data == "one\n"
        with pytest.raises(ConnectionFailed):
            await anext(entries)


async def test_watch(flux: AsyncClient, instance: FakeInstance) -> None:
    one, two = [await flux.submit("true") for _ in range(2)]
    async with flux.watch() as watch:
        first = [await watch.__anext__() for _ in range(2)]
        assert [change.id for change in first] == [two, one]
        await watch.ready()
        assert watch.verified == 1
        instance.begin(parse(one))
        change = await watch.__anext__()
        assert (change.id, change.gone) == (one, False)
        assert change.job == watch.jobs[one] == await flux.get(one)
        assert change.job is not None
        assert change.job.state == "RUN"


async def test_a_job_that_leaves_the_filter_is_gone(
    flux: AsyncClient, instance: FakeInstance
) -> None:
    one, two = [await flux.submit("true") for _ in range(2)]
    watch = await flux.watch(state="sched").ready()
    instance.begin(parse(one))
    change = await watch.__anext__()
    assert (change.id, change.job, change.gone) == (one, None, True)
    assert set(watch.jobs) == {two}
    await watch.aclose()


@QUICK
async def test_a_watch_goes_on_after_a_cut(
    cut_flux: AsyncClient, flux: AsyncClient, proxy: Proxy
) -> None:
    one = await flux.submit("true")
    async with await cut_flux.watch().ready() as watch:
        proxy.cut()
        two = await flux.submit("true")
        await watch.ready()
        assert set(watch.jobs) == {one, two}
        assert watch.mismatches == 0


async def test_as_completed(flux: AsyncClient, instance: FakeInstance) -> None:
    ids = [await flux.submit("true") for _ in range(3)]
    instance.finish(parse(ids[1]))
    await flux.wait(ids[1])
    found = []
    async for job in flux.as_completed(ids):
        assert not job.is_active
        found.append(job.id)
        if len(found) < 3:
            instance.finish(parse(ids[2 if len(found) == 1 else 0]))
    assert found == [ids[1], ids[2], ids[0]]


async def test_as_completed_in_time(flux: AsyncClient) -> None:
    id = await flux.submit("true")
    with pytest.raises(TimeoutError):
        await anext(flux.as_completed([id], timeout=0.2))
    with pytest.raises(NotFound):
        await anext(flux.as_completed(["f9999"]))
    assert [job async for job in flux.as_completed([])] == []


async def test_stats(flux: AsyncClient) -> None:
    await flux.submit("true")
    async with aclosing(flux.stats_stream()) as figures:  # type: ignore[type-var] # a generator
        found = await anext(figures)
    assert found.total == 1
    assert found.nodes is None or found.nodes.total == 2


@QUICK
async def test_the_end_of_the_service_for_good(url: str) -> None:
    proxy = Proxy(url)
    async with proxy, AsyncClient(proxy.url, retries=0) as flux:
        stream = await flux.events().open()
        assert stream.connected
        await proxy.close()
        with pytest.raises(ConnectionFailed):
            await stream.__anext__()
        assert not stream.connected
