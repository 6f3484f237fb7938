"""A service that means harm, or is none: errors of the client, and no end of memory or stack."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from fluxapi.client import (
    AsyncClient,
    BadAnswer,
    ClientError,
    ConnectionFailed,
    FluxExecutor,
    Invalid,
    NotFound,
    SubmitError,
    backoff,
    stream,
)
from fluxapi.client.stream import Message

LIMIT_S = 60
ESCAPE = "\x1b]0;title\x07"
JOB = {"id": "f1", "state": "RUN", "status": "RUN"}

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Meet = Callable[[Answer], Awaitable[AsyncClient]]


@pytest.fixture
async def meet(aiohttp_server: AiohttpServer) -> AsyncIterator[Meet]:
    """Return a client of a service that gives one answer to all requests."""
    clients: list[AsyncClient] = []

    async def _meet(answer: Answer) -> AsyncClient:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        server = await aiohttp_server(app)
        url = str(server.make_url("")).rstrip("/")
        clients.append(AsyncClient(url, user="me", token="s3cret", retries=0))
        return clients[-1]

    yield _meet
    for client in clients:
        await client.aclose()


def says(document: object, status: int = 200) -> Answer:
    async def answer(request: web.Request) -> web.Response:
        del request
        return web.json_response(document, status=status)

    return answer


def sends(body: bytes, status: int = 200) -> Answer:
    async def answer(request: web.Request) -> web.Response:
        del request
        return web.Response(body=body, status=status, content_type="application/json")

    return answer


@pytest.mark.parametrize(
    "location",
    ["http://[::1/", "http://127.0.0.1:99999999/", "http://u:p@{}/", "//u@{}/v1/jobs/f1"],
)
async def test_the_target_of_a_redirect_is_shown_without_credentials(
    meet: Meet, location: str
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": location.format(request.host)})

    flux = await meet(answer)
    with pytest.raises(ConnectionFailed, match="invalid address"):
        await flux.get("f1")


async def test_nesting_has_an_end(meet: Meet) -> None:
    flux = await meet(sends(b'{"nodes":' + b"[" * 100_000))
    with pytest.raises(BadAnswer, match="nested too deeply"):
        await flux.resources()


async def test_nesting_of_an_error_has_an_end(meet: Meet) -> None:
    flux = await meet(sends(b"[" * 100_000, status=404))
    with pytest.raises(NotFound, match="404"):
        await flux.get("f1")


async def test_an_error_that_comes_in_pieces_is_read_whole(meet: Meet) -> None:
    errors = [{"pointer": f"/jobs/{n}/num_tasks", "detail": "x" * 200} for n in range(2000)]
    flux = await meet(says({"detail": "Not valid.", "errors": errors}, status=422))
    with pytest.raises(Invalid) as caught:
        await flux.submit("true")
    assert len(caught.value.errors) == len(errors)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ask", "limit"),
    [
        (lambda flux: flux.get("f1"), "64 MiB"),
        (lambda flux: flux.stored("f1", "jobspec"), "1 MiB"),
        (lambda flux: flux.output("f1"), "1 MiB"),
    ],
)
async def test_an_answer_has_an_end(
    meet: Meet,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[AsyncClient], Awaitable[object]],
    limit: str,
) -> None:
    for module in ("jobs", "output"):
        monkeypatch.setattr(f"fluxapi.client.methods.{module}.MAX_TEXT_BYTES", 1 << 20)

    async def bomb(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Encoding": "gzip"})
        await response.prepare(request)
        packer = zlib.compressobj(wbits=31)
        for _ in range(65):
            await response.write(packer.compress(bytes(1 << 20)))
        await response.write(packer.flush())
        return response

    flux = await meet(bomb)
    with pytest.raises(BadAnswer, match=f"larger than {limit}"):
        await ask(flux)


def drips(status: int) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0)

    return answer


async def test_an_error_that_comes_by_drops_is_read_for_a_limited_time(
    meet: Meet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluxapi.client.failures._MAX_PROBLEM_S", 0.05)
    flux = await meet(drips(404))
    with pytest.raises(NotFound, match="404"):
        await asyncio.wait_for(flux.get("f1"), LIMIT_S)


async def test_an_answer_that_comes_by_drops_is_read_for_a_limited_time(
    meet: Meet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluxapi.client.transport._MIN_BYTES_PER_S", 1 << 20)
    flux = await meet(drips(200))
    flux._transport.retry_policy.read_timeout = 0.05
    with pytest.raises(ConnectionFailed, match="timed out"):
        await asyncio.wait_for(flux.get("f1"), LIMIT_S)


@pytest.mark.parametrize("piece", [b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: "])
async def test_a_head_without_end_is_read_for_a_limited_time(
    monkeypatch: pytest.MonkeyPatch, piece: bytes
) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(piece)
        while not writer.is_closing():
            writer.write(piece if b"103" in piece else b"a")
            await asyncio.sleep(0)
        writer.close()
        has_left.set()

    has_left = asyncio.Event()
    monkeypatch.setattr("fluxapi.client.response._MAX_HEAD_S", 0.05)
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = "http://{}:{}".format(*server.sockets[0].getsockname())
    async with server, AsyncClient(url, retries=0) as flux:
        with pytest.raises(ConnectionFailed, match="timed out"):
            await asyncio.wait_for(flux.get("f1"), LIMIT_S)
        await asyncio.wait_for(has_left.wait(), LIMIT_S)


@pytest.mark.parametrize("id", [f"{ESCAPE}f1", "f1\n", "$(true)", "f1;true", "", "f" + "1" * 12])
async def test_an_id_is_one(meet: Meet, id: str) -> None:
    flux = await meet(says({**JOB, "id": id, "jobs": [{"id": id}]}))
    for asked in (flux.get("f1"), flux.submit("true"), flux.bulk("true")):
        with pytest.raises(BadAnswer):
            await asked


@pytest.mark.parametrize(
    "jobs", [[], [{"id": "f1"}, {"id": "f2"}, {"id": "f3"}], [{"id": 5}, {"id": 6}]]
)
async def test_of_many_jobs_each_has_an_answer(meet: Meet, jobs: list[object]) -> None:
    flux = await meet(says({"jobs": jobs}))
    with pytest.raises(BadAnswer):
        _ = [item async for item in flux.submit_many(["true", "false"])]


async def test_the_error_of_one_of_many_may_be_anything(meet: Meet) -> None:
    refused = [{"id": "f1", "error": {"status": "x"}}, {"id": "f2", "error": {}}]
    flux = await meet(says({"requested": 0, "failed": 2, "errors": refused}))
    result = await flux.cancel_many(["f1", "f2"])
    assert [error.status for _, error in result.errors] == [500, 500]


@pytest.mark.parametrize("data", ["{}", '{"index":"x","timestamp":1}', '{"index":1}', "5"])
async def test_an_entry_of_output_is_one(meet: Meet, data: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(f"event: output\ndata: {data}\n\n".encode())
        return response

    flux = await meet(answer)
    with pytest.raises(BadAnswer):
        _ = [entry async for entry in flux.follow_output("f1")]


@pytest.mark.parametrize("token", [f"a{ESCAPE}", "a\nb", "a b", ""])
async def test_a_token_fits_into_a_header(meet: Meet, token: str) -> None:
    flux = await meet(says({"access_token": token, "expires_in": 60}))
    with pytest.raises(BadAnswer):
        await flux.create_token()


async def test_words_of_an_error_are_no_orders_to_a_terminal(meet: Meet) -> None:
    fields = [{"pointer": f"/{ESCAPE}", "detail": "\u202e"}]
    flux = await meet(says({"detail": ESCAPE, "errors": fields}, status=422))
    with pytest.raises(Invalid) as caught:
        await flux.submit("true")
    assert str(caught.value).isprintable()
    assert caught.value.detail == ESCAPE


async def test_a_stream_is_one(meet: Meet) -> None:
    client = await meet(says({"jobs": []}))
    with pytest.raises(BadAnswer, match="text/event-stream"):
        await anext(client.events())


BOOKMARK = b'event: bookmark\nid: a.1\ndata: {"stream":"events"}\n\n'


@pytest.mark.parametrize(
    ("answer", "events", "status"),
    [
        ({"jobs": [{"id": "fzzzzzzzzzzz"}]}, BOOKMARK, 201),
        ({"jobs": [{"id": None, "error": {"status": 520}}]}, BOOKMARK, 207),
        ({"errors": [{"pointer": "/jobs/\u00b2", "detail": "x"}]}, BOOKMARK, 422),
        ({"errors": [{"pointer": "/jobs/" + "9" * 5000, "detail": "x"}]}, BOOKMARK, 422),
        ({"jobs": [{"id": "f1"}]}, BOOKMARK + b"event: event\ndata: []\n\n", 201),
        (
            {"jobs": [{"id": "f1"}]},
            BOOKMARK
            + b'event: event\ndata: {"id":"f1","name":"finish","index":1,"timestamp":[]}\n\n',
            201,
        ),
    ],
    ids=["id", "status", "digit", "digits", "event", "finish"],
)
async def test_each_future_has_an_end(
    meet: Meet, answer: object, events: bytes, status: int
) -> None:
    submitted = asyncio.Event()

    async def serve(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            submitted.set()
            return web.json_response(answer, status=status)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(BOOKMARK)
        await submitted.wait()
        await response.write(events)
        return response

    client = await meet(serve)
    executor = FluxExecutor(client.url, user="me", token="s3cret", retries=0)
    future = executor.submit_command("true")
    error = await asyncio.to_thread(future.exception, LIMIT_S)
    assert isinstance(error, (ClientError, SubmitError))
    await asyncio.to_thread(executor.shutdown)


async def test_a_message_may_come_in_pieces() -> None:
    pieces = [b"event: event", b"\nid: 1\ndata: ", *[b"x" * 10] * 1000, b"\n", b"\nevent: a\n\n"]
    response = SimpleNamespace(content=SimpleNamespace(iter_any=lambda: _each(pieces)))
    messages = [message async for message in stream._parse(response)]  # type: ignore[arg-type]
    assert messages == [Message("event", "1", b"x" * 10_000), Message("a", "", b"")]


async def _each(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_a_cursor_that_no_header_holds_is_an_error(meet: Meet) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        event = b'{"id":"f1","name":"start","timestamp":1,"index":1}'
        await response.write(b"event: event\nid: a\rX-Evil: 1\ndata: %b\n\n" % event)
        return response

    flux = await meet(answer)
    flux._transport.retry_policy.retries = 1
    with pytest.raises(BadAnswer, match="Last-Event-ID cannot hold"):
        _ = [event async for event in flux.events()]


async def test_new_credentials_are_not_asked_for_without_a_pause(
    meet: Meet, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) > 2:
            raise ConnectionFailed("enough")

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b'event: end\ndata: {"reason":"expired"}\n\n')
        return response

    monkeypatch.setattr("fluxapi.client.backoff.pause", pause)
    flux = await meet(answer)
    flux._transport.retry_policy.retries = None
    with pytest.raises(ConnectionFailed, match="enough"):
        _ = [event async for event in flux.events()]
    assert (asked, len(pauses)) == (4, 3)
    assert min(pauses) > 0


async def test_a_service_that_does_not_wait_is_asked_in_growing_intervals(
    meet: Meet, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            raise TimeoutError

    monkeypatch.setattr(backoff, "pause", pause)
    flux = await meet(says(JOB))
    with pytest.raises(TimeoutError):
        await flux.wait("f1")
    assert 0.0 < pauses[0] < pauses[-1]


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"[garbage]"), (200, b'[{"timestamp":[]}]'), (422, b"{}"), (500, b"")],
)
async def test_an_eventlog_that_cannot_be_read_fails_its_own_future_alone(
    meet: Meet, status: int, body: bytes
) -> None:
    was_read = asyncio.Event()

    async def serve(request: web.Request) -> web.StreamResponse:
        if "/f1/" in request.path:
            asyncio.get_running_loop().call_soon(was_read.set)
            return web.Response(status=status, body=body, content_type="application/json")
        if "/f2/" in request.path:
            return web.json_response([])
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(BOOKMARK)
        await was_read.wait()
        for index, (name, context) in enumerate([("finish", '{"status":0}'), ("clean", "{}")]):
            event = f'"name":"{name}","index":{index},"timestamp":1,"context":{context}'
            await response.write(f'event: event\ndata: {{"id":"f2",{event}}}\n\n'.encode())
        return response

    client = await meet(serve)
    executor = FluxExecutor(client.url, user="me", token="s3cret", retries=0)
    good, bad = executor.attach("f2"), executor.attach("f1")
    assert isinstance(await asyncio.to_thread(bad.exception, LIMIT_S), ClientError)
    assert await asyncio.to_thread(good.result, LIMIT_S) == 0
    await asyncio.to_thread(executor.shutdown)
