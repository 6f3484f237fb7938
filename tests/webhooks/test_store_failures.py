"""A store of webhooks that cannot be written, as on a full disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fluxapi.errors import NotStored
from fluxapi.model.eventlog import Event
from fluxapi.webhooks import outbox
from fluxapi.webhooks.database import FILE_NAME
from fluxapi.webhooks.port import FOREVER
from fluxapi.webhooks.signature import new_secret
from fluxapi.webhooks.store import SqliteStore

from .conftest import Serve, Site, until
from .receiver import Receiver
from .test_api import declared
from .test_failures import hold, statuses
from .test_restart import indexes


def break_store(site: Site, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let nothing be stored until the function that this returns is called."""
    store = site.webhooks._store
    commit = store.commit

    async def broken(*_: Any) -> Any:
        raise NotStored("The file cannot be used: the disk is full.")

    monkeypatch.setattr(store, "commit", broken)
    return lambda: monkeypatch.setattr(store, "commit", commit)


async def test_a_store_that_fails_is_told_and_tried_again(
    serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_RETRY_PAUSE_S", 0.05)
    site = await serve()
    await site.hook(receiver)
    mend = break_store(site, monkeypatch)
    job = await site.submit()
    await until(lambda: site.webhooks.outbox.problem is not None)
    assert "disk is full" in (await site.ask("GET", "/webhooks"))["problem"]
    mend()
    await receiver.until(lambda them: indexes(them, job) == list(range(4)))
    assert "problem" not in await site.ask("GET", "/webhooks")


async def test_the_context_of_an_event_waits_as_text_and_counts(
    serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await serve()
    await site.hook(receiver)
    break_store(site, monkeypatch)
    waiting = site.webhooks.outbox
    before = waiting._queued_bytes
    # Its values take 1.4 MB, and a store that fails leaves 20,000 events in the queue.
    memo = Event(1.0, "memo", {"x": [{} for _ in range(20_000)]})
    waiting._queue_event(list(site.webhooks.hooks), 1, None, memo)
    assert waiting._queued_bytes > before + 60_000
    context = waiting._queue[-1].notice.data["event"]["context"]
    assert isinstance(context, msgspec.Raw)
    assert msgspec.json.decode(context) == memo.context


async def test_a_removed_webhook_does_not_come_back(
    serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(outbox, "_RETRY_PAUSE_S", 0.05)
    site = await serve(statedir=tmp_path)
    await site.hook(receiver, name="mine")
    mend = break_store(site, monkeypatch)
    await site.submit()
    await until(lambda: site.webhooks.outbox.problem is not None)
    await site.ask("DELETE", "/webhooks/mine")
    mend()
    await until(lambda: site.webhooks.outbox.is_empty)
    await site.stop()
    again = await serve(site.instance, statedir=tmp_path)
    assert (await again.ask("GET", "/webhooks"))["webhooks"] == []


async def test_a_webhook_that_cannot_be_enabled_stays_disabled(
    serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await serve()
    receiver.answer = statuses(410)
    await site.hook(receiver, name="mine")
    await site.submit()
    hook = site.webhooks.get("mine")
    await until(lambda: hook.webhook.disabled is not None and site.webhooks.outbox.is_empty)
    mend = break_store(site, monkeypatch)
    await site.ask("POST", "/webhooks/mine/enable", 507)
    assert (await site.shown("mine"))["enabled"] is False
    mend()
    assert (await site.ask("POST", "/webhooks/mine/enable"))["enabled"] is True
    job = await site.submit()
    await receiver.until(lambda them: indexes(them, job) == list(range(4)))


async def test_a_webhook_that_cannot_be_removed_goes_on(
    serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_RETRY_PAUSE_S", 0.05)
    site = await serve()
    release = hold(receiver)
    await site.hook(receiver, name="mine")
    job = await site.submit()
    await receiver.wait(1)
    hook = site.webhooks.get("mine")
    asked, answered = asyncio.Event(), asyncio.Event()

    async def broken(*_: Any) -> None:
        asked.set()
        await answered.wait()
        raise NotStored("The file cannot be used: the disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(site.webhooks._store, "remove", broken)
        removal = asyncio.ensure_future(site.ask("DELETE", "/webhooks/mine", 507))
        await asked.wait()
        release()
        await until(lambda: not site.webhooks.dispatcher.sending)
        answered.set()
        await removal
    assert site.webhooks.get("mine") is hook
    await receiver.until(lambda them: indexes(them, job) == list(range(4)))


async def test_marks_of_a_removed_webhook_are_not_stored(
    serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(outbox, "_RETRY_PAUSE_S", 0.05)
    site = await serve(statedir=tmp_path)
    hook = site.webhooks.get((await site.hook(receiver))["id"])
    mend = break_store(site, monkeypatch)
    site.webhooks.outbox.changes.marks.append((hook.id, "queue batch", FOREVER))
    site.webhooks.outbox.wake()
    await until(lambda: site.webhooks.outbox.problem is not None)
    await site.ask("DELETE", f"/webhooks/{hook.id}")
    mend()
    await until(lambda: site.webhooks.outbox.is_empty)
    await site.stop()
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        assert database.execute("SELECT * FROM taken").fetchall() == []
    database.close()


async def test_a_store_that_fails_at_the_start_harms_nothing(
    serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begin = SqliteStore.begin

    async def broken(*_: Any) -> None:
        raise NotStored("The file cannot be used: the disk is full.")

    monkeypatch.setattr(SqliteStore, "begin", broken)
    site = await serve(statedir=tmp_path)
    refused = await site.ask("POST", "/webhooks", 507, json={"url": receiver.url})
    assert "disk is full" in refused["detail"]
    monkeypatch.setattr(SqliteStore, "begin", begin)
    await site.hook(receiver)
    job = await site.submit()
    await receiver.until(lambda them: indexes(them, job) == list(range(4)))


async def test_webhooks_of_a_file_work_though_the_store_fails_at_the_start(
    serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(outbox, "_RETRY_PAUSE_S", 0.05)
    fields = {"name": "old", "url": receiver.url, "secret": new_secret()}
    first = await serve(statedir=tmp_path, webhooks_file=declared(tmp_path, fields))
    await first.stop()
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        # It keeps the time of its creation, before which it gets no events.
        assert database.execute("SELECT count(*) FROM webhooks").fetchone() == (1,)
    database.close()

    async def broken(*_: Any) -> None:
        raise NotStored("The file cannot be used: the disk is full.")

    methods = {name: getattr(SqliteStore, name) for name in ("commit", "remove")}
    for name in methods:
        monkeypatch.setattr(SqliteStore, name, broken)
    file = declared(tmp_path, {**fields, "name": "new"})
    site = await serve(first.instance, statedir=tmp_path, webhooks_file=file)
    found = await site.ask("GET", "/webhooks")
    assert [it["name"] for it in found["webhooks"]] == ["new"]
    for name, method in methods.items():
        monkeypatch.setattr(SqliteStore, name, method)
    job = await site.submit()
    await receiver.until(lambda them: indexes(them, job) == list(range(4)))
    await site.stop()
    last = await serve(first.instance, statedir=tmp_path, webhooks_file=file)
    found = await last.ask("GET", "/webhooks")
    assert [it["name"] for it in found["webhooks"]] == ["new"]
