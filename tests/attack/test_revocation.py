"""Credentials that end between the head of a request and its effect."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from fluxapi.errors import FluxapiError, InstanceUnavailable, Unauthorized
from fluxapi.handlers import many
from fluxapi.http import authentication
from fluxapi.instance.protocol import Submission
from fluxapi.model.jobid import parse
from fluxapi.security.token_file import TokenFile
from fluxapi.security.tokens import TokenStore
from fluxapi.sessions.row_text import text_of
from tests.handlers.fake import FakeInstance
from tests.security.test_credentials import AUTH, basic, bearer

from .wire import connect, serving


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with serving(**AUTH) as port:
        yield port


def head(method: str, path: str, headers: dict[str, str], size: int = 0) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += ["Content-Type: application/json", f"Content-Length: {size}", "", ""]
    return "\r\n".join(lines).encode()


async def ask(port: int, method: str, path: str, body: bytes = b"") -> Any:
    """Return the answer to a request of the owner."""
    async with connect(port) as wire:
        await wire.send(head(method, path, basic(), len(body)) + body)
        answer = await wire.answer()
        assert answer is not None
        assert answer.status in {200, 201, 207}
        return json.loads(answer.body)


async def has_admitted(port: int) -> None:
    """Wait until the service waits for the body of a request."""
    # The other request is the one for the metrics.
    while b"fluxapi_requests_under_way 2.0" not in await metrics(port):
        pass


async def metrics(port: int) -> bytes:
    async with connect(port) as wire:
        await wire.send(head("GET", "/metrics", {**basic(), "Connection": "close"}))
        answer = await wire.answer()
        assert answer is not None
        return answer.body


@pytest.mark.parametrize("ending", ["revoked", "expired"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/tokens", {"name": "after", "scope": "admin"}),
        ("/v1/jobs", {"command": "true"}),
        ("/v1/jobs/bulk", {"jobs": [{"command": "true"}]}),
        ("/v1/jobs/cancel", {"filter": {"state": ["RUNNING"]}}),
    ],
)
async def test_a_body_that_comes_after_the_end_of_its_token_has_no_effect(
    port: int, path: str, body: dict[str, Any], ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await ask(port, "POST", "/v1/tokens", b'{"name":"lost","scope":"admin"}')
    content = json.dumps(body).encode()
    async with connect(port) as wire:
        await wire.send(head("POST", path, bearer(made["token"]), len(content)))
        await has_admitted(port)
        if ending == "revoked":
            await ask(port, "DELETE", f"/v1/tokens/{made['id']}")
        else:
            late = made["expires"] + 1
            monkeypatch.setattr("fluxapi.security.credentials.time.time", lambda: late)
        await wire.send(content)
        answer = await wire.answer()
        assert answer is not None
        assert answer.status == 401
    monkeypatch.undo()
    listed = await ask(port, "GET", "/v1/tokens")
    assert [token["name"] for token in listed["tokens"] if token["name"] == "after"] == []
    assert (await ask(port, "GET", "/v1/jobs"))["jobs"] == []


async def test_a_token_that_waits_to_be_created_is_not_if_its_creator_is_revoked() -> None:
    store = TokenStore()
    parent, _ = await store.create("parent", "admin", time.time() + 60)
    revoking = asyncio.ensure_future(store.revoke(parent.id))
    creating = asyncio.ensure_future(store.create("child", "admin", None, {parent.id, "sign-in:1"}))
    await revoking
    with pytest.raises(Unauthorized):
        await creating
    assert store.all() == []


async def test_a_token_is_revoked_at_once_though_the_disk_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, answered = TokenStore(tmp_path / "tokens.json"), threading.Event()
    ended: list[str] = []
    await store.open()
    store.on_revoke = ended.append
    token, secret = await store.create("lost", "view", None)
    write = TokenFile.write

    def write_late(file: TokenFile, tokens: Any) -> None:
        answered.wait(20)
        write(file, tokens)

    monkeypatch.setattr(TokenFile, "write", write_late)
    writing = asyncio.ensure_future(store.create("other", "view", None))
    await asyncio.sleep(0)
    revoking = asyncio.ensure_future(store.revoke("lost"))
    await asyncio.sleep(0)
    try:
        assert store.find(secret) is None
        assert ended == [token.id]
        assert not revoking.done()
    finally:
        answered.set()
    await asyncio.gather(writing, revoking)
    await store.close()
    again = TokenStore(tmp_path / "tokens.json")
    await again.open()
    assert [one.name for one in again.all()] == ["other"]
    await again.close()


async def test_a_client_that_waits_for_a_job_sees_nothing_after_the_end_of_its_token() -> None:
    instance = FakeInstance()
    async with serving(instance=instance, **AUTH) as port, connect(port) as wire:
        job = await ask(port, "POST", "/v1/jobs", b'{"command":"true"}')
        made = await ask(port, "POST", "/v1/tokens", b'{"name":"lost"}')
        await wire.send(head("GET", f"/v1/jobs/{job['id']}/wait", bearer(made["token"])))
        await has_admitted(port)
        await ask(port, "DELETE", f"/v1/tokens/{made['id']}")
        instance.finish(parse(job["id"]))
        answer = await wire.answer()
        assert answer is not None
        assert answer.status == 401


async def test_jobs_of_a_list_are_not_shown_after_the_end_of_the_token(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, released = asyncio.Event(), asyncio.Event()

    async def encode_late(*arguments: Any) -> Any:
        entered.set()
        await released.wait()
        return await text_of(*arguments)

    monkeypatch.setattr(many, "text_of", encode_late)
    job = await ask(port, "POST", "/v1/jobs", b'{"command":"true"}')
    made = await ask(port, "POST", "/v1/tokens", b'{"name":"lost"}')
    body = json.dumps({"ids": [job["id"]]}).encode()
    async with connect(port) as wire:
        await wire.send(head("POST", "/v1/jobs/query", bearer(made["token"]), len(body)) + body)
        await entered.wait()
        await ask(port, "DELETE", f"/v1/tokens/{made['id']}")
        released.set()
        answer = await wire.answer()
        assert answer is not None
        assert answer.status == 401


take = FakeInstance._take


def take_if_allowed(instance: FakeInstance, submission: Submission) -> int | FluxapiError:
    """Take a job in as a real instance does, which asks first."""
    if submission.has_left():
        return InstanceUnavailable("The client has left.")
    return take(instance, submission)


async def test_the_rest_of_a_bulk_is_not_submitted_after_the_end_of_its_token(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = count()
    monkeypatch.setattr(authentication, "_have_ended", lambda *_: next(asked) >= 3)
    monkeypatch.setattr(FakeInstance, "_take", take_if_allowed)
    body = json.dumps({"jobs": [{"command": "true", "urgency": 0}] * 10}).encode()
    result = await ask(port, "POST", "/v1/jobs/bulk", body)
    assert (result["submitted"], result["failed"]) == (3, 7)
    assert len((await ask(port, "GET", "/v1/jobs"))["jobs"]) == 3


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/jobs", {"command": "true"}),
        ("/v1/jobs/bulk", {"jobs": [{"command": "true"}] * 2}),
        ("/v1/jobs/cancel", {"filter": {"state": ["SCHED"]}}),
    ],
)
async def test_a_request_whose_token_ends_while_it_waits_has_no_effect(
    port: int, path: str, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await ask(port, "POST", "/v1/jobs", b'{"command":"true","urgency":0}')
    asked = count()

    def check(_: object) -> None:
        if next(asked):
            raise Unauthorized("The token has ended.")

    content = json.dumps(body).encode()
    monkeypatch.setattr(FakeInstance, "_take", take_if_allowed)
    with monkeypatch.context() as patch:
        patch.setattr(authentication, "check_again", check)
        patch.setattr(authentication, "_have_ended", lambda *_: True)
        async with connect(port) as wire:
            await wire.send(head("POST", path, basic(), len(content)) + content)
            answer = await wire.answer()
    assert answer is not None
    assert answer.status == 401
    listed = (await ask(port, "GET", "/v1/jobs"))["jobs"]
    assert [(one["id"], one["state"]) for one in listed] == [(job["id"], "SCHED")]
