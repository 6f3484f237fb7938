"""Clients that ask for long eventlogs, and read slowly or not at all: few bytes wait for each."""

from __future__ import annotations

import asyncio
import gc
import weakref
from functools import partial
from typing import Any, cast

import pytest

from fluxapi.events.job_history import HistorySender, JobHistories, JobHistory
from fluxapi.events.transport.stream_writer import StreamWriter
from fluxapi.events.transport.wire import Lines
from fluxapi.http import keys
from fluxapi.http.work_turns import WorkTurns
from fluxapi.model import jobid as jobids
from fluxapi.model.eventlog import Event
from fluxapi.process import kept_bytes
from tests.handlers.conftest import Service, service, start

from .wire import PATIENCE_S

__all__ = ["service", "start"]

MEMO = "m" * 20_000


def eventlog(count: int) -> list[Event]:
    return [Event(float(at), "memo", {"text": f"{MEMO}{at}"}) for at in range(count)]


async def history_of(histories: JobHistories, count: int, jobid: int = 1) -> JobHistory:
    async def read(_: int) -> list[Event]:
        return eventlog(count)

    return await histories.read(jobid, read, "one")


@pytest.mark.parametrize("kind", ["application/x-ndjson", "text/event-stream", "text/plain"])
async def test_a_stream_keeps_no_event_that_it_has_sent(
    service: Service, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    name = await service.submit()
    made: list[weakref.ref[JobHistory]] = []
    send = JobHistories.send

    def noted(self: JobHistories, history: JobHistory, *rest: Any) -> Any:
        made.append(weakref.ref(history))
        return send(self, history, *rest)

    monkeypatch.setattr(JobHistories, "send", noted)
    gc.disable()
    try:
        path = f"/v1/jobs/{name}/events"
        async with service.client.get(path, headers={"Accept": kind}) as response:
            while b"priority" not in await response.content.readline():
                assert not response.content.at_eof()
            service.instance.post(jobids.parse(name), Event(9.0, "memo", {"seen": True}))
            while b"seen" not in await response.content.readline():
                assert not response.content.at_eof()
            assert [history() for history in made] == [None]
    finally:
        gc.enable()


async def test_readers_of_a_job_share_its_events() -> None:
    histories = JobHistories()
    first, again, longer = [await history_of(histories, count) for count in (3, 3, 5)]
    assert again is first
    assert all(one is other for one, other in zip(first.bodies, longer.bodies, strict=False))
    assert len(longer.bodies) == 5


async def test_a_history_is_written_in_pieces() -> None:
    history = await history_of(JobHistories(), 20)
    pieces = list(history.pieces(Lines(chunked=False)))
    assert len(pieces) > 4
    assert b"".join(pieces).count(b"\n") == 20
    assert max(map(len, pieces)) < 100_000


async def test_events_of_the_same_moment_have_their_own_indices() -> None:
    async def read(_: int) -> list[Event]:
        return [Event(1.0, "memo", {"a": 1}), Event(1.0, "memo", {"a": 2}), Event(2.0, "start")]

    history = await JobHistories().read(1, read, "one")
    assert b'"index":0' in history.bodies[-1]
    assert history.indexed == 1


async def test_few_eventlogs_are_read_at_the_same_time() -> None:
    most = under_way = 0

    async def read(_: int) -> list[Event]:
        nonlocal most, under_way
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return eventlog(1)

    histories = JobHistories()
    await asyncio.gather(*(histories.read(at, read, "one") for at in range(50)))
    assert most == 4
    await asyncio.gather(*(histories.read(at, read, f"{at}") for at in range(50)))
    assert most == 8


async def test_one_client_does_not_have_all_turns() -> None:
    held, histories = asyncio.Event(), JobHistories()

    async def wait(_: int) -> list[Event]:
        await held.wait()
        return eventlog(1)

    slow = [asyncio.create_task(histories.read(at, wait, "slow")) for at in range(50)]
    await asyncio.sleep(0)
    await asyncio.wait_for(history_of(histories, 1), PATIENCE_S)
    held.set()
    await asyncio.gather(*slow)


class Connection:
    """A connection of a client that reads nothing."""

    unsent = 0

    def __init__(self, client: str) -> None:
        self.client = client


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_bytes, "_LOOK_INTERVAL_S", 0.0)


async def begin(
    histories: JobHistories, job: int, client: str, ended: list[tuple[str, int]]
) -> HistorySender:
    """Begin a stream with 200,000 bytes of events, of which nothing is read."""
    writer, history = Connection(client), await history_of(histories, 10, job)
    give_way = partial(ended.append, (client, job))
    return histories.send(history, cast("StreamWriter", writer), Lines(), give_way)


@pytest.mark.usefixtures("looks")
async def test_no_client_ends_the_streams_of_another() -> None:
    histories = JobHistories(max_bytes=500_000)
    ended: list[tuple[str, int]] = []
    first = await begin(histories, 0, "a little", ended)
    shared = await begin(histories, 0, "much", ended)
    senders = [await begin(histories, job, "much", ended) for job in range(1, 5)]
    for _ in range(50):
        await asyncio.sleep(0)
    assert ended == [("much", 1), ("much", 2), ("much", 3)]
    assert list(senders[0]) == []
    assert len(list(senders[3])) > 1
    assert histories.kept.used < 300_000
    shared.close()
    assert len(list(first)) > 1
    assert histories.kept.used == 0


@pytest.mark.usefixtures("looks")
async def test_a_stream_that_is_read_does_not_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_bytes, "_MIN_PROGRESS_BYTES", 1)
    histories = JobHistories(max_bytes=500_000)
    ended: list[tuple[str, int]] = []
    read = await begin(histories, 0, "much", ended)
    for job in range(1, 5):
        await begin(histories, job, "much", ended)
    for _ in range(3):
        next(read)
        await asyncio.sleep(0)
    assert ended
    assert ("much", 0) not in ended


async def test_few_texts_of_jobs_are_read_at_the_same_time(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await service.submit()
    app = service.client.app
    assert app is not None
    most = under_way = 0
    lookup = service.instance.lookup

    async def counted(*args: Any) -> str:
        nonlocal most, under_way
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return await lookup(*args)

    monkeypatch.setattr(service.instance, "lookup", counted)
    monkeypatch.setitem(app._state, keys.LOOKUPS, WorkTurns(4, 100))
    paths = [f"/v1/jobs/{name}/{part}" for part in ("eventlog", "jobspec")]
    answers = await asyncio.gather(*(service.client.get(path) for path in paths * 20))
    assert {answer.status for answer in answers} == {200}
    assert most == 2
