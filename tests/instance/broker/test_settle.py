"""The instance has settled when the reader of its journal has taken all that was submitted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fluxapi.errors import InstanceUnavailable
from fluxapi.instance.broker import ingest
from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import JournalMessage
from tests.contract.site import spec

from .conftest import Broker, Connect
from .test_loss import backlog


async def test_a_reader_of_the_journal_that_is_behind_is_waited_for(
    broker: Broker, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluxapi.instance.broker.ingest._QUIET_S", 0.0)
    instance = await connect(broker.uri, 10)
    journal = instance.changes()
    await backlog(journal)
    (jobid,) = await instance.submit([Submission(spec())])
    settling = asyncio.ensure_future(instance.settle())
    await asyncio.wait({settling}, timeout=1)
    assert not settling.done()
    taken: set[int] = set()
    while not settling.done():
        reading = asyncio.ensure_future(anext(journal))
        await asyncio.wait({settling, reading}, return_when=asyncio.FIRST_COMPLETED)
        if reading.done():
            taken |= {m.id for m in reading.result() if isinstance(m, JournalMessage)}
    await settling
    assert jobid in taken
    reading.cancel()


async def test_a_journal_that_is_lost_leaves_it_unsettled(
    broker: Broker, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluxapi.instance.broker.ingest._QUIET_S", 0.0)
    instance = await connect(broker.uri, 10)
    journal = instance.changes()
    await backlog(journal)
    await instance.submit([Submission(spec())])
    settling = asyncio.ensure_future(instance.settle())
    await asyncio.wait({settling}, timeout=1)
    broker.kill()
    with pytest.raises(InstanceUnavailable):
        await settling


class Ingest:
    """A Flux that has other submissions all the time; ``asked`` are the topics, in order."""

    def __init__(self, backlogs: list[int]) -> None:
        self.asked: list[str] = []
        self.jobid = 0
        self._backlogs = backlogs

    async def __call__(self, topic: str, body: dict[str, Any] | None = None) -> Any:
        del body
        self.asked.append(topic)
        if topic == "job-manager.getinfo":
            self.jobid += 1
            return {"max_jobid": self.jobid}
        if topic == "kvs.commit":
            return {}
        backlog = self._backlogs.pop(0) if self._backlogs else 0
        return {"pipeline": {"frobnicator": None, "validator": {"backlog": backlog}}}


async def test_jobs_of_others_do_not_extend_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each keyed request would get 503 for a minute after each start on a busy instance."""
    monkeypatch.setattr("fluxapi.instance.broker.ingest._QUIET_S", 0.0)
    # In the second round, a job is between two parts of the validator.
    flux = Ingest([1, 0, 1, 0, 0, 0])
    await asyncio.wait_for(ingest.until_announced(flux), 30)
    assert flux.asked == [
        *["job-ingest.stats-get"] * 6,
        "kvs.commit",
        "job-ingest.stats-get",
        "job-manager.getinfo",
    ]
