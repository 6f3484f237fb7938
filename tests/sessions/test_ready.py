"""``/ready`` is true exactly while the table is caught up with the journal."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pytest_aiohttp import AiohttpClient

from fluxapi import app as application
from fluxapi.errors import InstanceUnavailable
from fluxapi.http import keys
from fluxapi.instance.protocol import ChangeBatch
from fluxapi.model.eventlog import Event, JournalMessage, Resync
from fluxapi.model.jobid import JOBID_ANY
from fluxapi.process import background
from fluxapi.sessions.monitor import InstanceMonitor
from fluxapi.settings import Settings
from tests.channel.conftest import session
from tests.channel.reader import Jobs
from tests.channel.site import Site
from tests.channel.test_loss import until_live
from tests.handlers.fake import FakeInstance
from tests.instance.broker.conftest import Broker
from tests.running import needs_flux, service
from tests.waiting import poll_until

__all__ = ["session"]

SENTINEL: ChangeBatch = [JournalMessage(JOBID_ANY, [])]


class Directed(FakeInstance):
    """Tells of its jobs what a test has it tell; ``None`` is the loss of the journal."""

    def __init__(self) -> None:
        super().__init__()
        self.told: asyncio.Queue[ChangeBatch | None] = asyncio.Queue()
        self.asked: asyncio.Queue[None] = asyncio.Queue()
        """One for each time that the journal is asked for."""

    async def changes(self) -> AsyncIterator[ChangeBatch]:
        yield [Resync()]
        self.asked.put_nowait(None)
        while (batch := await self.told.get()) is not None:
            yield batch
        raise InstanceUnavailable("The broker is gone.")


async def status(client: Any, path: str = "/ready") -> int:
    async with client.get(path) as response:
        return int(response.status)


async def test_it_follows_the_journal(
    aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "_CATCH_UP_TIMEOUT_S", 0.01)
    instance = Directed()
    client = await aiohttp_client(application.create_app(Settings(), instance, stop=lambda: None))
    journal = client.app[keys.SESSIONS].root.journal
    await instance.asked.get()
    # The first backlog is not in.
    assert (await status(client), await status(client, "/health")) == (503, 200)
    instance.told.put_nowait(SENTINEL)
    await journal.caught_up()
    assert await status(client) == 200
    # Lost, and asked for again.
    instance.told.put_nowait(None)
    await instance.asked.get()
    assert (await status(client), await status(client, "/health")) == (503, 200)
    assert journal.losses == 1
    # Not at the first words of the new one, but at the end of its backlog.
    taken = asyncio.Event()
    feed = journal.table.feed

    def watch(batch: ChangeBatch) -> Any:
        taken.set()
        return feed(batch)

    monkeypatch.setattr(journal.table, "feed", watch)
    instance.told.put_nowait([JournalMessage(1 << 24, [])])
    await taken.wait()
    assert await status(client) == 503
    taken.clear()
    instance.told.put_nowait(SENTINEL)
    await taken.wait()
    assert await status(client) == 200


async def test_it_tells_how_far_the_backlog_is_read(
    aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "_CATCH_UP_TIMEOUT_S", 0.01)
    instance = Directed()
    client = await aiohttp_client(application.create_app(Settings(), instance, stop=lambda: None))
    await instance.asked.get()

    async def told() -> dict[str, Any]:
        async with client.get("/ready") as response:
            assert response.status == 503
            document: dict[str, Any] = await response.json()
            return document

    document = await told()
    assert document["detail"] == "The service is still reading the jobs of the instance."
    assert document["progress"] == {"read": 0}
    job = JournalMessage(1 << 24, [])

    async def tells(progress: dict[str, int]) -> bool:
        return bool((await told())["progress"] == progress)

    instance.told.put_nowait([job])
    await poll_until(lambda: tells({"read": 1}))
    assert (await told())["detail"].endswith(": 1 so far.")
    instance.told.put_nowait([Resync(1200), job])
    await poll_until(lambda: tells({"read": 1, "total": 1200}))
    assert (await told())["detail"].endswith(": 1 of 1,200.")
    async with client.get("/v1/jobs") as response:
        assert len((await response.json())["jobs"]) == 1
    async with client.get("/v1/events") as response:
        assert (await response.json())["progress"] == {"read": 1, "total": 1200}


async def test_it_is_false_while_the_instance_is_silent_or_the_journal_behind(
    aiohttp_client: AiohttpClient,
) -> None:
    instance = FakeInstance()
    client = await aiohttp_client(application.create_app(Settings(), instance, stop=lambda: None))
    journal = client.app[keys.SESSIONS].root.journal
    monitor = InstanceMonitor(journal)
    instance.gone = True
    await monitor.ping()
    assert (await status(client), await status(client, "/health")) == (503, 200)
    instance.gone = False
    await monitor.ping()
    assert await status(client) == 200
    journal._arrived -= 120  # events from before the backlog was read do not count as late
    late = Event(time.time() - 60, "submit", {"userid": 0, "urgency": 16, "flags": 0, "version": 1})
    instance.post(1 << 24, late, jobspec={})
    await journal.waiters.wait(1 << 24, lambda job: job is not None, 30)
    assert (await status(client), await status(client, "/health")) == (503, 200)


async def test_it_is_false_while_the_monitor_of_the_instance_keeps_failing(
    aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "_MAX_DELAY_S", 0.001)
    pings = asyncio.Semaphore(0)

    async def fail(_monitor: InstanceMonitor) -> None:
        pings.release()
        raise ZeroDivisionError

    monkeypatch.setattr(InstanceMonitor, "ping", fail)
    instance = FakeInstance()
    client = await aiohttp_client(application.create_app(Settings(), instance, stop=lambda: None))
    for _ in range(4):
        await pings.acquire()
    async with client.get("/ready") as response:
        assert response.status == 503
        assert "instance monitor of the service keeps failing" in (await response.json())["detail"]
    assert await status(client, "/health") == 200


@needs_flux
async def test_it_is_false_while_a_real_broker_is_away(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    broker = Broker(tmp_path)
    broker.start()
    try:
        with service("--rpc-timeout=1", FLUX_URI=broker.uri) as running:
            site = Site(running, session, broker.uri)

            async def ready_is(wanted: int) -> bool:
                assert await status(session, f"{site.url}/health") == 200
                return await status(session, f"{site.url}/ready") == wanted

            async with site.read("sse", Jobs()) as reader:
                await until_live(reader, live=True)
                assert await status(session, f"{site.url}/ready") == 200
                broker.kill()
                await until_live(reader, live=False)
                assert await status(session, f"{site.url}/ready") == 503
                assert await status(session, f"{site.url}/health") == 200
                broker.start()
                await until_live(reader, live=True)
                # The next ping tells that calls are answered again, too.
                await poll_until(lambda: ready_is(200))
                # A broker that is stopped closes nothing.
                broker.send(signal.SIGSTOP)
                await poll_until(lambda: ready_is(503))
                broker.send(signal.SIGCONT)
                await poll_until(lambda: ready_is(200))
    finally:
        broker.kill()
