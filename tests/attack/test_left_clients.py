"""Clients that request pages and leave: nobody works for them any longer."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from importlib import import_module
from typing import Any

import pytest
from aiohttp import web

from fluxapi.errors import FluxapiError
from fluxapi.events import waiters
from fluxapi.handlers import collect
from fluxapi.handlers.submit import submit_fields
from fluxapi.http import body, endpoints, keys, middleware
from fluxapi.http.clients import has_left
from fluxapi.model import jobid
from fluxapi.process.timeslice import TimeSlice, check_client, stop_after_client
from fluxapi.web import docs, slices
from fluxapi.web.slices import text_of
from tests.handlers.conftest import Service, service, start
from tests.handlers.fake import FakeInstance
from tests.mcp.sessions import needs_sdk

from .wire import PATIENCE_S, Wire, connect, serving

__all__ = ["service", "start"]


async def test_a_page_is_not_rendered_for_a_client_that_has_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun = asyncio.Event()
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def render(*args: Any) -> str:
        begun.set()
        try:
            text = await text_of(*args)
        except ConnectionResetError:
            ended.set_result("stopped")
            raise
        ended.set_result("rendered")
        return text

    monkeypatch.setattr(docs, "text_of", render)
    monkeypatch.setattr(slices, "TimeSlice", lambda *_: TimeSlice(0))
    async with serving() as port:
        async with connect(port) as wire:
            await wire.send(b"GET /docs/reference HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await begun.wait()
        assert await asyncio.wait_for(ended, PATIENCE_S) == "stopped"


async def test_the_page_of_an_error_is_not_rendered_for_a_client_that_has_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun = asyncio.Event()
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def render(request: web.Request, *_: Any) -> str:
        begun.set()
        while not has_left(request.protocol):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)
        check_client()
        raise AssertionError

    def tell(request: web.Request, error: FluxapiError) -> web.Response:
        ended.set_result(error.status)
        return problem(request, error)

    problem = middleware.problem
    monkeypatch.setattr(slices, "text_of", render)
    monkeypatch.setattr(middleware, "problem", tell)
    async with serving() as port:
        async with connect(port) as wire:
            head = (
                b"GET /ui/login?unknown=1 HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n"
            )
            await wire.send(head)
            await begun.wait()
        assert await asyncio.wait_for(ended, PATIENCE_S) == 422
    assert not [it for it in caplog.records if it.levelname == "ERROR"]


@pytest.mark.parametrize(
    "path", [b"/v1/jobs/query", b"/v1/jobs/wait", b"/v1/jobs/check", b"/v1/mcp"]
)
async def test_a_list_is_not_worked_off_for_a_client_that_has_left(
    monkeypatch: pytest.MonkeyPatch, path: bytes
) -> None:
    begun = asyncio.Event()
    ended: asyncio.Future[type[BaseException] | None] = asyncio.get_running_loop().create_future()

    async def large(raw: bytes) -> Any:
        begun.set()
        try:
            for _ in range(1_000_000):
                await TimeSlice(0).share()
        except BaseException as error:
            ended.set_result(type(error))
            raise
        ended.set_result(None)
        return body.decode(raw)

    monkeypatch.setattr(body, "decode_large", large)
    text = b'{"ids":["f1"]}'
    head = b"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: %d" % len(text)
    async with serving() as port:
        async with connect(port) as wire:
            await wire.send(b"POST %s HTTP/1.1\r\n%s\r\n\r\n%s" % (path, head, text))
            await begun.wait()
        assert await asyncio.wait_for(ended, PATIENCE_S) is ConnectionResetError


@pytest.mark.parametrize(
    ("request_line", "text"),
    [
        (b"GET /v1/jobs/%b/wait?timeout=300", b""),
        (b"GET /v1/groups/sweep/wait?timeout=300", b""),
        (b"POST /v1/jobs/wait", b'{"ids":["%b"],"timeout":300}'),
        (b"POST /v1/jobs/collect", b'{"id":"%b","timeout":300}'),
        (b"POST /v1/jobs/collect", b'{"timeout":300}'),
    ],
    ids=["job", "group", "list", "end", "any end"],
)
async def test_no_request_waits_for_a_client_that_has_left(
    monkeypatch: pytest.MonkeyPatch, request_line: bytes, text: bytes
) -> None:
    begun = asyncio.Event()
    ended: asyncio.Future[type[BaseException] | None] = asyncio.get_running_loop().create_future()
    wait_for = waiters._Resumer.wait_for

    async def note(self: Any, waiter: asyncio.Future[None], timeout: float) -> None:
        if timeout < 200:  # The submission waits, too.
            return await wait_for(self, waiter, timeout)
        asyncio.get_running_loop().call_soon(begun.set)
        try:
            return await wait_for(self, waiter, timeout)
        except BaseException as error:
            ended.set_result(type(error))
            raise

    monkeypatch.setattr(waiters._Resumer, "wait_for", note)
    instance = FakeInstance()
    async with serving(instance=instance) as port, connect(port) as other:
        submitted = b'{"command":"true","group":"sweep","waitable":true}'
        answer = await post(other, b"POST /v1/jobs", submitted)
        id = json.loads(answer)["id"]
        async with connect(port) as wire:
            await wire.send(
                _request(*(it % id.encode() if b"%b" in it else it for it in (request_line, text)))
            )
            await begun.wait()
        assert await asyncio.wait_for(ended, PATIENCE_S) is ConnectionResetError
        instance.finish(jobid.parse(id))
        # It has not collected the end for itself.
        found = await post(other, b"POST /v1/jobs/collect", b'{"timeout":100}')
        assert [job["id"] for job in json.loads(found)["jobs"]] == [id]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "more",
    [
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 40,
        b"POST /v1/jobs/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000\r\n\r\n"
        + bytes(90_000),
    ],
    ids=["requests", "a body"],
)
async def test_no_request_waits_while_nobody_could_tell_that_its_client_has_left(
    monkeypatch: pytest.MonkeyPatch, more: bytes, when: str
) -> None:
    begun = asyncio.Event()
    ended: asyncio.Future[type[BaseException] | None] = asyncio.get_running_loop().create_future()
    wait_for = waiters._Resumer.wait_for

    async def note(self: Any, waiter: asyncio.Future[None], timeout: float) -> None:
        begun.set()
        try:
            return await wait_for(self, waiter, timeout)
        except BaseException as error:
            ended.set_result(type(error))
            raise

    async with serving() as port, connect(port) as wire:
        await wire.send(_request(b"POST /v1/jobs", b'{"command":"true"}'))
        answer = await wire.answer()
        assert answer is not None
        monkeypatch.setattr(waiters._Resumer, "wait_for", note)
        line = b"GET /v1/jobs/%b/wait?timeout=300" % json.loads(answer.body)["id"].encode()
        await wire.send(_request(line, b"") + (more if when == "before" else b""))
        await begun.wait()
        if when == "after":
            await wire.send(more)
        assert await asyncio.wait_for(ended, PATIENCE_S) is ConnectionResetError
        assert await wire.ended()


def _request(line: bytes, text: bytes) -> bytes:
    head = b"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: %d" % len(text)
    return b"%b HTTP/1.1\r\n%b\r\n\r\n%b" % (line, head, text)


async def post(wire: Wire, line: bytes, text: bytes) -> bytes:
    """Send a request, and return the body of the answer to it."""
    await wire.send(_request(line, text))
    answer = await wire.answer()
    assert answer is not None
    assert answer.status < 300, answer
    return answer.body


async def test_no_end_is_collected_for_a_client_that_has_left(service: Service) -> None:
    app = service.client.app
    assert app is not None
    session = app[keys.SESSIONS].root
    wanted = jobid.parse(await service.submit(waitable=True))
    service.instance.finish(wanted)
    await session.journal.waiters.wait_for_ends([wanted], PATIENCE_S, needs_all=True)

    async def leave() -> None:
        stop_after_client(lambda: True)
        await collect._take(session, [wanted])

    with pytest.raises(ConnectionResetError):
        await asyncio.create_task(leave())
    assert not service.instance.collected
    assert session.table.waitable.ended_count == 1


async def test_a_submission_goes_on_without_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()
    go_on = asyncio.Event()
    submitted = asyncio.Event()

    async def large(raw: bytes) -> Any:
        begun.set()
        await go_on.wait()
        await TimeSlice(0).share()
        return body.decode(raw)

    submit = FakeInstance.submit

    async def noted(self: FakeInstance, jobs: Any) -> Any:
        submitted.set()
        return await submit(self, jobs)

    monkeypatch.setattr(body, "decode_large", large)
    monkeypatch.setattr(FakeInstance, "submit", noted)
    text = b'{"command":"true"}'
    head = b"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: %d" % len(text)
    async with serving() as port:
        async with connect(port) as wire:
            await wire.send(b"POST /v1/jobs HTTP/1.1\r\n%s\r\n\r\n%s" % (head, text))
            await begun.wait()
        go_on.set()
        await asyncio.wait_for(submitted.wait(), PATIENCE_S)


@needs_sdk
@pytest.mark.parametrize("key", [{}, {"idempotency_key": "one"}], ids=["no key", "key"])
async def test_mcp_submits_nothing_for_a_client_that_has_left(
    monkeypatch: pytest.MonkeyPatch, key: dict[str, str]
) -> None:
    await asyncio.to_thread(import_module, "fluxapi.mcp.http")
    begun = asyncio.Event()
    ended: asyncio.Future[type[BaseException] | None] = asyncio.get_running_loop().create_future()
    sent: list[Any] = []

    async def submit(*args: Any) -> Any:
        left = args[-1]
        begun.set()
        while not left():  # noqa: ASYNC110 - one pass of the loop each
            await asyncio.sleep(0)
        try:
            made = await submit_fields(*args)
        except BaseException as error:
            ended.set_result(type(error))
            raise
        ended.set_result(None)
        return made

    async def note(_: FakeInstance, jobs: Any) -> Any:
        sent.extend(jobs)
        return [1]

    monkeypatch.setattr("fluxapi.handlers.mcp.submit_fields", submit)
    monkeypatch.setattr(FakeInstance, "submit", note)
    call = {"name": "submit_job", "arguments": {"command": ["true"], **key}}
    text = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).encode()
    head = b"Host: localhost\r\nAccept: application/json\r\nContent-Type: application/json"
    async with serving() as port:
        async with connect(port) as wire:
            length = b"Content-Length: %d" % len(text)
            await wire.send(b"POST /v1/mcp HTTP/1.1\r\n%s\r\n%s\r\n\r\n%s" % (head, length, text))
            await begun.wait()
        assert await asyncio.wait_for(ended, PATIENCE_S) is ConnectionResetError
    assert not sent


@pytest.mark.parametrize("key", [None, "one"], ids=["no key", "key"])
async def test_the_instance_learns_that_the_client_of_a_submission_has_left(
    service: Service, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    submit = FakeInstance.submit
    left = False
    seen: list[bool] = []

    async def leave(self: FakeInstance, jobs: Any) -> Any:
        nonlocal left
        left = True
        seen.extend(job.has_left() for job in jobs)
        return await submit(self, jobs)

    monkeypatch.setattr(FakeInstance, "submit", leave)
    app = service.client.app
    assert app is not None
    session = app[keys.SESSIONS].root
    await submit_fields(session, {"command": "true"}, key, lambda: left)
    left = False
    await submit_fields(session, {"command": "false"}, None)
    assert seen == [True, False]


async def test_a_request_is_freed_without_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks: list[weakref.ref[Any]] = []

    def note(*functions: Any) -> None:
        tasks.append(weakref.ref(asyncio.current_task()))
        stop_after_client(*functions)

    monkeypatch.setattr(endpoints, "stop_after_client", note)
    gc.disable()
    try:
        async with serving() as port, connect(port) as wire:
            for _ in range(3):
                await wire.send(b"GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n")
                answer = await wire.answer()
                assert answer is not None
                assert answer.status == 200
            # The last one may not be done yet.
            assert [task() for task in tasks[:2]] == [None, None]
    finally:
        gc.enable()


async def test_only_the_task_of_the_request_ends() -> None:
    async def loop() -> str:
        await TimeSlice(0).share()
        return "done"

    async def request() -> str:
        stop_after_client(lambda: True)
        # It may work for others, too.
        assert await asyncio.create_task(loop()) == "done"
        return await loop()

    with pytest.raises(ConnectionResetError):
        await asyncio.create_task(request())
    assert await loop() == "done"
