"""Streams of a server that a test scripts: each fault as a client sees it."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from fluxapi.client import (
    AsyncClient,
    Conflict,
    ConnectionFailed,
    Event,
    EventsLost,
    NotFound,
    Reset,
    Unauthorized,
)

from .taking import QUICK, keys, take

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
