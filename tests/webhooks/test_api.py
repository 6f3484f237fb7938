"""``/v1/webhooks``: create, list, test, rotate and remove webhooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from fluxapi.contracts import schema
from fluxapi.errors import SettingsError
from fluxapi.webhooks import webhooks as module
from fluxapi.webhooks.signature import new_secret
from fluxapi.webhooks.targets import Targets
from fluxapi.webhooks.webhooks import Webhooks
from tests.security.test_credentials import AUTH, basic

from .conftest import Serve, until
from .receiver import Receiver

SECRET = new_secret()


async def test_the_secret_is_shown_once(serve: Serve, receiver: Receiver) -> None:
    site = await serve()
    made = await site.hook(receiver, name="mine")
    secret = made.pop("secret")
    assert made.pop("kept") is False
    schema.check("webhook", made)
    listing = await site.ask("GET", "/webhooks")
    assert listing == {"webhooks": [made], "kept": False}
    for path in ("/webhooks/mine", f"/webhooks/{made['id']}"):
        assert await site.ask("GET", path) == made
    page = await (await site.client.get("/ui/webhooks")).text()
    metrics = await (await site.client.get("/metrics")).text()
    for text in (json.dumps(listing), page, metrics):
        assert secret not in text
        assert secret.removeprefix("whsec_") not in text


async def test_no_secret_is_logged(
    serve: Serve, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    site = await serve()
    body = {"url": f"{receiver.url}?token=hush-hush", "name": "mine"}
    made = await site.ask("POST", "/webhooks", 201, json=body)
    await site.submit()
    await receiver.wait(4)
    await site.ask("POST", "/webhooks/mine/test")
    assert made["secret"] not in caplog.text
    assert "hush-hush" not in caplog.text
    assert "hush-hush" not in json.dumps(await site.ask("GET", "/webhooks"))
    assert "hush-hush" not in await (await site.client.get("/ui/webhooks")).text()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({"url": "http://hooks.example.org/"}, None),  # its addresses decide
        ({"url": "https://10.0.0.1/"}, "/url"),
        ({"url": "https://[::ffff:169.254.169.254]/"}, "/url"),
        ({"url": "https://me@hooks.example.org/"}, "/url"),
        ({"url": "https://h.example/", "name": "../x"}, "/name"),
        ({"url": "https://h.example/", "name": "a\nb"}, "/name"),
        ({"url": "https://h.example/", "kinds": ["jobs"]}, "/kinds/0"),
        ({"url": "https://h.example/", "kinds": []}, "/kinds"),
        ({"url": "https://h.example/", "filter": {"id": ["none"]}}, "/filter/id/0"),
        ({"url": "https://h.example/", "filter": {"states": []}}, "/filter/states"),
        ({"url": "https://h.example/", "secret": "secret"}, "/secret"),
        ({"url": "https://h.example/", "secret": "whsec_AAAA"}, "/secret"),
        ({"url": "https://h.example/", "secret": "whsec_" + "A" * 101}, "/secret"),
    ],
)
async def test_a_bad_field_is_named(
    serve: Serve, body: dict[str, Any], pointer: str | None
) -> None:
    site = await serve()
    response = await site.client.post("/v1/webhooks", json=body)
    answer = await response.json()
    if pointer is None:
        assert response.status == 201
    else:
        assert response.status == 422
        assert pointer in [error["pointer"] for error in answer["errors"]]


async def test_names_and_numbers_are_limited(
    serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WEBHOOKS", 2)
    site = await serve()
    await site.hook(receiver, name="mine")
    body = {"url": receiver.url, "name": "mine"}
    assert "named mine" in (await site.ask("POST", "/webhooks", 409, json=body))["detail"]
    await site.hook(receiver)
    body = {"url": receiver.url}
    assert "the limit" in (await site.ask("POST", "/webhooks", 409, json=body))["detail"]


async def test_a_removed_webhook_gets_nothing(serve: Serve, receiver: Receiver) -> None:
    site = await serve()
    await site.hook(receiver, name="mine")
    kept = await site.hook(receiver, name="kept")
    await site.ask("DELETE", "/webhooks/mine")
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/test"),
        ("POST", "/rotate"),
        ("POST", "/enable"),
        ("GET", "/dead"),
        ("POST", "/retry"),
    ):
        await site.ask(method, f"/webhooks/mine{path}", 404)
    await site.submit()
    await receiver.wait(4)
    await until(lambda: not site.webhooks.get("kept").pending)
    assert all(it.verify(kept["secret"]) for it in receiver.messages)
    assert len(receiver.messages) == 4


async def test_a_test_is_sent_once(serve: Serve, receiver: Receiver) -> None:
    site = await serve()
    made = await site.hook(receiver, name="mine")
    found = await site.ask("POST", "/webhooks/mine/test")
    assert (found["delivered"], found["status"]) == (True, 204)
    (message,) = receiver.messages
    assert message.document["type"] == "fluxapi.test"
    assert message.verify(made["secret"])

    async def refuse(_request: web.Request) -> web.Response:
        return web.Response(status=404, text="private words")

    receiver.answer = refuse
    found = await site.ask("POST", "/webhooks/mine/test")
    assert (found["delivered"], found["reason"]) == (False, "The target answered 404.")
    assert len(receiver.messages) == 2


async def test_two_secrets_for_a_day(
    serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await serve()
    old = (await site.hook(receiver, name="mine"))["secret"]
    new = (await site.ask("POST", "/webhooks/mine/rotate"))["secret"]
    assert new != old
    await site.ask("POST", "/webhooks/mine/test")
    assert [receiver.messages[-1].verify(secret) for secret in (new, old)] == [True, True]
    monkeypatch.setattr("fluxapi.webhooks.webhook.OVERLAP_S", 0.0)
    await site.ask("POST", "/webhooks/mine/test")
    assert [receiver.messages[-1].verify(secret) for secret in (new, old)] == [True, False]


async def test_a_secret_of_ones_own(serve: Serve, receiver: Receiver) -> None:
    site = await serve()
    made = await site.hook(receiver, secret=SECRET)
    assert made["secret"] == SECRET
    await site.ask("POST", f"/webhooks/{made['id']}/test")
    assert receiver.messages[0].verify(SECRET)


@pytest.mark.parametrize("scope", ["view", "operate", "submit"])
async def test_only_an_admin_manages_webhooks(serve: Serve, scope: str) -> None:
    site = await serve(**AUTH)
    body = {"name": "guest", "scope": scope}
    made = await site.ask("POST", "/tokens", 201, json=body, headers=basic())
    headers = {"Authorization": f"Bearer {made['token']}"}
    assert (await site.client.get("/v1/webhooks", headers=headers)).status == 403
    assert (await site.client.post("/v1/webhooks", json={}, headers=headers)).status == 403
    assert (await site.client.get("/ui/webhooks", headers=headers)).status == 403


def declared(folder: Path, *webhooks: dict[str, Any], mode: int = 0o600) -> Path:
    path = folder / "webhooks.json"
    path.write_text(json.dumps({"webhooks": webhooks}), encoding="utf-8")
    path.chmod(mode)
    return path


async def test_webhooks_of_a_file(serve: Serve, receiver: Receiver, tmp_path: Path) -> None:
    entry = {"name": "mine", "url": receiver.url, "secret": SECRET}
    file = declared(tmp_path, entry, {**entry, "name": "other", "kinds": ["group-done"]})
    site = await serve(statedir=tmp_path / "state", webhooks_file=file)
    shown = (await site.ask("GET", "/webhooks"))["webhooks"]
    assert {it["name"]: it["origin"] for it in shown} == {"mine": "file", "other": "file"}
    await site.submit()
    assert all(it.verify(SECRET) for it in await receiver.wait(4))
    for method, path in (("DELETE", "mine"), ("POST", "mine/rotate")):
        refused = await site.ask(method, f"/webhooks/{path}", 409)
        assert "--webhooks-file" in refused["detail"]
    await until(lambda: site.webhooks.get("mine").webhook.delivered == 4)
    await site.stop()
    declared(tmp_path, {**entry, "filter": {"event": ["clean"]}})
    again = await serve(site.instance, statedir=tmp_path / "state", webhooks_file=file)
    (only,) = (await again.ask("GET", "/webhooks"))["webhooks"]
    assert (only["name"], only["filter"]) == ("mine", {"event": ["clean"]})
    assert only["delivered"] == 4


@pytest.mark.parametrize(
    ("entry", "mode", "words"),
    [
        ({}, 0o644, "chmod 600"),
        ({"url": "https://10.0.0.1/"}, 0o600, "not a public address"),
        ({"secret": "whsec_AAAA"}, 0o600, "24 to 64 bytes"),
        ({"filter": {"id": ["none"]}}, 0o600, "/filter/id/0"),
        ({"color": "red"}, 0o600, "color"),
    ],
)
async def test_a_bad_file_is_told(
    tmp_path: Path, entry: dict[str, Any], mode: int, words: str
) -> None:
    good = {"name": "mine", "url": "https://hooks.example.org/", "secret": SECRET}
    file = declared(tmp_path, {**good, **entry}, mode=mode)
    with pytest.raises(SettingsError, match=words):
        await Webhooks(tmp_path / "state", Targets(), file).open()


async def test_two_of_one_name_in_a_file(tmp_path: Path) -> None:
    entry = {"name": "mine", "url": "https://hooks.example.org/", "secret": SECRET}
    file = declared(tmp_path, entry, entry)
    with pytest.raises(SettingsError, match="two webhooks are named mine"):
        await Webhooks(None, Targets(), file).open()


async def test_metrics(serve: Serve, receiver: Receiver) -> None:
    site = await serve()
    await site.hook(receiver)
    await site.submit()
    await receiver.wait(4)
    await until(lambda: site.webhooks.dispatcher.outcomes["delivered"] == 4)
    text = await (await site.client.get("/metrics")).text()
    assert 'fluxapi_webhook_attempts_total{result="delivered"} 4.0' in text
    assert 'fluxapi_webhooks{state="ok"} 1.0' in text


async def test_without_webhooks_the_journal_costs_nothing(serve: Serve) -> None:
    site = await serve()
    await site.submit()
    outbox = site.webhooks.outbox
    assert (outbox.is_empty, outbox.stored_cursor) == (True, 0.0)
