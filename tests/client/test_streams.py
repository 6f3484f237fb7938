"""Streams: cut, resumed, reset; nothing missing, nothing twice."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from fluxapi.client import (
    AsyncClient,
    Conflict,
    ConnectionFailed,
    Event,
    EventsLost,
    EventStream,
    NotFound,
    Reset,
    Unauthorized,
)
from fluxapi.errors import InstanceUnavailable
from fluxapi.model.jobid import parse
from tests.handlers.fake import FakeInstance
from tests.running import service

from .proxy import Proxy

Key = tuple[str, int | None]

QUICK = pytest.mark.usefixtures("pauses")
"""Without the pauses between tries."""


def keys(events: list[Event]) -> list[Key]:
    return [(event.id, event.index) for event in events]


async def take(stream: EventStream[Event], count: int) -> list[Event]:
    return [await stream.__anext__() for _ in range(count)]


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


# The tests below talk to a server that a test scripts.

Fake = Callable[..., Awaitable[AsyncClient]]


def message(kind: str, cursor: str = "", **fields: object) -> bytes:
    head = f"id: {cursor}\n" if cursor else ""
    return f"{head}event: {kind}\ndata: {json.dumps(fields)}\n\n".encode()


def mark(cursor: str = "", **fields: object) -> bytes:
    return message("bookmark", cursor, live=True, time=1.0, **fields)


def event(id: str, index: int, cursor: str) -> bytes:
    return message("event", cursor, id=id, index=index, name="submit", timestamp=1.0)


def job(id: str, revision: int) -> dict[str, object]:
    return {"id": id, "revision": revision, "state": "RUN", "status": "RUN", "userid": 0}


def digest(**rows: int) -> dict[str, object]:
    total = sum(zlib.crc32(f"{id} {revision}".encode()) for id, revision in rows.items())
    return {"count": len(rows), "digest": f"{total % 2**32:08x}"}


@pytest.fixture
def fake(aiohttp_server: AiohttpServer, enter: AsyncExitStack) -> Fake:
    """Return a client of a server that answers each stream by the next script."""

    async def _fake(*scripts: list[bytes] | web.Response, **options: object) -> AsyncClient:
        left = list(scripts)
        asked: list[web.Request] = []
        never = asyncio.Event()

        async def handler(request: web.Request) -> web.StreamResponse:
            asked.append(request)
            script = left.pop(0)
            if isinstance(script, web.Response):
                return script
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            for piece in script:
                await response.write(piece)
            if not left:
                await never.wait()
            return response

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        app.on_shutdown.append(lambda _: _set(never))
        server = await aiohttp_server(app)
        client = AsyncClient(str(server.make_url("")), **options)  # type: ignore[arg-type] # any
        client.asked = asked  # type: ignore[attr-defined] # for the test to read
        return await enter.enter_async_context(client)

    return _fake


async def _set(event: asyncio.Event) -> None:
    event.set()


@QUICK
async def test_a_reset_is_raised_and_then_it_goes_on(fake: Fake) -> None:
    flux = await fake(
        [event("f1", 0, "c1"), message("reset", "c9", reason="expired", detail="Too old.")],
        [event("f2", 0, "c10")],
    )
    stream = flux.events(since="0")
    assert (await stream.__anext__()).id == "f1"
    with pytest.raises(EventsLost, match=r"Too old\..*may be missing") as raised:
        await stream.__anext__()
    assert (raised.value.reason, raised.value.cursor, stream.cursor) == ("expired", "c9", "c9")
    assert (await stream.__anext__()).id == "f2"
    ids = [request.headers.get("Last-Event-ID") for request in flux.asked]  # type: ignore[attr-defined] # set above
    assert ids == ["0", "c9"]
    await stream.aclose()


async def test_a_reset_may_be_given(fake: Fake) -> None:
    flux = await fake(
        [message("reset", "c9", reason="expired", detail="Too old."), event("f1", 0, "c10")]
    )
    async with flux.events(on_reset="continue") as stream:
        assert [await stream.__anext__() for _ in range(2)] == [
            Reset("expired", "Too old."),
            Event("f1", "submit", 1.0, 0),
        ]


@QUICK
async def test_repeats_are_left_out(fake: Fake) -> None:
    flux = await fake(
        [b": hello\n\n", b"retry: 5\n\n", event("f1", 0, "c1"), event("f1", 1, "c2")],
        [event("f1", 1, "d1"), event("f2", 0, "d2"), event("f1", 2, "d3")],
    )
    async with flux.events() as stream:
        seen = await take(stream, 4)
    assert keys(seen) == [("f1", 0), ("f1", 1), ("f2", 0), ("f1", 2)]


@QUICK
async def test_silence_is_a_cut(fake: Fake) -> None:
    flux = await fake([event("f1", 0, "c1")], heartbeat=0.05, retries=0)
    stream = flux.events()
    await stream.__anext__()
    with pytest.raises(ConnectionFailed):
        await stream.__anext__()


@QUICK
async def test_a_digest_that_differs_is_a_new_snapshot(fake: Fake) -> None:
    whole = {"first": True, "more": False}
    flux = await fake(
        [
            message("snapshot", "c1", **whole, jobs=[job("f1", 3), job("f2", 3)]),
            mark("c1", **digest(f1=3, f2=3)),
            mark("c2", **digest(f1=4, f3=1)),
        ],
        [
            message("snapshot", first=True, more=True, jobs=[job("f3", 1)]),
            message("snapshot", "c3", first=False, more=False, jobs=[job("f1", 4)]),
            mark("c3", **digest(f1=4, f3=1)),
        ],
    )
    watch = await flux.watch().ready()
    assert (watch.verified, watch.mismatches) == (1, 0)
    changes = [await watch.__anext__() for _ in range(3)]
    assert [(change.id, change.gone) for change in changes] == [
        ("f3", False),
        ("f1", False),
        ("f2", True),
    ]
    await watch.ready()
    assert (watch.verified, watch.mismatches, set(watch.jobs)) == (2, 1, {"f1", "f3"})
    assert "Last-Event-ID" not in flux.asked[1].headers  # type: ignore[attr-defined] # set above
    await watch.aclose()


@QUICK
async def test_a_digest_that_never_agrees_is_an_error(fake: Fake) -> None:
    wrong = [
        message("snapshot", "c1", first=True, more=False, jobs=[job("f1", 3)]),
        mark("c1", **digest(f1=4)),
    ]
    flux = await fake(*[wrong] * 9)
    with pytest.raises(EventsLost, match="do not match the digest"):
        await flux.watch().ready()


@QUICK
async def test_a_snapshot_that_breaks_off_comes_again(fake: Fake) -> None:
    flux = await fake(
        [message("snapshot", first=True, more=True, jobs=[job("f1", 3), job("f9", 1)])],
        [
            message("snapshot", "c3", first=True, more=False, jobs=[job("f1", 3)]),
            mark("c3", **digest(f1=3)),
        ],
    )
    watch = await flux.watch().ready()
    assert set(watch.jobs) == {"f1"}
    await watch.aclose()


async def test_expired_credentials_are_renewed_in_the_middle(
    fake: Fake, pauses: list[float]
) -> None:
    given = iter(["first", "second"])
    flux = await fake(
        [event("f1", 0, "c1"), message("end", reason="expired", detail="Expired.")],
        web.json_response({"detail": "Expired."}, status=401),
        [event("f1", 1, "c2")],
        access_token=lambda: next(given),
    )
    async with flux.events() as stream:
        assert keys(await take(stream, 2)) == [("f1", 0), ("f1", 1)]
    sent = [request.headers["Authorization"] for request in flux.asked]  # type: ignore[attr-defined] # set above
    assert sent == ["Bearer first", "Bearer first", "Bearer second"]
    assert pauses == []


@QUICK
async def test_expired_credentials_that_nobody_renews(fake: Fake) -> None:
    flux = await fake(
        [event("f1", 0, "c1"), message("end", reason="expired", detail="Expired.")],
        web.json_response({"detail": "The token has expired."}, status=401),
        access_token="first",
    )
    stream = flux.events()
    await stream.__anext__()
    with pytest.raises(Unauthorized, match="has expired"):
        await stream.__anext__()


async def test_a_job_that_is_forgotten(fake: Fake) -> None:
    flux = await fake([message("end", reason="purged", detail="The instance forgot the job.")])
    with pytest.raises(NotFound, match="forgot"):
        await anext(flux.follow_output("f1"))


async def test_an_instance_that_has_ended(fake: Fake) -> None:
    flux = await fake([message("end", reason="instance-ended", detail="Its job has ended.")])
    stream = flux.events()
    with pytest.raises(Conflict, match="Its job has ended"):
        await stream.__anext__()


async def test_log_entries_and_redirects_are_given(fake: Fake) -> None:
    flux = await fake(
        [
            message(
                "output", "1", index=1, timestamp=1.0, name="redirect", stream="stdout", path="/x"
            ),
            message("output", "2", index=2, timestamp=1.0, name="log", level=3, message="no luck"),
            message(
                "output",
                "3",
                index=3,
                timestamp=1.0,
                stream="stdout",
                rank="0",
                data="ab",
                repeat=2,
            ),
            message("end", reason="finished", detail=""),
        ]
    )
    redirect, log, data = [entry async for entry in flux.follow_output("f1")]
    assert (redirect.name, redirect.path, redirect.stream) == ("redirect", "/x", "stdout")
    assert (log.name, log.context["message"]) == ("log", "no luck")
    assert (data.data, data.index) == ("abab", 3)
