"""The instance has settled when the reader of its journal has taken all that was submitted."""

from __future__ import annotations

import asyncio

import pytest

from fluxapi.errors import InstanceUnavailable
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
