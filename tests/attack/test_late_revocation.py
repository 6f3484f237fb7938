"""Credentials that end while a request waits for its turn to change something."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from fluxapi.errors import Unauthorized
from fluxapi.http import authentication
from fluxapi.instance.broker import event_pace
from fluxapi.instance.broker.event_pace import EventPace
from fluxapi.job_templates.folder import TemplateFolder
from fluxapi.process.sender_check import check_sender, check_sender_by
from fluxapi.webhooks.port import Changeset
from fluxapi.webhooks.store import SqliteStore
from tests.handlers.fake import FakeInstance
from tests.instance.broker.test_event_pace import Kvs, add, passes
from tests.security.test_credentials import AUTH, basic, bearer

from .test_revocation import ask, head, metrics
from .wire import connect, serving

TOKEN = b'{"name":"lost","scope":"admin"}'


async def put(port: int, line: str, headers: dict[str, str], fields: dict[str, Any]) -> int:
    """Return the status of a request that changes something."""
    method, path = line.split()
    body = json.dumps(fields).encode()
    async with connect(port) as wire:
        await wire.send(head(method, path, headers, len(body)) + body)
        answer = await wire.answer()
        assert answer is not None
        return answer.status


async def test_an_event_whose_sender_is_revoked_meanwhile_is_not_added(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_pace, "_EVENTS", 1)
    kvs, is_revoked = Kvs(), False
    pace = EventPace(kvs)

    def check() -> None:
        if is_revoked:
            raise Unauthorized("The token has ended.")

    async def add_as_sender() -> None:
        check_sender_by(check)
        await add(pace)

    events = [asyncio.ensure_future(add_as_sender()) for _ in range(3)]
    others = asyncio.ensure_future(add(pace))
    await passes()
    is_revoked = True
    for _ in range(3):
        kvs.answers.release()
    results = await asyncio.gather(*events, return_exceptions=True)
    assert [type(result) for result in results] == [type(None), Unauthorized, Unauthorized]
    await others


@pytest.mark.parametrize("request_line", ["DELETE /v1/jobs/ID", "POST /v1/jobs/cancel"])
async def test_a_job_is_not_canceled_after_the_end_of_the_token(
    request_line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, released = asyncio.Event(), asyncio.Event()
    cancel = FakeInstance.raise_exception

    async def cancel_late(instance: FakeInstance, *arguments: Any) -> None:
        entered.set()
        await released.wait()
        check_sender()
        await cancel(instance, *arguments)

    monkeypatch.setattr(FakeInstance, "raise_exception", cancel_late)
    instance = FakeInstance()
    async with serving(instance=instance, **AUTH) as port:
        made = await ask(port, "POST", "/v1/tokens", TOKEN)
        job = (await ask(port, "POST", "/v1/jobs", b'{"command":"true","urgency":0}'))["id"]
        line = request_line.replace("ID", job)
        fields = {"ids": [job]} if line.endswith("cancel") else {}
        canceling = asyncio.ensure_future(put(port, line, bearer(made["token"]), fields))
        await entered.wait()
        await ask(port, "DELETE", f"/v1/tokens/{made['id']}")
        released.set()
        assert await canceling in {202, 401}
        assert instance.calls == []


async def is_waiting(port: int) -> None:
    """Wait until a request waits for another one."""
    # The third request is the one for the metrics.
    while b"fluxapi_requests_under_way 3.0" not in await metrics(port):
        pass


async def test_a_template_is_not_saved_after_the_end_of_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, entered = asyncio.get_running_loop(), asyncio.Event()
    answered, write = threading.Event(), TemplateFolder.write

    def write_late(folder: TemplateFolder, name: str, data: bytes, *, is_new: bool) -> None:
        loop.call_soon_threadsafe(entered.set)
        answered.wait(20)
        write(folder, name, data, is_new=is_new)

    monkeypatch.setattr(TemplateFolder, "write", write_late)
    async with serving(statedir=tmp_path, **AUTH) as port:
        made = await ask(port, "POST", "/v1/tokens", TOKEN)
        job = {"job": {"command": ["true"]}}
        first = asyncio.ensure_future(put(port, "PUT /v1/templates/a", basic(), job))
        await entered.wait()
        late = asyncio.ensure_future(put(port, "PUT /v1/templates/b", bearer(made["token"]), job))
        await is_waiting(port)
        await ask(port, "DELETE", f"/v1/tokens/{made['id']}")
        answered.set()
        assert (await first, await late) == (201, 401)


async def test_a_webhook_is_not_created_after_the_end_of_the_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entered, answered, commit = asyncio.Event(), asyncio.Event(), SqliteStore.commit

    async def commit_late(store: SqliteStore, changes: Changeset) -> Any:
        entered.set()
        await answered.wait()
        return await commit(store, changes)

    async with serving(**AUTH) as port:
        made = await ask(port, "POST", "/v1/tokens", TOKEN)
        monkeypatch.setattr(SqliteStore, "commit", commit_late)
        hook = {"url": "https://example.org/hook"}
        first = asyncio.ensure_future(put(port, "POST /v1/webhooks", basic(), hook))
        await entered.wait()
        late = asyncio.ensure_future(put(port, "POST /v1/webhooks", bearer(made["token"]), hook))
        await is_waiting(port)
        await ask(port, "DELETE", f"/v1/tokens/{made['id']}")
        answered.set()
        assert (await first, await late) == (201, 401)
        assert len((await ask(port, "GET", "/v1/webhooks"))["webhooks"]) == 1


async def test_a_request_without_a_body_has_no_effect_after_the_end_of_its_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may have waited for the instance of a job to open."""

    def check(_: object) -> None:
        raise Unauthorized("The token has ended.")

    instance = FakeInstance()
    async with serving(instance=instance, **AUTH) as port:
        job = (await ask(port, "POST", "/v1/jobs", b'{"command":"true","urgency":0}'))["id"]
        monkeypatch.setattr(authentication, "check_again", check)
        assert await put(port, f"DELETE /v1/jobs/{job}", basic(), {}) == 401
        assert instance.calls == []


async def test_a_ticket_opens_nothing_after_the_end_of_an_access_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(**AUTH) as port:
        access = bearer((await ask(port, "POST", "/v1/token"))["access_token"])
        async with connect(port) as wire:
            await wire.send(head("POST", "/v1/ticket", access))
            answer = await wire.answer()
            assert answer is not None
        ticket = json.loads(answer.body)["ticket"]
        late = time.time() + 86_400
        monkeypatch.setattr("fluxapi.security.credentials.time.time", lambda: late)
        async with connect(port) as wire:
            await wire.send(head("GET", f"/v1/events?ticket={ticket}", {}))
            assert await wire.next_status() == 401
