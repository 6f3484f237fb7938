"""Clients that ask for long eventlogs, and read slowly or not at all: few bytes wait for each."""

from __future__ import annotations

import asyncio
import gc
import weakref
from functools import partial
from typing import Any

import pytest

from fluxapi.events import job_history
from fluxapi.events.job_history import JobHistories, JobHistory
from fluxapi.events.transport.wire import Lines
from fluxapi.http import keys
from fluxapi.http.work_turns import WorkTurns
from fluxapi.model import jobid as jobids
from fluxapi.model.eventlog import Event
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

MEMO = "m" * 20_000


def eventlog(count: int) -> list[Event]:
    return [Event(float(at), "memo", {"text": f"{MEMO}{at}"}) for at in range(count)]


async def history_of(histories: JobHistories, count: int, jobid: int = 1) -> JobHistory:
    async def read(_: int) -> list[Event]:
        return eventlog(count)

    return await histories.read(jobid, read)


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

    history = await JobHistories().read(1, read)
    assert b'"index":0' in history.bodies[-1]
    assert history.indexed == 1


async def test_few_eventlogs_are_read_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    most = under_way = 0

    async def read(_: int) -> list[Event]:
        nonlocal most, under_way
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return eventlog(1)

    monkeypatch.setattr(job_history, "_MAX_READS", 3)
    histories = JobHistories()
    await asyncio.gather(*(histories.read(at, read) for at in range(50)))
    assert most == 3


async def test_the_oldest_stream_gives_way_to_eventlogs_of_other_jobs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    histories = JobHistories(max_bytes=500_000)
    ended: list[int] = []
    senders = []
    for job in range(1, 5):
        history = await history_of(histories, 10, job)
        senders.append(histories.send(history, Lines(), partial(ended.append, job)))
        now += 1.0
    # Each has 200,000 bytes.
    assert ended == [1, 2]
    assert list(senders[0]) == []
    assert len(list(senders[3])) > 1
    senders[2].close()
    assert histories._held() == 0


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
